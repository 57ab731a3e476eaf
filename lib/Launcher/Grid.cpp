//===- Grid.cpp - How many programs a launch has --------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Grid.h"

using namespace graft::launcher;

/// Writes an exact integer that fits a C int. Returns whether it is one.
static bool readDimension(PyObject *object, int *out) {
  if (!object || !PyLong_CheckExact(object))
    return false;
  int overflow;
  long long value = readLong(object, &overflow);
  *out = static_cast<int>(value);
  return overflow == 0 && *out == value;
}

Outcome graft::launcher::readGrid(PyObject *object, Grid *grid) {
  bool isTuple = PyTuple_CheckExact(object);
  if (!isTuple && !PyList_CheckExact(object))
    return Outcome::Declined;
  Py_ssize_t size = isTuple ? tupleSize(object) : listSize(object);
  if (size < 1)
    return Outcome::Declined;
  for (Py_ssize_t i = 0; i < 3; ++i) {
    grid->size[i] = 1;
    if (i < size &&
        !readDimension(isTuple ? tupleItem(object, i) : listItem(object, i),
                       &grid->size[i]))
      return Outcome::Declined;
  }
  return Outcome::Done;
}
