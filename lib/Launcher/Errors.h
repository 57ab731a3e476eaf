//===- Errors.h - Which exceptions may be passed over -----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The fast path passes over what goes wrong in an argument's methods, since
// Triton's own path meets it again and says so in its own words. What is not
// about the argument is not ours to drop: an interrupt, the end of the program,
// memory that has run out. `passOver` is the one place that knows which is
// which, and nothing else clears exceptions.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_ERRORS_H
#define GRAFT_LAUNCHER_ERRORS_H

#include "Ref.h"

namespace graft::launcher {

/// Drops the exception that is set, if it is an `Exception` other than
/// MemoryError. Returns whether none is left; if not, the caller fails with it.
/// Needs the GIL.
[[nodiscard, gnu::cold, gnu::noinline]] bool passOver();

/// Writes the attribute *name* of *object*, or an empty reference if it cannot
/// be had. Returns false with an exception set that is not ours to drop. Needs
/// the GIL.
[[nodiscard]] bool getAttribute(PyObject *object, PyObject *name, Ref *value);

/// Whether *object* has the attribute *name*, as `hasattr` finds out. Returns
/// 1, 0, or -1 with an exception set. Needs the GIL.
[[nodiscard]] int hasAttribute(PyObject *object, PyObject *name);

/// Writes the dict of *object*'s attributes, or an empty reference if it has
/// none. Returns false with an exception set that is not ours to drop. Needs
/// the GIL.
[[nodiscard]] bool attributesOf(PyObject *object, Ref *dict);

/// Writes what *dict* has for *name*, or an empty reference. Returns false with
/// an exception set: a key of another kind may run code, which may raise. A
/// null *dict* has nothing. Needs the GIL.
[[nodiscard]] inline bool lookup(PyObject *dict, PyObject *name, Ref *value) {
  *value = Ref::to(dict ? PyDict_GetItemWithError(dict, name) : nullptr);
  return *value || !PyErr_Occurred();
}

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_ERRORS_H
