//===- TileBounds.h - when is a whole mask true? ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Turns a mask over a tile into a scalar condition that holds exactly when the
// index arithmetic of the mask does not wrap around, every lane is true, and
// what it multiplies a range or divides by has the sign that it has in
// practice.
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
// A range times a scalar is a stretch on top of that, `factor * n` for numbers
// n from 0 on, as in `rows * N + cols`: the condition tests that the factor is
// not negative, that its largest multiple is a number of the type, and that
// adding it does not wrap around. A quotient of an index by positive scalars is
// between the quotients of its smallest and largest number.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_TILEBOUNDS_H
#define GRAFT_ANALYSIS_TILEBOUNDS_H

#include "graft/Analysis/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::graft {

/// A scalar comparison `lhs predicate rhs`.
struct Comparison {
  arith::CmpIPredicate predicate;
  Scalar lhs;
  Scalar rhs;
};

/// A one-dimensional tensor of integers in which each element is larger by one
/// than the one before it, as signed numbers, where these comparisons hold.
struct Run {
  Scalar first;
  SmallVector<Comparison> comparisons;
};

/// Whether elements of `elementBytes` at the `offsets` from `pointer` are
/// neighbours, the first of them at a multiple of `bytes`, a power of two.
struct Alignment {
  Value pointer;
  Run offsets;
  int64_t elementBytes;
  int64_t bytes;
};

/// Whether *predicate* orders its operands as signed numbers.
bool isSigned(arith::CmpIPredicate predicate);

/// A condition that is the same for the whole program instance.
struct TileCondition {
  /// The conjunction of these comparisons and
  SmallVector<Comparison> comparisons;
  /// of these i1 values
  SmallVector<Value> scalars;
  /// and of these is the condition.
  SmallVector<Alignment> alignments;

  /// Adds what *other* requires.
  void append(const TileCondition &other);
  /// The values that the condition is computed from.
  SmallVector<Value> getLeaves() const;
  /// Writes the operations that compute the condition, an i1.
  Value emit(OpBuilder &builder, Location loc) const;
};

/// `index < bound` or `index <= bound`, with the same `bound` in every lane.
struct UpperBound {
  Value index;
  Scalar bound;
  bool isSigned;
};

/// One of the tensors of i1 that a mask is the conjunction of.
struct MaskPart {
  /// The tensor; broadcast, it is a part of the mask.
  Value value;
  /// For each dimension of the mask, the dimension of `value` that it is, or
  /// nothing where the mask repeats the same elements.
  SmallVector<std::optional<unsigned>> dims;
  /// When every lane of `value` is true. Without it no scalar can say, for the
  /// reason `why`.
  std::optional<TileCondition> condition;
  std::string why;
  /// Whether that reason is that `value` bounds the only tile of its axis.
  bool isOnlyTile = false;
  /// Set where `value` is an upper bound.
  std::optional<UpperBound> upperBound;
};

/// *offsets*, a one-dimensional tensor of integers, as such a run; nothing if
/// it is not made of scalars and one range.
std::optional<Run> getRun(Value offsets);

/// The parts of *mask*, a tensor of i1.
std::vector<MaskPart> getMaskParts(Value mask);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_TILEBOUNDS_H
