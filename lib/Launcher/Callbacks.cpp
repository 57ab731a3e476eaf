//===- Callbacks.cpp - The Python side of the launcher --------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Callbacks.h"
#include "Launcher.h"

using namespace graft::launcher;

Callbacks &graft::launcher::callbacks = *new Callbacks();

namespace {
struct NamedCallback {
  const char *name;
  Callback Callbacks::*callback;
};
} // namespace

static const NamedCallback all[] = {
    {"make", &Callbacks::make},
    {"compile", &Callbacks::compile},
    {"finish", &Callbacks::finish},
    {"subscript", &Callbacks::subscript},
    {"tune", &Callbacks::tune},
    {"describe", &Callbacks::describe},
    {"go_on", &Callbacks::goOn},
    {"refuse", &Callbacks::refuse},
    {"still_holds", &Callbacks::stillHolds},
};

/// Sets the callback called *name*. Returns false with a TypeError set if there
/// is none.
static bool setCallback(PyObject *name, PyObject *function) {
  for (const NamedCallback &known : all)
    if (PyUnicode_CompareWithASCIIString(name, known.name) == 0) {
      (callbacks.*known.callback).set(function);
      return true;
    }
  PyErr_Format(PyExc_TypeError, "set_callbacks: there is no callback %R", name);
  return false;
}

/// `set_callbacks(name=function, ...)`: the functions of Python's; those that
/// are not named stay.
static PyObject *setCallbacks(PyObject *, PyObject *, PyObject *named) {
  PyObject *name, *function;
  Py_ssize_t position = 0;
  while (named && PyDict_Next(named, &position, &name, &function))
    if (!setCallback(name, function))
      return nullptr;
  Py_RETURN_NONE;
}

bool graft::launcher::addCallbacks(PyObject *module) {
  static PyMethodDef methods[] = {{"set_callbacks", method(setCallbacks),
                                   METH_VARARGS | METH_KEYWORDS,
                                   "Sets the Python side of the launcher."},
                                  {nullptr, nullptr, 0, nullptr}};
  return PyModule_AddFunctions(module, methods) == 0;
}
