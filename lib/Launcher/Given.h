//===- Given.h - The arguments as they were written -------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_GIVEN_H
#define GRAFT_LAUNCHER_GIVEN_H

#include "Objects.h"

namespace graft::launcher {

/// What somebody wrote in the parentheses of `kernel[grid](...)`, as vectorcall
/// passes it; all borrowed.
struct Arguments {
  PyObject *const *values;
  Py_ssize_t numPositional;
  PyObject *keywords; ///< a tuple of names, or null
  /// Triton's own `run` if that was called, and not `kernel[grid]`: whose it is
  /// need not be asked.
  PyObject *run = nullptr;

  Py_ssize_t numKeywords() const { return keywords ? tupleSize(keywords) : 0; }
};

/// Whether two different tuples of names, either perhaps null, have the same.
bool haveSameNames(PyObject *a, PyObject *b);

/// Whether two tuples of names, either perhaps null, are the same. Those of one
/// call site are one tuple every time, so identity decides mostly.
inline bool sameNames(PyObject *a, PyObject *b) {
  return a == b || haveSameNames(a, b);
}

/// A tuple of the *size* *values*, or null with an exception set.
Ref tupleOf(PyObject *const *values, Py_ssize_t size);

/// The arguments as a tuple and a dict. Returns false with an exception set.
bool collect(const Arguments &args, Ref *positional, Ref *keywords);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_GIVEN_H
