//===- TargetType.h - The types of what wraps a kernel ----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// An `Object` has `Parts` with `ownRun`, `checked` and `traverse`.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TARGETTYPE_H
#define GRAFT_LAUNCHER_TARGETTYPE_H

#include "KnownKernels.h"
#include "OwnRun.h"
#include "Parts.h"

namespace graft::launcher {

/// `Tuner(own_run)` for an Autotuner, `Heuristic(own_run)` for a Heuristics;
/// own_run as `Dispatcher` takes it.
template <typename Object>
PyObject *newTarget(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *ownRun;
  if (!PyArg_ParseTuple(args, "O", &ownRun))
    return nullptr;
  Ref object = allocateObject<Object>(type);
  if (!object)
    return nullptr;
  auto &parts = *reinterpret_cast<Object *>(object.get())->parts;
  return readOwnRun(ownRun, &parts.ownRun) ? object.release() : nullptr;
}

template <typename Object>
int traverseTarget(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  auto *parts = reinterpret_cast<Object *>(object)->parts;
  if (!parts)
    return 0;
  if (int stop = parts->ownRun.traverse(visit, arg))
    return stop;
  if (int stop = parts->checked.traverse(visit, arg))
    return stop;
  return parts->traverse(visit, arg);
}

template <typename Object> PyType_Slot *slotsOf(const char *doc) {
  static PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void *>(newTarget<Object>)},
      {Py_tp_dealloc, reinterpret_cast<void *>(deallocTarget<Object>)},
      {Py_tp_traverse, reinterpret_cast<void *>(traverseTarget<Object>)},
      {Py_tp_clear, reinterpret_cast<void *>(clearObject<Object>)},
      {Py_tp_doc, const_cast<char *>(doc)},
      {0, nullptr}};
  return slots;
}

/// Adds a type called *name* that launches by *launch*. Returns false with an
/// exception set.
inline bool addTargetType(PyObject *module, const char *name, PyType_Spec spec,
                          LaunchFunction launch) {
  Ref type(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (!type || PyModule_AddObjectRef(module, name, type.get()) < 0)
    return false;
  addTarget(reinterpret_cast<PyTypeObject *>(type.release()), launch);
  return true;
}

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TARGETTYPE_H
