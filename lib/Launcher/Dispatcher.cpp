//===- Dispatcher.cpp - The Python type that launches a kernel ------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "KnownKernels.h"
#include "Launch.h"
#include "Launcher.h"
#include "Parts.h"

using namespace graft::launcher;

namespace {
/// The Python type `Dispatcher`: launches one kernel. Kept in the attributes of
/// the kernel and collected with it.
struct Dispatcher {
  using Parts = KernelState;
  PyObject_HEAD Parts *parts;
};
} // namespace

/// `Dispatcher(own_run, caches, params)`: (the kernel's dict, the dicts of its
/// classes down to the one that has `run`, that `run`), its device_caches, and
/// its parameters.
static PyObject *newDispatcher(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *ownRun, *caches, *params;
  if (!PyArg_ParseTuple(args, "OOO!", &ownRun, &caches, &PyTuple_Type, &params))
    return nullptr;
  if (!PyDict_Check(caches)) {
    PyErr_SetString(PyExc_TypeError, "device_caches is no dict");
    return nullptr;
  }
  Ref object = allocateObject<Dispatcher>(type);
  if (!object)
    return nullptr;
  auto *parts = reinterpret_cast<Dispatcher *>(object.get())->parts;
  parts->caches = Ref::to(caches);
  if (!readOwnRun(ownRun, &parts->ownRun))
    return nullptr;
  for (Py_ssize_t i = 0; i < tupleSize(params); ++i) {
    parts->params.emplace_back();
    if (!readParam(tupleItem(params, i), &parts->params.back()))
      return nullptr;
  }
  return object.release();
}

static int traverseDispatcher(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  auto *parts = reinterpret_cast<Dispatcher *>(object)->parts;
  return parts ? parts->traverse(visit, arg) : 0;
}

/// `variants()`: how many variants the fast way knows, over all devices.
static PyObject *numVariants(PyObject *object, PyObject *) {
  auto *parts = reinterpret_cast<Dispatcher *>(object)->parts;
  return PyLong_FromSize_t(parts ? parts->numVariants() : 0);
}

static PyMethodDef dispatcherMethods[] = {
    {"variants", numVariants, METH_NOARGS,
     "How many variants the fast way knows."},
    {nullptr, nullptr, 0, nullptr}};

static PyType_Slot dispatcherSlots[] = {
    {Py_tp_new, reinterpret_cast<void *>(newDispatcher)},
    {Py_tp_dealloc, reinterpret_cast<void *>(deallocTarget<Dispatcher>)},
    {Py_tp_traverse, reinterpret_cast<void *>(traverseDispatcher)},
    {Py_tp_clear, reinterpret_cast<void *>(clearObject<Dispatcher>)},
    {Py_tp_methods, dispatcherMethods},
    {Py_tp_doc, const_cast<char *>("Launches one kernel.")},
    {0, nullptr}};

static PyType_Spec dispatcherSpec = {
    "triton.backends.graft.launch._launcher.Dispatcher", sizeof(Dispatcher), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, dispatcherSlots};

/// Launches *kernel* by its dispatcher, *target*.
static PyObject *launchByDispatcher(PyObject *target, PyObject *kernel,
                                    PyObject *grid, const Arguments &args) {
  KernelState *state = reinterpret_cast<Dispatcher *>(target)->parts;
  return state ? launch(*state, kernel, grid, args)
               : runTritonsWay(kernel, grid, args); // the collector was here
}

bool graft::launcher::addDispatcher(PyObject *module) {
  Ref type(PyType_FromModuleAndSpec(module, &dispatcherSpec, nullptr));
  if (!type || PyModule_AddObjectRef(module, "Dispatcher", type.get()) < 0)
    return false;
  addTarget(reinterpret_cast<PyTypeObject *>(type.release()),
            launchByDispatcher);
  return true;
}
