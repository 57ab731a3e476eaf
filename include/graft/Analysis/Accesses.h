//===- Accesses.h - masked accesses and their widths ------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// How many elements one thread can move at once. Triton's coalescing lets a
// thread have that many neighbours along the dimension in which the pointers
// are most contiguous; Triton's lowering then moves them together if the mask
// is the same for all of them.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_ACCESSES_H
#define GRAFT_ANALYSIS_ACCESSES_H

#include "graft/Analysis/TileBounds.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "triton/Analysis/AxisInfo.h"

namespace mlir::graft {

/// The pointers of a load, store or atomic; null for any other operation.
Value getPointers(Operation *op);

/// The mask of a load, store or atomic; null without one.
Value getMask(Operation *op);

/// The same if it is a tensor, and null for any other.
Value getTensorMask(Operation *op);

/// Gives *op* the mask *mask*. With a null *mask* it loses the one that it has
/// and, if it is a load, the values of masked lanes.
void setMask(Operation *op, Value mask);

/// The dimension along which the elements of *pointers*, a tensor, are taken
/// together: Triton's coalescing goes by contiguity, and of equals the first.
unsigned getFastestDim(const triton::AxisInfo &pointers);

/// The elements that one thread can move at once through *pointers*, a tensor,
/// mask aside, in a CTA of *threads*.
int64_t getPointerWidth(Value pointers, int64_t threads,
                        triton::ModuleAxisInfoAnalysis &axisInfo);

/// Over how many neighbours along *dim* the tensor *value* is known to be the
/// same.
int64_t getConstancy(Value value, unsigned dim,
                     triton::ModuleAxisInfoAnalysis &axisInfo);

/// The same along dimension *dim* of the mask that *part* is a part of.
int64_t getConstancy(const MaskPart &part, unsigned dim,
                     triton::ModuleAxisInfoAnalysis &axisInfo);

/// A masked access that gains from losing parts of its mask.
struct Access {
  Operation *op;
  /// The parts to lose, each with a condition.
  SmallVector<const MaskPart *> parts;
  /// When its pointers are aligned, if they need to be for it to be wide.
  std::optional<Alignment> alignment;
  /// How many times as wide it then is.
  int64_t widening;

  /// When it may lose them.
  TileCondition getCondition() const;
};

/// *op*, which has a mask of *parts*, if it is a load or store that would be
/// wider in a CTA of *threads* without the parts that a condition describes.
/// Otherwise sets *why* to what is in the way. Atomics never gain: they are not
/// vectors to begin with. With *mayAlign* the alignment of the pointers may be
/// a condition, too.
std::optional<Access> getGain(Operation *op, ArrayRef<MaskPart> parts,
                              int64_t threads, bool mayAlign,
                              triton::ModuleAxisInfoAnalysis &axisInfo,
                              std::string &why);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_ACCESSES_H
