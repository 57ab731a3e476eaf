//===- Iterations.h - scalars at an iteration of a loop ---------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A comparison of numbers that are affine in the iteration holds in a whole
// range of iterations if it holds in the first and in the last of them. That is
// true of numbers, and of machine integers where none wraps around; so here
// they are computed in 64 bits, and each is compared with what its own type can
// hold.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_ITERATIONS_H
#define GRAFT_ANALYSIS_ITERATIONS_H

#include "graft/Analysis/TileBounds.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::graft {

/// The iterations of *loop*, numbered from 0. Its induction variable has at
/// most 32 bits.
class Iterations {
public:
  explicit Iterations(scf::ForOp loop) : loop(loop) {}

  /// Whether the loop can be counted: a constant positive step, and signed
  /// bounds of at most 32 bits.
  bool areCountable() const;

  /// Whether *condition* changes from one iteration to the next.
  bool change(const TileCondition &condition) const;

  /// Whether `emitAt` can tell when *condition* holds.
  bool areAffine(const TileCondition &condition) const;

  /// Writes how many iterations there are, an i64.
  Value emitCount(OpBuilder &builder, Location loc) const;

  /// Writes whether *condition* holds in iteration *number*, an i64, and
  /// nothing that it compares wraps around there. An i1.
  Value emitAt(const TileCondition &condition, Value number, OpBuilder &builder,
               Location loc) const;

private:
  class Emitter;

  /// What is known of a scalar: whether it changes with the iteration, and that
  /// its magnitude is less than 2^bits.
  struct Form {
    bool changes;
    unsigned bits;
  };

  /// The form of *scalar*; nothing if it is not affine in the iteration.
  std::optional<Form> getForm(const Scalar &scalar) const;
  /// The same before it is put into the type of *scalar*.
  std::optional<Form> getExactForm(const Scalar &scalar) const;
  /// *value*, and what it is computed from inside the loop, as one scalar.
  Scalar expand(Value value) const;
  /// The constant by which the loop adds to its argument *value* in each
  /// iteration; nothing if it does something else.
  std::optional<int64_t> getIncrement(Value value) const;

  // MLIR's handles have no const methods.
  mutable scf::ForOp loop;
};

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_ITERATIONS_H
