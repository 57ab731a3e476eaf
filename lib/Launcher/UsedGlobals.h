//===- UsedGlobals.h - The globals that a kernel uses -----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_USEDGLOBALS_H
#define GRAFT_LAUNCHER_USEDGLOBALS_H

#include "Call.h"

#include <vector>

namespace graft::launcher {

/// A global that a kernel uses, and the value it was compiled with.
struct UsedGlobal {
  Ref name, dict, expected;
  Ref seen, seenValue; ///< found equal to *expected* before, and immutable

  /// Sees whether it still has that value. Declined with the reason in *call*
  /// if not. Needs the GIL.
  Outcome check(Call &call);
};

/// All globals that a kernel uses. Comparing them runs code that may have
/// others read, so who compares holds what it compares.
struct UsedGlobals {
  Ref source; ///< the dict that they were read from
  std::vector<UsedGlobal> all;

  /// Reads *used*, the kernel's `used_global_vals`: a dict from (name, id) to
  /// (value, dict). Returns whether it is one.
  bool read(PyObject *used);
  int traverse(visitproc visit, void *arg) const;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_USEDGLOBALS_H
