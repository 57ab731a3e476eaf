//===- Objects.h - Reading Python's own objects -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The same under both interfaces of CPython: the full one reads memory where
// the stable one calls a function. After a launch of CUDA's the nearest caches
// hold little of Python, and each function less is one less to be fetched.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_OBJECTS_H
#define GRAFT_LAUNCHER_OBJECTS_H

#include "Ref.h"

namespace graft::launcher {

#ifdef Py_LIMITED_API

/// The size of a tuple.
inline Py_ssize_t tupleSize(PyObject *tuple) { return PyTuple_Size(tuple); }
/// An element of a tuple that has it; borrowed.
inline PyObject *tupleItem(PyObject *tuple, Py_ssize_t index) {
  return PyTuple_GetItem(tuple, index);
}
/// The size of a list.
inline Py_ssize_t listSize(PyObject *list) { return PyList_Size(list); }
/// An element of a list that has it; borrowed.
inline PyObject *listItem(PyObject *list, Py_ssize_t index) {
  return PyList_GetItem(list, index);
}
/// The value of an int; *overflow* is not zero if it does not fit.
inline long long readLong(PyObject *value, int *overflow) {
  return PyLong_AsLongLongAndOverflow(value, overflow);
}
/// The value of an exact float.
inline double readDouble(PyObject *value) { return PyFloat_AsDouble(value); }

#else

inline Py_ssize_t tupleSize(PyObject *tuple) { return PyTuple_GET_SIZE(tuple); }
inline PyObject *tupleItem(PyObject *tuple, Py_ssize_t index) {
  return PyTuple_GET_ITEM(tuple, index);
}
inline Py_ssize_t listSize(PyObject *list) { return PyList_GET_SIZE(list); }
inline PyObject *listItem(PyObject *list, Py_ssize_t index) {
  return PyList_GET_ITEM(list, index);
}
inline long long readLong(PyObject *value, int *overflow) {
#if PY_VERSION_HEX >= 0x030c0000
  auto *number = reinterpret_cast<PyLongObject *>(value);
  if (PyUnstable_Long_IsCompact(number)) {
    *overflow = 0;
    return PyUnstable_Long_CompactValue(number);
  }
#endif
  return PyLong_AsLongLongAndOverflow(value, overflow);
}
inline double readDouble(PyObject *value) { return PyFloat_AS_DOUBLE(value); }

#endif

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_OBJECTS_H
