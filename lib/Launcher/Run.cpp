//===- Run.cpp - The run method of kernels --------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// `kernel[grid](...)` is short for `kernel.run(..., grid=grid, warmup=False)`.
// Libraries call that, also from a `run` of their own that does something
// before. Theirs stays in Python; what it calls of Triton's is native.
//
//===----------------------------------------------------------------------===//

#include "Keywords.h"
#include "KnownKernels.h"
#include "Launcher.h"
#include "Names.h"
#include "Room.h"
#include "Runtime.h"

#include <algorithm>
#include <cstddef>
#include <structmember.h>

using namespace graft::launcher;

namespace {
/// The Python type `Run`: stands in for the function that is a class's `run`,
/// and has all attributes of that.
struct Run {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject *cls;      ///< whose `run` it is
  PyObject *original; ///< Triton's own, a function
  int showsKeywords;  ///< whether it shows functions a dict of all keywords
};
} // namespace

/// `types.MethodType`.
static PyObject *methodType;

/// Takes the grid out of *args*, those of a call of `run`, and leaves in it
/// those of the launch, with *values* and *keywords* for room. Returns whether
/// it is a launch that can be native; if not, an exception may be set.
static bool takeGrid(const Run &self, Arguments &args, PyObject **grid,
                     PyObject **values, Ref *keywords) {
  Py_ssize_t atGrid = positionOf(args.keywords, names.grid);
  Py_ssize_t atWarmup = positionOf(args.keywords, names.warmup);
  PyObject *const *named = args.values + args.numPositional;
  if (atGrid < 0 || atWarmup < 0 || named[atWarmup] != Py_False ||
      !fits(args, 0))
    return false;
  // A dict has an order, which is Triton's own here.
  if (self.showsKeywords && (atGrid != 0 || atWarmup != 1))
    return false;
  *grid = named[atGrid];
  Py_ssize_t left = 0;
  *keywords = Ref(PyTuple_New(args.numKeywords() - 2));
  if (!*keywords)
    return false;
  std::copy(args.values, named, values);
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i) {
    if (i == atGrid || i == atWarmup)
      continue;
    values[args.numPositional + left] = named[i];
    PyObject *name = Ref::to(tupleItem(args.keywords, i)).release();
    if (PyTuple_SetItem(keywords->get(), left++, name) < 0)
      return false;
  }
  args = {values, args.numPositional, left ? keywords->get() : nullptr,
          /*byRun=*/true};
  return true;
}

/// The vectorcall of `Run`: of a kernel and the arguments of `run`. Returns
/// what Triton's does, a new reference, or null with an exception set.
static PyObject *callRun(PyObject *object, PyObject *const *given, size_t flags,
                         PyObject *keywords) {
  auto *self = reinterpret_cast<Run *>(object);
  Py_ssize_t number = PyVectorcall_NARGS(flags);
  if (active && number > 0 &&
      PyObject_TypeCheck(given[0],
                         reinterpret_cast<PyTypeObject *>(self->cls))) {
    LentRoom room;
    Ref left;
    PyObject *grid = nullptr;
    Arguments args{given + 1, number - 1, keywords};
    if (takeGrid(*self, args, &grid, room->values, &left))
      return launchAny(given[0], grid, args);
    if (PyErr_Occurred())
      return nullptr;
  }
  Ref original = Ref::to(self->original);
  return PyObject_Vectorcall(original.get(), given, static_cast<size_t>(number),
                             keywords);
}

//===----------------------------------------------------------------------===//
// The Python type
//===----------------------------------------------------------------------===//

/// `Run(cls, run, shows_keywords)`. Returns a new reference, or null with an
/// exception set.
static PyObject *newRun(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *cls, *original;
  int showsKeywords;
  if (!PyArg_ParseTuple(args, "O!Op:Run", &PyType_Type, &cls, &original,
                        &showsKeywords))
    return nullptr;
  PyObject *object = PyType_GenericAlloc(type, 0);
  if (!object)
    return nullptr;
  auto *self = reinterpret_cast<Run *>(object);
  self->vectorcall = callRun;
  self->cls = Ref::to(cls).release();
  self->original = Ref::to(original).release();
  self->showsKeywords = showsKeywords;
  return object;
}

static void deallocRun(PyObject *object) {
  PyObject_GC_UnTrack(object);
  auto *self = reinterpret_cast<Run *>(object);
  PyTypeObject *type = Py_TYPE(object);
  Py_XDECREF(self->cls);
  Py_XDECREF(self->original);
  PyObject_GC_Del(object);
  Py_DECREF(reinterpret_cast<PyObject *>(type));
}

static int traverseRun(PyObject *object, visitproc visit, void *arg) {
  auto *self = reinterpret_cast<Run *>(object);
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  Py_VISIT(self->cls);
  Py_VISIT(self->original);
  return 0;
}

/// `run` of a class or of a *kernel*, as a function gives it.
static PyObject *bindRun(PyObject *self, PyObject *kernel, PyObject *) {
  if (!kernel || kernel == Py_None)
    return Ref::to(self).release();
  PyObject *parts[] = {self, kernel};
  return PyObject_Vectorcall(methodType, parts, 2, nullptr);
}

/// The attribute *name*, which is mostly the original's.
static PyObject *attributeOfRun(PyObject *object, PyObject *name) {
  bool own = PyUnicode_CompareWithASCIIString(name, "__wrapped__") == 0 ||
             PyUnicode_CompareWithASCIIString(name, "__class__") == 0;
  return own ? PyObject_GenericGetAttr(object, name)
             : PyObject_GetAttr(reinterpret_cast<Run *>(object)->original,
                                name);
}

static PyMemberDef runMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Run, vectorcall), READONLY,
     nullptr},
    {"__wrapped__", T_OBJECT, offsetof(Run, original), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

static PyType_Slot runSlots[] = {
    {Py_tp_new, reinterpret_cast<void *>(newRun)},
    {Py_tp_call, reinterpret_cast<void *>(PyVectorcall_Call)},
    {Py_tp_dealloc, reinterpret_cast<void *>(deallocRun)},
    {Py_tp_traverse, reinterpret_cast<void *>(traverseRun)},
    {Py_tp_descr_get, reinterpret_cast<void *>(bindRun)},
    {Py_tp_getattro, reinterpret_cast<void *>(attributeOfRun)},
    {Py_tp_members, runMembers},
    {0, nullptr}};

static PyType_Spec runSpec = {
    "triton.backends.graft.launch._launcher.Run", sizeof(Run), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
        Py_TPFLAGS_METHOD_DESCRIPTOR,
    runSlots};

bool graft::launcher::addRun(PyObject *module) {
  Ref types(PyImport_ImportModule("types"));
  Ref type(PyType_FromModuleAndSpec(module, &runSpec, nullptr));
  if (!types || !type || PyModule_AddObjectRef(module, "Run", type.get()) < 0)
    return false;
  return (methodType = PyObject_GetAttrString(types.get(), "MethodType"));
}
