//===- Keywords.h - Adding keywords to a launch -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_KEYWORDS_H
#define GRAFT_LAUNCHER_KEYWORDS_H

#include "Given.h"

#include <vector>

namespace graft::launcher {

/// The items of a list or a tuple that others may change at any time.
class Items {
public:
  explicit Items(PyObject *sequence)
      : sequence(sequence), isTuple(PyTuple_CheckExact(sequence)) {}
  static bool isKnown(PyObject *object) {
    return object && (PyTuple_CheckExact(object) || PyList_CheckExact(object));
  }
  Py_ssize_t size() const {
    return isTuple ? tupleSize(sequence) : listSize(sequence);
  }
  Ref operator[](Py_ssize_t index) const { return Ref::to(at(index)); }
  /// Whether they are the same objects as those of a *tuple*.
  bool areThoseOf(PyObject *tuple) const {
    Py_ssize_t number = size();
    if (number != tupleSize(tuple))
      return false;
    for (Py_ssize_t i = 0; i < number; ++i)
      if (at(i) != tupleItem(tuple, i))
        return false;
    return true;
  }
  bool begins(PyObject *object) const { return at(0) == object; }

private:
  PyObject *at(Py_ssize_t index) const {
    return isTuple ? tupleItem(sequence, index) : listItem(sequence, index);
  }
  PyObject *sequence;
  bool isTuple;
};

/// Whether *more* keyword arguments fit beside *args*.
bool fits(const Arguments &args, size_t more);

/// The names of *keywords*, which may be null, followed by *more*. Returns a
/// new reference, or null with an exception set.
PyObject *joinNames(PyObject *keywords, const std::vector<PyObject *> &more);

/// A dict of the arguments by name, as Triton gives it to hooks and heuristics:
/// by position, then grid and warmup, then by keyword.
Ref argumentsByName(Items argNames, PyObject *grid, const Arguments &args);

/// The position of *name* in a tuple of names or null, or -1.
Py_ssize_t positionOf(PyObject *tuple, PyObject *name);

/// Whether *keywords* name what the subscript gives to `run`: an error of
/// Python's.
bool namesRunsOwn(PyObject *keywords);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_KEYWORDS_H
