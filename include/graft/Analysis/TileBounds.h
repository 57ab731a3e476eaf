//===- TileBounds.h - when is a whole mask true? ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Turns a mask over a tile into a scalar condition that holds exactly when the
// index arithmetic of the mask does not wrap around and every lane is true.
//
// An index is seen as  base + lane,  where `base` is a scalar and `lane` takes
// constant values in [min, max] over the tile:
//
//   splat(%start) + make_range(0, 1024)   base = %start, lane in [0, 1023]
//
// All sums are modulo 2^width, in the tile and in the scalar alike, so `base`
// is the same number whether it is computed before or after it is splat. Only
// the step from `base` to `base + lane` can differ from ordinary arithmetic,
// and the condition tests it: base + max >= base.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_TILEBOUNDS_H
#define GRAFT_ANALYSIS_TILEBOUNDS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <optional>

namespace mlir::graft {

/// A scalar that can be computed anywhere its leaves are available. Building
/// one leaves the IR alone; `emit` writes it.
class Scalar {
public:
  /// The scalar *value*.
  static Scalar leaf(Value value);
  /// The constant *value* of integer type *type*.
  static Scalar constant(Type type, int64_t value);
  /// An operation on scalars: `arith.addi`, `subi`, `muli`, `extsi`, `extui`,
  /// with the result type *type*.
  static Scalar apply(StringRef opName, Type type, ArrayRef<Scalar> operands);

  /// The value, if this is a constant.
  std::optional<int64_t> getConstant() const;
  /// Appends the values that this scalar is computed from to *leaves*.
  void collectLeaves(SmallVectorImpl<Value> &leaves) const;
  /// Writes the operations that compute this scalar.
  Value emit(OpBuilder &builder, Location loc) const;

private:
  struct Node;
  explicit Scalar(std::shared_ptr<const Node> node) : node(std::move(node)) {}
  std::shared_ptr<const Node> node;
};

/// A scalar comparison `lhs predicate rhs`.
struct Comparison {
  arith::CmpIPredicate predicate;
  Scalar lhs;
  Scalar rhs;
};

/// The condition under which a whole mask is true, and which masks it proves.
struct TileCondition {
  /// The conjunction of these comparisons and
  SmallVector<Comparison> comparisons;
  /// of these i1 values is the condition.
  SmallVector<Value> scalars;
  /// The tensors of i1 that are true in every lane under it: the mask itself
  /// and the masks it is a conjunction of.
  SmallVector<Value> proven;

  /// Appends the values that the condition is computed from to *leaves*.
  void collectLeaves(SmallVectorImpl<Value> &leaves) const;
  /// Writes the operations that compute the condition, an i1.
  Value emit(OpBuilder &builder, Location loc) const;
};

/// The condition under which every lane of *mask*, a one-dimensional tensor of
/// i1, is true. If there is none that a scalar can express, returns nothing and
/// sets *why* to the reason.
std::optional<TileCondition> getTileCondition(Value mask, std::string &why);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_TILEBOUNDS_H
