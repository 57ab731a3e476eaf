//===- Sites.h - the places that a pass rewrites ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Each place of a kernel that a pass is about to rewrite has a number, so that
// it can be left out: that is how `graft bisect` finds the one that matters.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_SITES_H
#define GRAFT_TRANSFORMS_SITES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Operation.h"

namespace mlir::graft {

/// Numbers the places of a module that a pass comes to, from 1. A pass that
/// chooses its places before it changes the first keeps their numbers whichever
/// of them are skipped.
///
/// Where the variable GRAFT_SITES names a file, a line is added to it when the
/// pass begins, and one in front of each place: a pass that then ends the
/// process has said where. Fields are separated by tabs: the pass, the kernel,
/// and for a place its number, `taken` or `skipped`, and as `file:line` where
/// it stands in the user's source, then what called it, from the inside out.
class Sites {
public:
  /// For the *pass* over *module*, which leaves out the places *skipped*.
  Sites(ModuleOp module, StringRef pass, ArrayRef<int64_t> skipped);

  /// Whether to rewrite the next place, *op*; says in a remark if not.
  bool take(Operation *op);

private:
  /// Adds a line to the file that GRAFT_SITES names; *op* is the place.
  void write(Operation *op = nullptr, bool isTaken = false);

  ModuleOp module;
  StringRef pass;
  ArrayRef<int64_t> skipped;
  int64_t number = 0;
};

} // namespace mlir::graft

#endif // GRAFT_TRANSFORMS_SITES_H
