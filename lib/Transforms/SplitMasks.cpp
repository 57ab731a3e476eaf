//===- SplitMasks.cpp - whole vectors and the rest of a row ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Makes two accesses of one that a boundary mask narrows.
//
//   before:  %x = tt.load %ptrs, %cols < %n, %other
//   after:   %end = %n rounded down to a multiple of the width
//            %w = tt.load %ptrs, %cols < %end, %other
//            %x = tt.load %ptrs, %cols < %n && %cols >= %end, %w
//
// The first is as wide as its pointers allow; the second is for less than one
// vector. For tiles that take a whole row, or a good part of one: of the many
// tiles of a grid most are whole, and graft-version-tiles does without masks.
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Accesses.h"
#include "graft/Analysis/Contraction.h"
#include "graft/Analysis/Pipelining.h"
#include "graft/Analysis/TileBounds.h"
#include "graft/Transforms/Budget.h"
#include "graft/Transforms/MaskRewriting.h"
#include "graft/Transforms/Sites.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Pass/Pass.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::graft {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_GRAFTSPLITMASKS
#include "graft/Transforms/SplitMasks.h.inc"
} // namespace mlir::graft

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// How many times as wide an access has to become to be worth a second one,
/// which is as long as the first was narrow.
static constexpr int64_t minWidening = 4;

/// What a second access takes: itself, and its mask with what leads there.
static constexpr int64_t numSplitOps = 6;

namespace {

/// An access to split, the part of its mask that narrows it, and the width, in
/// elements, that it has without.
struct Split {
  Operation *op;
  Value part;
  UpperBound bound;
  int64_t width;
  /// The other parts of the mask.
  SmallVector<Value> others;
};

/// The masks of the two accesses.
struct Halves {
  MaskReplacer whole;
  MaskReplacer rest;
};

} // namespace

/// Whether *op* is a load or store that may be made two.
static bool isCandidate(Operation *op) {
  if (!getTensorMask(op) || !isa<tt::LoadOp, tt::StoreOp>(op))
    return false;
  auto load = dyn_cast<tt::LoadOp>(op);
  return !load || !load.getIsVolatile();
}

/// Whether *op*, which is *width* elements wide, is better left alone for the
/// sake of the loop it is in: with a dot product in the loop everything is,
/// and where there is none, what can be an asynchronous copy. Made two, of
/// which the second takes over what the first has loaded, it would have to wait
/// for that.
static bool isForPipelining(Operation *op, int64_t width,
                            const Pipelining &pipelining) {
  if (pipelining.getObjection(op).empty())
    return false;
  auto load = dyn_cast<tt::LoadOp>(op);
  return pipelining.isNextToProduct(op) ||
         (load && width * tt::getPointeeBitWidth(load.getPtr().getType()) >=
                      minCopyBits);
}

/// Whether *part* bounds tiles of which most, or too many, are not whole: the
/// only tile of an axis, or one of the few that a loop takes.
static bool isOftenPartial(const MaskPart &part) {
  if (part.isOnlyTile)
    return true;
  Operation *op = part.value.getDefiningOp();
  return part.condition && op && op->getParentOfType<LoopLikeOpInterface>();
}

/// How to split *op*, whose mask has the *parts*; nothing if it would not be
/// wider.
static std::optional<Split> getSplit(Operation *op, ArrayRef<MaskPart> parts,
                                     int64_t threads,
                                     tt::ModuleAxisInfoAnalysis &axisInfo,
                                     const Pipelining &pipelining) {
  tt::AxisInfo *pointers = axisInfo.getAxisInfo(getPointers(op));
  if (!pointers)
    return std::nullopt;
  unsigned dim = getFastestDim(*pointers);
  int64_t width = getPointerWidth(getPointers(op), threads, axisInfo);
  int64_t before = width;
  const MaskPart *narrowing = nullptr;
  for (const MaskPart &part : parts) {
    int64_t constancy = getConstancy(part, dim, axisInfo);
    if (constancy >= width)
      continue;
    before = std::min(before, constancy);
    if (narrowing || !part.upperBound || !isOftenPartial(part))
      return std::nullopt;
    narrowing = &part;
  }
  if (width < minWidening * before || isForPipelining(op, before, pipelining))
    return std::nullopt;
  // The new mask is constant over a vector where vectors of indices are.
  unsigned partDim = *narrowing->dims[dim];
  tt::AxisInfo *index = axisInfo.getAxisInfo(narrowing->upperBound->index);
  if (!index || index->getContiguity(partDim) % width != 0 ||
      index->getDivisibility(partDim) % width != 0)
    return std::nullopt;
  Split split{op, narrowing->value, *narrowing->upperBound, width, {}};
  for (const MaskPart &part : parts)
    if (part.value != split.part)
      split.others.push_back(part.value);
  return split;
}

/// Removes from *splits* those in blocks of which most accesses would stay as
/// they are: these bound what the others can gain. Measured on an H200: layer
/// norm over rows of 4095, with two of four accesses split, ran at 1.22 of the
/// speed; RMS norm, with one of five, at 0.91.
static void dropMinorities(SmallVectorImpl<Split> &splits) {
  llvm::SmallDenseMap<Block *, int64_t> majority;
  for (const Split &split : splits)
    majority[split.op->getBlock()] += 2;
  for (auto &[block, votes] : majority)
    for (Operation &op : *block)
      if (Value pointers = getPointers(&op);
          pointers && isa<RankedTensorType>(pointers.getType()))
        --votes;
  llvm::erase_if(splits, [&](const Split &split) {
    return majority.lookup(split.op->getBlock()) < 0;
  });
}

/// Writes what takes the place of the narrowing part of *split*. A vector has
/// at most 16 elements, so that every type of an index holds its length.
static Halves makeHalves(const Split &split) {
  OpBuilder builder(split.part.getContext());
  builder.setInsertionPointAfterValue(split.part);
  Location loc = split.part.getLoc();
  auto type = cast<RankedTensorType>(split.bound.index.getType());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        builder, loc, builder.getIntegerAttr(type.getElementType(), value));
  };
  // Rounded down, so that no lane behind the bound is in front of the end; a
  // division would round negative numbers up.
  Value bound = ScalarWriter(builder, loc).write(split.bound.bound);
  Value shift = constant(llvm::Log2_64(split.width));
  Value vectors =
      split.bound.isSigned
          ? Value(arith::ShRSIOp::create(builder, loc, bound, shift))
          : Value(arith::ShRUIOp::create(builder, loc, bound, shift));
  Value end = tt::SplatOp::create(
      builder, loc, type,
      arith::MulIOp::create(builder, loc, vectors, constant(split.width)));
  auto compare = [&](arith::CmpIPredicate ifSigned,
                     arith::CmpIPredicate ifUnsigned) -> Value {
    return arith::CmpIOp::create(builder, loc,
                                 split.bound.isSigned ? ifSigned : ifUnsigned,
                                 split.bound.index, end);
  };
  using arith::CmpIPredicate;
  Value whole = compare(CmpIPredicate::slt, CmpIPredicate::ult);
  Value behind = compare(CmpIPredicate::sge, CmpIPredicate::uge);
  Value rest = arith::AndIOp::create(builder, loc, split.part, behind);
  Halves halves;
  halves.whole.replace(split.part, whole);
  halves.rest.replace(split.part, rest);
  return halves;
}

/// Makes two accesses of the one to split.
static void rewrite(const Split &split, Halves &halves) {
  auto replace = [&](MaskReplacer &parts) {
    for (Value other : split.others)
      parts.replace(other, other);
    return parts.apply(getMask(split.op));
  };
  Value rest = replace(halves.rest), ofVectors = replace(halves.whole);
  OpBuilder builder(split.op);
  Operation *whole = builder.clone(*split.op);
  setMask(whole, ofVectors);
  setMask(split.op, rest);
  if (auto load = dyn_cast<tt::LoadOp>(split.op))
    load.getOtherMutable().assign(whole->getResult(0));
}

namespace {

struct SplitMasks : graft::impl::GraftSplitMasksBase<SplitMasks> {
  using GraftSplitMasksBase::GraftSplitMasksBase;

  void runOnOperation() override {
    if (!checkThreads(getOperation(), getArgument(), threads))
      return signalPassFailure();
    Sites sites(getOperation(), getArgument(), skipSites);
    llvm::MapVector<Operation *, std::vector<MaskPart>> candidates;
    auto visit = [&](Operation *op) {
      if (!isCandidate(op))
        return;
      std::vector<MaskPart> parts = getMaskParts(getMask(op));
      if (llvm::any_of(parts, isOftenPartial))
        candidates.insert({op, std::move(parts)});
    };
    for (tt::FuncOp function : getOperation().getOps<tt::FuncOp>())
      if (mayChange(function, exact, getArgument()))
        function.walk(visit);
    // Most kernels have nothing to split; they pay for no analysis.
    if (candidates.empty())
      return;
    tt::ModuleAxisInfoAnalysis axisInfo(getOperation());
    Pipelining pipelining(getOperation());
    SmallVector<Split> splits;
    for (auto &[op, parts] : candidates)
      if (std::optional<Split> split =
              getSplit(op, parts, threads, axisInfo, pipelining))
        splits.push_back(std::move(*split));
    dropMinorities(splits);
    llvm::MapVector<std::pair<Value, int64_t>, Halves> halves;
    Budget budget(getOperation(), maxSize);
    for (const Split &split : splits) {
      if (!sites.take(split.op))
        continue;
      if (!budget.take(numSplitOps)) {
        split.op->emitRemark("graft-split-masks: not split: ")
            << budget.getObjection(numSplitOps);
        continue;
      }
      auto [entry, isNew] = halves.insert({{split.part, split.width}, {}});
      if (isNew)
        entry->second = makeHalves(split);
      rewrite(split, entry->second);
      split.op->emitRemark("graft-split-masks: split into vectors of ")
          << split.width << " and the rest";
    }
  }
};

} // namespace
