//===- HostFunction.cpp - triton.cdiv and its like, called by the host ----===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A `constexpr_function` is for kernels and for the host. Triton's `__call__`
// takes constants out of their wrappers first, which takes the host, who has
// none, forty times as long as the function itself. What is plain is handed on
// here at once, and all else goes Triton's way.
//
//===----------------------------------------------------------------------===//

#include "Launcher.h"
#include "Names.h"
#include "NativeFunction.h"

#include <algorithm>

using namespace graft::launcher;

/// Triton's own `__call__`.
static Callback original;

/// The keyword by which the compiler calls.
static PyObject *semantic;

/// Whether *value* is of a type that Triton hands on as it is. Others may be
/// so, too, but may say of themselves what they are.
static bool isPlain(PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  return type == &PyLong_Type || type == &PyFloat_Type ||
         type == &PyBool_Type || type == &PyUnicode_Type || value == Py_None;
}

/// The vectorcall of `ConstexprFunction.__call__`: of a function and what it is
/// called with. Returns a new reference, or null with an exception set. Needs
/// the GIL.
static PyObject *callOnHost(PyObject *, PyObject *const *given, size_t flags,
                            PyObject *keywords) {
  Py_ssize_t number = PyVectorcall_NARGS(flags);
  Py_ssize_t named = keywords ? PyTuple_Size(keywords) : 0;
  bool plain =
      number > 0 && std::all_of(given + 1, given + number + named, isPlain);
  for (Py_ssize_t i = 0; plain && i < named; ++i)
    plain = PyUnicode_Compare(PyTuple_GetItem(keywords, i), semantic) != 0;
  Ref function =
      plain ? Ref(PyObject_GetAttr(given[0], names.fn)) : original.held();
  if (!function)
    return nullptr;
  Py_ssize_t first = plain ? 1 : 0;
  return PyObject_Vectorcall(function.get(), given + first,
                             static_cast<size_t>(number - first), keywords);
}

/// `set_host_call(function, original)`: *function*, a copy of *original*, is
/// called natively. Needs the GIL.
static PyObject *setHostCall(PyObject *, PyObject *args) {
  PyObject *function = nullptr, *own = nullptr;
  if (!PyArg_ParseTuple(args, "OO:set_host_call", &function, &own))
    return nullptr;
  original.set(own);
  replaceCall(function, callOnHost);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_host_call", setHostCall, METH_VARARGS,
     "Has a function of the host's be called natively."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addHostFunction(PyObject *module) {
  return internNames({{&semantic, "_semantic"}}) &&
         PyModule_AddFunctions(module, methods) == 0;
}
