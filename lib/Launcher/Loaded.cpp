//===- Loaded.cpp - A kernel that is compiled and loaded ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Loaded.h"

using namespace graft::launcher;

bool Loaded::read(PyObject *facts) {
  PyObject *kernel, *cache, *cacheKey, *plan, *allocator;
  unsigned long long function;
  int isDirect;
  if (!PyArg_ParseTuple(facts, "OO!OOKiiipO", &kernel, &PyDict_Type, &cache,
                        &cacheKey, &plan, &function, &config.numWarps,
                        &config.numCtas, &config.shared, &isDirect, &allocator))
    return false;
  if (!isPlan(plan)) {
    PyErr_Format(PyExc_TypeError, "expected a Plan (got %R)", plan);
    return false;
  }
  config.function = reinterpret_cast<CUfunction>(function);
  compiled = Ref::to(kernel);
  kernelCache = Ref::to(cache);
  key = Ref::to(cacheKey);
  planOwner = Ref::to(plan);
  direct = isDirect != 0;
  allocate = allocator == Py_None ? Ref() : Ref::to(allocator);
  return true;
}
