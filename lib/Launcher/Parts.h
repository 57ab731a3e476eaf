//===- Parts.h - Python objects with C++ members ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// An object of Python's that keeps its C++ members in `parts`, a pointer to
// its `Parts`: null before they are made and once the collector cleared them.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_PARTS_H
#define GRAFT_LAUNCHER_PARTS_H

#include "Ref.h"

namespace graft::launcher {

/// Allocates an object of *type* with fresh parts. Null with an exception set.
template <typename Object> Ref allocateObject(PyTypeObject *type) {
  auto allocate =
      reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  Ref object(allocate(type, 0));
  if (object)
    reinterpret_cast<Object *>(object.get())->parts =
        new typename Object::Parts();
  return object;
}

/// For `Py_tp_clear`.
template <typename Object> int clearObject(PyObject *object) {
  delete std::exchange(reinterpret_cast<Object *>(object)->parts, nullptr);
  return 0;
}

/// For `Py_tp_dealloc` of a type with `Py_TPFLAGS_HAVE_GC`.
template <typename Object> void deallocObject(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  clearObject<Object>(object);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(reinterpret_cast<PyObject *>(type));
}

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_PARTS_H
