//===- Contraction.h - which products become part of a sum? -----*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The compiler makes one instruction of a product and a sum that takes it in, a
// fused multiply-add, which rounds once and not twice. LLVM does so for every
// such pair within one basic block, and for none across two. ptxas does so
// across blocks, but not for a product that has other uses. So results keep
// their bits where each product stays in the block of the sums that take it in,
// and where nothing that kept the two apart goes.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_CONTRACTION_H
#define GRAFT_ANALYSIS_CONTRACTION_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::graft {

/// Whether *select* stands between a product and a sum that takes in what it
/// selects.
bool separatesProductFromSum(arith::SelectOp select);

/// What has to go along when a block is cut in front of one of its operations,
/// so that no product stays in front of the cut that a sum behind it takes in.
class ProductCut {
public:
  explicit ProductCut(Operation *first);

  /// The operation that the block is cut in front of.
  Operation *getFirst() const { return first; }

  /// Whether all that has to go along can: it has no side effects.
  bool isPossible() const { return possible; }

  /// How many operations go along.
  int64_t getNumOps() const { return taken.size(); }

  /// Moves it behind the cut, each operation in front of the first that uses
  /// it. Returns the first operation behind the cut.
  Operation *apply();

private:
  bool isInFront(Operation *op) const;
  void take(Operation *op);
  /// Takes along the products in front of the cut that *sum* takes in.
  void visitSum(Operation *sum);

  Block *block;
  Operation *first;
  bool possible = true;
  llvm::SetVector<Operation *> taken;
  llvm::SmallDenseSet<Value, 16> visited;
};

/// Whether *pass* may change the blocks and accesses of *function*; says in a
/// remark why not. If results are to be *exact*, the same bits, only where no
/// product could become part of a sum and nothing is reduced.
bool mayChange(triton::FuncOp function, bool exact, StringRef pass);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_CONTRACTION_H
