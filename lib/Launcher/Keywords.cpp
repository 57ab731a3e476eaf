//===- Keywords.cpp - Adding keywords to a launch -------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Keywords.h"
#include "Call.h"
#include "Names.h"

using namespace graft::launcher;

bool graft::launcher::fits(const Arguments &args, size_t more) {
  return static_cast<size_t>(args.numPositional + args.numKeywords()) + more <=
         MaxLeaves;
}

PyObject *graft::launcher::joinNames(PyObject *keywords,
                                     const std::vector<PyObject *> &more) {
  Py_ssize_t size = keywords ? tupleSize(keywords) : 0;
  Ref joined(PyTuple_New(size + static_cast<Py_ssize_t>(more.size())));
  if (!joined)
    return nullptr;
  for (Py_ssize_t i = 0; i < tupleSize(joined.get()); ++i) {
    PyObject *name =
        i < size ? tupleItem(keywords, i) : more[static_cast<size_t>(i - size)];
    if (PyTuple_SetItem(joined.get(), i, Ref::to(name).release()) < 0)
      return nullptr;
  }
  return joined.release();
}

Ref graft::launcher::argumentsByName(Items argNames, PyObject *grid,
                                     const Arguments &args) {
  Ref dict(PyDict_New());
  for (Py_ssize_t i = 0; dict && i < args.numPositional && i < argNames.size();
       ++i)
    if (PyDict_SetItem(dict.get(), argNames[i].get(), args.values[i]) < 0)
      return Ref();
  if (!dict || PyDict_SetItem(dict.get(), names.grid, grid) < 0 ||
      PyDict_SetItem(dict.get(), names.warmup, Py_False) < 0)
    return Ref();
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i)
    if (PyDict_SetItem(dict.get(), tupleItem(args.keywords, i),
                       args.values[args.numPositional + i]) < 0)
      return Ref();
  return dict;
}

Py_ssize_t graft::launcher::positionOf(PyObject *tuple, PyObject *name) {
  Py_ssize_t size = tuple ? tupleSize(tuple) : 0;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject *candidate = tupleItem(tuple, i);
    if (candidate == name || PyUnicode_Compare(candidate, name) == 0)
      return i;
  }
  return -1;
}

bool graft::launcher::namesRunsOwn(PyObject *keywords) {
  return positionOf(keywords, names.grid) >= 0 ||
         positionOf(keywords, names.warmup) >= 0;
}
