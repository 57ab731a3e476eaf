//===- Pipelining.h - which loops are pipelined? ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What Triton makes of loops later, so that passes over TTIR are not in its
// way. It software-pipelines a loop that holds no other, if that was asked for
// by `tl.range(num_stages=...)` or the loop holds a dot product. Loads become
// asynchronous copies there, some iterations ahead of their use.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_PIPELINING_H
#define GRAFT_ANALYSIS_PIPELINING_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace mlir::graft {

/// The least that one asynchronous copy can move, in bits (PTX ISA, cp.async).
inline constexpr int64_t minCopyBits = 32;

/// The loops of a module, as they are when this is made.
class Pipelining {
public:
  explicit Pipelining(ModuleOp module);

  /// Whether *loop* is or holds one with a dot product.
  bool holdsProduct(LoopLikeOpInterface loop) const {
    return productLoops.contains(loop);
  }

  /// Whether *loop* is to be software-pipelined, were it not for loops inside.
  bool isPipelined(LoopLikeOpInterface loop) const;

  /// Whether the innermost loop around *op* holds a dot product.
  bool isNextToProduct(Operation *op) const;

  /// Why the innermost loop around *op*, which may be in a branch there, is to
  /// stay as it is: it is to be pipelined, or it or a loop around it is to be
  /// warp-specialized or flattened. Empty if nothing speaks against changing
  /// it.
  StringRef getObjection(Operation *op) const;

private:
  llvm::SmallPtrSet<Operation *, 8> productLoops;
};

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_PIPELINING_H
