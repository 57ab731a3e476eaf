//===- Given.cpp - The arguments as they were written ---------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Given.h"

using namespace graft::launcher;

bool graft::launcher::haveSameNames(PyObject *a, PyObject *b) {
  Py_ssize_t size = a ? tupleSize(a) : 0;
  if (size != (b ? tupleSize(b) : 0))
    return false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject *mine = tupleItem(a, i), *other = tupleItem(b, i);
    if (mine != other && PyUnicode_Compare(mine, other) != 0)
      return false;
  }
  return true;
}

Ref graft::launcher::tupleOf(PyObject *const *values, Py_ssize_t size) {
  Ref tuple(PyTuple_New(size));
  for (Py_ssize_t i = 0; tuple && i < size; ++i)
    if (PyTuple_SetItem(tuple.get(), i, Ref::to(values[i]).release()) < 0)
      return Ref();
  return tuple;
}

bool graft::launcher::collect(const Arguments &args, Ref *positional,
                              Ref *keywords) {
  *positional = tupleOf(args.values, args.numPositional);
  *keywords = Ref(PyDict_New());
  if (!*positional || !*keywords)
    return false;
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i)
    if (PyDict_SetItem(keywords->get(), tupleItem(args.keywords, i),
                       args.values[args.numPositional + i]) < 0)
      return false;
  return true;
}
