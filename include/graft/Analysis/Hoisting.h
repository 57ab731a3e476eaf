//===- Hoisting.h - what can be computed earlier? ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A pass that branches on a condition computes it where the program did not,
// and the branch has to have a direction there. Some operations trap, and some
// have no value for some operands (MLIR and LLVM call it poison): a sum that
// overflows although it promises not to, or a shift by as many bits as there
// are. A program may compute such a value and never look at it; a branch on it
// may do anything. So this is a list of operations that are known to be safe.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_HOISTING_H
#define GRAFT_ANALYSIS_HOISTING_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::graft {

/// How many scalar operations may move to make a condition known earlier.
inline constexpr unsigned maxHoistedOps = 16;

/// Operations that are to move, each behind those that compute its operands.
using HoistedOps = llvm::SetVector<Operation *>;

/// Whether *op* is integer arithmetic that can run where it did not: whatever
/// numbers its operands are, its result is one, and it does not trap.
bool isHarmless(Operation *op);

/// Whether *value* is computed from values that *isKnown* accepts by at most
/// `maxHoistedOps` operations that *mayMove* accepts, those in *hoisted*
/// included. Appends these operations to *hoisted*, operands first; what it
/// appends where it returns false is of no use.
bool collectHoisted(Value value, llvm::function_ref<bool(Value)> isKnown,
                    llvm::function_ref<bool(Operation *)> mayMove,
                    HoistedOps &hoisted);

/// The scalars that are numbers or pointers wherever they are there at all.
/// Meant for one function, which does not change meanwhile.
class DefinedValues {
public:
  bool contains(Value value) { return contains(value, 0); }

private:
  bool contains(Value value, unsigned depth);
  bool compute(Value value, unsigned depth);

  llvm::DenseMap<Value, bool> known;
};

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_HOISTING_H
