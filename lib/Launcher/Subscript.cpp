//===- Subscript.cpp - kernel[grid] ---------------------------------------===//
//
// SPDX-License-Identifier: MIT
//
// `kernel[grid]` is an object that holds both and is called with the arguments.
//
//===----------------------------------------------------------------------===//

#include "KnownKernels.h"
#include "Launcher.h"
#include "NativeFunction.h"

#include <cstddef>
#include <structmember.h>

using namespace graft::launcher;

namespace {
/// The Python type `Subscript`.
struct Subscript {
  PyObject_HEAD PyObject *kernel;
  PyObject *grid;
  vectorcallfunc vectorcall;
};
} // namespace

static PyTypeObject *subscriptType;
/// The memory of one that is gone, for the next: most live for one launch.
static PyObject *spare;

/// The vectorcall of `Subscript`. Returns what `kernel[grid](...)` returns.
static PyObject *callSubscript(PyObject *object, PyObject *const *values,
                               size_t flags, PyObject *keywords) {
  auto *self = reinterpret_cast<Subscript *>(object);
  Arguments args{values, PyVectorcall_NARGS(flags), keywords};
  return launchAny(self->kernel, self->grid, args);
}

/// The one made last, if it lives and the garbage collector does not know it:
/// most are gone after one call and need not meet it. One that is still there
/// when the next is made was kept, may be part of a cycle, and is shown to it.
static PyObject *untracked;

/// Makes a `Subscript`. Returns a new reference, or null with an exception set.
static PyObject *makeSubscript(PyObject *kernel, PyObject *grid) {
  PyObject *object = std::exchange(spare, nullptr);
  object = object ? PyObject_Init(object, subscriptType)
                  : reinterpret_cast<PyObject *>(
                        PyObject_GC_New(Subscript, subscriptType));
  if (!object)
    return nullptr;
  auto *self = reinterpret_cast<Subscript *>(object);
  self->kernel = Ref::to(kernel).release();
  self->grid = Ref::to(grid).release();
  self->vectorcall = callSubscript;
  if (untracked)
    PyObject_GC_Track(untracked);
  return untracked = object;
}

static int traverseSubscript(PyObject *object, visitproc visit, void *arg) {
  auto *self = reinterpret_cast<Subscript *>(object);
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  Py_VISIT(self->kernel);
  Py_VISIT(self->grid);
  return 0;
}

static int clearSubscript(PyObject *object) {
  auto *self = reinterpret_cast<Subscript *>(object);
  Ref kernel(std::exchange(self->kernel, nullptr));
  Ref grid(std::exchange(self->grid, nullptr));
  return 0;
}

/// Hides *object*, which nobody refers to, from the collector.
static void hideSubscript(PyObject *object) {
  PyObject_GC_UnTrack(object);
  if (object == untracked)
    untracked = nullptr;
}

/// Frees *object*, which is hidden.
static void freeSubscript(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  clearSubscript(object);
  if (!spare)
    spare = object;
  else
    PyObject_GC_Del(object);
  Py_DECREF(reinterpret_cast<PyObject *>(type));
}

#ifdef Py_LIMITED_API

static void deallocSubscript(PyObject *object) {
  hideSubscript(object);
  freeSubscript(object);
}

#else

static void deallocSubscript(PyObject *object) {
  hideSubscript(object);
  // The grid may be another one, whose grid is another one, without end. A
  // tuple sees to that itself.
  if (PyObject *grid = reinterpret_cast<Subscript *>(object)->grid;
      !grid || PyTuple_CheckExact(grid)) {
    freeSubscript(object);
    return;
  }
  Py_TRASHCAN_BEGIN(object, deallocSubscript) freeSubscript(object);
  Py_TRASHCAN_END
}

#endif

static PyMemberDef subscriptMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Subscript, vectorcall),
     READONLY, nullptr},
    {"kernel", T_OBJECT, offsetof(Subscript, kernel), READONLY, nullptr},
    {"grid", T_OBJECT, offsetof(Subscript, grid), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

static PyType_Slot subscriptSlots[] = {
    {Py_tp_call, reinterpret_cast<void *>(PyVectorcall_Call)},
    {Py_tp_dealloc, reinterpret_cast<void *>(deallocSubscript)},
    {Py_tp_traverse, reinterpret_cast<void *>(traverseSubscript)},
    {Py_tp_clear, reinterpret_cast<void *>(clearSubscript)},
    {Py_tp_members, subscriptMembers},
    {Py_tp_doc, const_cast<char *>("kernel[grid], to be called with the "
                                   "kernel's arguments.")},
    {0, nullptr}};

static PyType_Spec subscriptSpec = {
    "triton.backends.graft.launch._launcher.Subscript", sizeof(Subscript), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
        Py_TPFLAGS_DISALLOW_INSTANTIATION,
    subscriptSlots};

/// `__getitem__` of kernels. Returns a new reference, or null with an exception
/// set. Needs the GIL.
static PyObject *subscript(PyObject *kernel, PyObject *grid) {
  warmUp(kernel);
  return makeSubscript(kernel, grid);
}

/// The vectorcall of a function that is `__getitem__`.
static PyObject *callGetItem(PyObject *function, PyObject *const *given,
                             size_t flags, PyObject *keywords) {
  if (PyVectorcall_NARGS(flags) == 2 && !keywords)
    return subscript(given[0], given[1]);
  PyErr_Format(PyExc_TypeError, "%R takes a kernel and a grid", function);
  return nullptr;
}

/// `set_getitem(function)`: *function*, a copy of Triton's `__getitem__`, is
/// called natively. Needs the GIL.
static PyObject *setGetItem(PyObject *, PyObject *function) {
  replaceCall(function, callGetItem);
  Py_RETURN_NONE;
}

static PyMethodDef getItem = {"__getitem__", subscript, METH_O,
                              "kernel[grid], to be called with the arguments."};

/// `make_getitem(cls)`: a `__getitem__` for instances of the class *cls*.
static PyObject *makeGetItem(PyObject *, PyObject *cls) {
  if (!PyType_Check(cls)) {
    PyErr_SetString(PyExc_TypeError, "make_getitem takes a class");
    return nullptr;
  }
  return PyDescr_NewMethod(reinterpret_cast<PyTypeObject *>(cls), &getItem);
}

/// `shorten(cls)`: has subscripts of the instances of *cls*, which got our
/// `__getitem__`, come here at once. Python fills this slot with a function
/// that looks the method up, and does so again whenever the attribute is set or
/// deleted.
static PyObject *shorten(PyObject *, PyObject *cls) {
#ifndef Py_LIMITED_API
  auto *type = reinterpret_cast<PyTypeObject *>(cls);
  if (PyType_Check(cls) && type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    type->tp_as_mapping->mp_subscript = subscript;
#if PY_VERSION_HEX >= 0x030d0000
    // Once a class was changed a thousand times, as by switching drivers, code
    // goes on with the function that it met as `__getitem__` before.
    reinterpret_cast<PyHeapTypeObject *>(type)->_spec_cache.getitem = nullptr;
#endif
  }
#else
  (void)cls;
#endif
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_getitem", setGetItem, METH_O,
     "Has a __getitem__ be called natively."},
    {"shorten", shorten, METH_O, "Has subscripts come to us at once."},
    {"make_getitem", makeGetItem, METH_O,
     "A __getitem__ for the instances of a class."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addSubscript(PyObject *module) {
  Ref type(PyType_FromModuleAndSpec(module, &subscriptSpec, nullptr));
  if (!type || PyModule_AddObjectRef(module, "Subscript", type.get()) < 0)
    return false;
  subscriptType = reinterpret_cast<PyTypeObject *>(type.release());
  return PyModule_AddFunctions(module, methods) == 0;
}
