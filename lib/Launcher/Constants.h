//===- Constants.h - Constants among the arguments --------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_CONSTANTS_H
#define GRAFT_LAUNCHER_CONSTANTS_H

#include "Call.h"

namespace graft::launcher {

/// Appends the words of the constant *value*: equal exactly for constants of
/// the same type and value. Borrows *value*. Needs the GIL.
Outcome readConstant(Call &call, PyObject *value);

/// Whether the constants *mine* and *other*, of one type and with the same
/// words, are the same. Returns 1, 0, or -1 with an exception set. Needs the
/// GIL.
int sameConstant(PyObject *mine, PyObject *other);

/// Whether *value* cannot change as long as it is the same object. Needs the
/// GIL.
bool isImmutable(PyObject *value);

/// Whether *value* is a tl.constexpr, and of no subclass.
bool isConstexpr(PyObject *value);

/// Takes Triton's classes `tl.constexpr`, `tl.dtype` and `triton.JITFunction`.
/// Returns false with an exception set on failure. Needs the GIL.
bool setConstantTypes(PyObject *constexprType, PyObject *dtypeType,
                      PyObject *functionType);

/// Leaves a value that raised to Triton's own path, which raises it again,
/// unless what was raised is not about the value. Needs the GIL.
[[gnu::cold]] Outcome declineRaised(Call &call, Reason reason);

/// Appends the words of an object that is equal to itself alone and never
/// changes. Needs the GIL.
void readIdentityConstant(Call &call, PyObject *value);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CONSTANTS_H
