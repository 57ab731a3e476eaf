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

#include <algorithm>
#include <vector>

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

/// Has Triton's own `__call__` do it. Returns a new reference, or null with an
/// exception set.
static PyObject *callOriginal(PyObject *self, PyObject *const *values,
                              Py_ssize_t positional, PyObject *keywords) {
  Ref function = original.held();
  if (!function)
    return nullptr;
  Py_ssize_t named = keywords ? PyTuple_Size(keywords) : 0;
  std::vector<PyObject *> all{self};
  all.insert(all.end(), values, values + positional + named);
  return PyObject_Vectorcall(function.get(), all.data(),
                             static_cast<size_t>(positional) + 1, keywords);
}

/// `__call__` of a `ConstexprFunction`. Returns a new reference, or null with
/// an exception set. Needs the GIL.
static PyObject *callOnHost(PyObject *self, PyObject *const *values,
                            Py_ssize_t positional, PyObject *keywords) {
  Py_ssize_t named = keywords ? PyTuple_Size(keywords) : 0;
  bool plain = std::all_of(values, values + positional + named, isPlain);
  for (Py_ssize_t i = 0; plain && i < named; ++i)
    plain = PyUnicode_Compare(PyTuple_GetItem(keywords, i), semantic) != 0;
  if (!plain)
    return callOriginal(self, values, positional, keywords);
  Ref function(PyObject_GetAttr(self, names.fn));
  if (!function)
    return nullptr;
  return PyObject_Vectorcall(function.get(), values,
                             static_cast<size_t>(positional), keywords);
}

static PyMethodDef call = {
    "__call__",
    reinterpret_cast<PyCFunction>(reinterpret_cast<void *>(callOnHost)),
    METH_FASTCALL | METH_KEYWORDS,
    "__call__($self, *args, _semantic=None, **kwargs)\n--\n\n"
    "Calls the function on constants."};

/// `make_host_call(cls, call)`: a `__call__` for the class *cls* of functions,
/// whose own is *call*. Needs the GIL.
static PyObject *makeHostCall(PyObject *, PyObject *args) {
  PyObject *cls = nullptr, *own = nullptr;
  if (!PyArg_ParseTuple(args, "O!O:make_host_call", &PyType_Type, &cls, &own))
    return nullptr;
  original.set(own);
  return PyDescr_NewMethod(reinterpret_cast<PyTypeObject *>(cls), &call);
}

static PyMethodDef methods[] = {
    {"make_host_call", makeHostCall, METH_VARARGS,
     "A __call__ for functions that the host calls as kernels do."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addHostFunction(PyObject *module) {
  return internNames({{&semantic, "_semantic"}}) &&
         PyModule_AddFunctions(module, methods) == 0;
}
