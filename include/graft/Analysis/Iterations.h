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

#include "graft/Analysis/Interval.h"
#include "graft/Analysis/TileBounds.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>
#include <string>
#include <utility>

namespace mlir::graft {

/// The iterations of *loop*, numbered from 0. What is found out is remembered:
/// the loop must not change.
class Iterations {
public:
  explicit Iterations(scf::ForOp loop) : loop(loop) {}

  /// Whether the loop can be counted: a constant positive step, and signed
  /// bounds of at most 64 bits.
  bool areCountable();

  /// Whether *condition* changes from one iteration to the next.
  bool change(const TileCondition &condition);

  /// Why `emitAt` cannot tell when *condition* holds; empty if it can.
  std::string getObjection(const TileCondition &condition);

  /// Writes how many iterations there are, an i64; 0 where bounds of 64 bits
  /// are so large that they could not be counted with.
  Value emitCount(OpBuilder &builder, Location loc);

  /// Writes whether *condition*, to which there is no objection, holds in the
  /// iteration *number*, an i64 that is 0 or that of an iteration, and nothing
  /// that it compares wraps around there. An i1.
  Value emitAt(const TileCondition &condition, Value number, OpBuilder &builder,
               Location loc);

private:
  class Emitter;

  /// What is known of a scalar that is affine in the iteration: whether it
  /// changes, between which numbers it lies if what it is computed from has not
  /// wrapped around, and which of these its own type holds.
  struct Form {
    bool changes;
    Interval exact;
    Interval held;
  };

  /// The form of *scalar*; nothing if it is not known to be affine.
  std::optional<Form> getForm(const Scalar &scalar);
  std::optional<Form> computeForm(const Scalar::Node &node);
  std::optional<Form> computeLeafForm(Value value);
  std::optional<Form> computeAddedForm(const Scalar::Node &node);
  /// The numbers that iterations may have.
  Interval getIterations();
  /// *value* as an operation on leaves, where that tells more than the value
  /// itself: it is computed in the loop, or extended in front of it.
  std::optional<Scalar> expand(Value value);
  /// The constant that this loop adds to its argument *value* in each
  /// iteration; nothing if it does something else, or if it is too large.
  std::optional<int64_t> getIncrement(Value value);

  scf::ForOp loop;
  /// The forms of scalars, which are kept so that none takes another's place.
  llvm::DenseMap<const Scalar::Node *, std::pair<Scalar, std::optional<Form>>>
      forms;
  llvm::DenseMap<Value, Scalar> expanded;
  bool isExhausted = false;
};

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_ITERATIONS_H
