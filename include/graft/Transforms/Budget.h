//===- Budget.h - how large a kernel may become -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_BUDGET_H
#define GRAFT_TRANSFORMS_BUDGET_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::graft {

/// What a pass may add to a module, in operations. All passes that copy code
/// have the same option `max-size`, and each counts what the module has when
/// its turn comes: so they share one budget and need not know of one another.
class Budget {
public:
  /// For *module*, which may have *maxSize* operations in the end; 0 stands for
  /// as many as it takes.
  Budget(ModuleOp module, int64_t maxSize);

  /// Whether *ops* more operations fit; they then count as added.
  bool take(int64_t ops);

  /// Why *ops* more operations did not fit, for a remark.
  std::string getObjection(int64_t ops) const;

private:
  int64_t left;
  int64_t maxSize;
};

/// The number of operations that *op* is and holds.
int64_t countOps(Operation *op);

} // namespace mlir::graft

#endif // GRAFT_TRANSFORMS_BUDGET_H
