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

bool graft::launcher::collect(const Arguments &args, Ref *positional,
                              Ref *keywords) {
  *positional = Ref(PyTuple_New(args.numPositional));
  *keywords = Ref(PyDict_New());
  if (!*positional || !*keywords)
    return false;
  for (Py_ssize_t i = 0; i < args.numPositional; ++i)
    if (PyTuple_SetItem(positional->get(), i,
                        Ref::to(args.values[i]).release()) < 0)
      return false;
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i)
    if (PyDict_SetItem(keywords->get(), tupleItem(args.keywords, i),
                       args.values[args.numPositional + i]) < 0)
      return false;
  return true;
}
