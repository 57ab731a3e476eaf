//===- VersionTiles.cpp - branch around boundary masks --------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Versions a block on "every lane of these boundary masks is true".
//
//   before:  %x = tt.load %p, %mask
//            tt.store %q, %x, %mask
//   after:   scf.if <last lane of %mask is in bounds> {
//              %x = tt.load %p
//              tt.store %q, %x
//            } else {
//              the original
//            }
//
// Left alone: masks that no scalar condition describes (TileBounds.h says which
// do), accesses that are no wider without their mask, and code that costs more
// to duplicate than its masks cost to keep.
//
// The branch starts at the first access that gains and takes in the rest of the
// block: what follows usually uses what was loaded, and a kernel's block ends
// with nothing to hand over. Versioning accesses one by one would put the same
// branch around each of them, and a join after each.
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/TileBounds.h"
#include "graft/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "triton/Analysis/AxisInfo.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::graft {
#define GEN_PASS_DEF_GRAFTVERSIONTILES
#include "graft/Transforms/Passes.h.inc"
} // namespace mlir::graft

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// The widest global access of the targets, in bits (PTX ISA, ld.global.v4).
static constexpr int64_t maxAccessBits = 128;

/// How many scalar operations may be copied to make a condition known earlier.
static constexpr unsigned maxHoistedOps = 16;

namespace {

/// A masked access that gains from losing its mask, and when it may.
struct Access {
  Operation *op;
  TileCondition condition;
};

} // namespace

//===----------------------------------------------------------------------===//
// Masked accesses
//===----------------------------------------------------------------------===//

/// The mask of a load, store or atomic; null without one.
static Value getMask(Operation *op) {
  return TypeSwitch<Operation *, Value>(op)
      .Case<tt::LoadOp, tt::StoreOp, tt::AtomicRMWOp>(
          [](auto access) { return access.getMask(); })
      .Default(Value());
}

/// Removes the mask of *op* and, from a load, the values of masked lanes.
static void dropMask(Operation *op) {
  if (auto load = dyn_cast<tt::LoadOp>(op)) {
    load.getOtherMutable().clear();
    load.getMaskMutable().clear();
  } else if (auto store = dyn_cast<tt::StoreOp>(op)) {
    store.getMaskMutable().clear();
  } else {
    cast<tt::AtomicRMWOp>(op).getMaskMutable().clear();
  }
}

/// The elements one thread can move at once through the one-dimensional
/// *pointers*, mask aside, in a CTA of *threads*.
static int64_t getPointerWidth(Value pointers, int64_t threads,
                               tt::ModuleAxisInfoAnalysis &axisInfo) {
  auto type = cast<RankedTensorType>(pointers.getType());
  tt::AxisInfo *info = axisInfo.getAxisInfo(pointers);
  if (!info)
    return 1;
  int64_t bits = std::max(8u, tt::getPointeeBitWidth(type));
  int64_t aligned = std::max<int64_t>(1, info->getDivisibility(0) * 8 / bits);
  return std::min({maxAccessBits / bits, info->getContiguity(0), aligned,
                   std::max<int64_t>(1, type.getNumElements() / threads)});
}

/// Whether *op*, a load or store with a mask, is wider without it. Atomics are
/// not a reason to duplicate code: they are not vectors to begin with.
static bool gainsWithoutMask(Operation *op, int64_t threads,
                             tt::ModuleAxisInfoAnalysis &axisInfo) {
  if (!isa<tt::LoadOp, tt::StoreOp>(op))
    return false;
  int64_t pointerWidth = getPointerWidth(op->getOperand(0), threads, axisInfo);
  tt::AxisInfo *mask = axisInfo.getAxisInfo(getMask(op));
  return pointerWidth > (mask ? mask->getConstancy(0) : 1);
}

//===----------------------------------------------------------------------===//
// Where a condition is known
//===----------------------------------------------------------------------===//

/// Whether *value* can be had in front of *point*: it is there, or a few
/// operations without side effects compute it from what is there. Appends these
/// operations to *hoisted*, operands first.
static bool isAvailable(Value value, Operation *point, DominanceInfo &dominance,
                        llvm::SetVector<Operation *> &hoisted) {
  if (dominance.properlyDominates(value, point))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || !isPure(op) || op->getNumRegions() != 0)
    return false;
  if (hoisted.contains(op))
    return true;
  for (Value operand : op->getOperands())
    if (!isAvailable(operand, point, dominance, hoisted))
      return false;
  hoisted.insert(op);
  return hoisted.size() <= maxHoistedOps;
}

/// The same for all that *condition* is computed from.
static bool isAvailable(const TileCondition &condition, Operation *point,
                        DominanceInfo &dominance,
                        llvm::SetVector<Operation *> &hoisted) {
  SmallVector<Value> leaves;
  condition.collectLeaves(leaves);
  return llvm::all_of(leaves, [&](Value leaf) {
    return isAvailable(leaf, point, dominance, hoisted);
  });
}

/// The outermost block around *access* in which its condition is known before
/// the operation that holds it. Its own block is one, so there is always one.
static Block *getOutermostBlock(const Access &access,
                                DominanceInfo &dominance) {
  SmallVector<Block *> blocks;
  for (Block *block = access.op->getBlock(); block;) {
    blocks.push_back(block);
    Operation *parent = block->getParentOp();
    block = isa<tt::FuncOp>(parent) ? nullptr : parent->getBlock();
  }
  for (Block *block : llvm::reverse(blocks)) {
    llvm::SetVector<Operation *> hoisted;
    if (isAvailable(access.condition, block->findAncestorOpInBlock(*access.op),
                    dominance, hoisted))
      return block;
  }
  return access.op->getBlock();
}

//===----------------------------------------------------------------------===//
// What it costs
//===----------------------------------------------------------------------===//

/// *first* and the operations after it in its block, its terminator excluded.
static SmallVector<Operation *> getRest(Operation *first) {
  Operation *end = first->getBlock()->getTerminator();
  SmallVector<Operation *> rest;
  for (Operation *op = first; op != end; op = op->getNextNode())
    rest.push_back(op);
  return rest;
}

/// Why the code from *first* to the end of its block is not worth duplicating;
/// empty if it is.
static std::string getObjection(Operation *first, int64_t maxOps) {
  std::string why;
  if (auto loop = dyn_cast<LoopLikeOpInterface>(first->getParentOp())) {
    if (loop->hasAttr("tt.num_stages"))
      return "the loop around it is to be software-pipelined";
    if (loop->hasAttr("tt.warp_specialize"))
      return "the loop around it is to be warp-specialized";
    if (loop->walk([](tt::DotOpInterface) { return WalkResult::interrupt(); })
            .wasInterrupted())
      return "the loop around it holds a dot product";
  }
  int64_t numOps = 0;
  for (Operation *op : getRest(first)) {
    op->walk([&](Operation *nested) {
      ++numOps;
      if (isa<tt::DotOpInterface>(nested))
        why = "the code to duplicate holds a dot product";
      if (nested->hasAttr("tt.warp_specialize"))
        why = "the code to duplicate is to be warp-specialized";
    });
  }
  if (why.empty() && numOps > maxOps)
    llvm::raw_string_ostream(why)
        << "the code to duplicate has " << numOps
        << " operations, more than max-ops=" << maxOps;
  return why;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// Simplifies *block*, where the masks *proven* are true in every lane.
static void removeProvenMasks(Block &block, const IRMapping &mapping,
                              ArrayRef<Value> proven) {
  llvm::SmallSetVector<Value, 8> allTrue;
  for (Value mask : proven)
    allTrue.insert(mapping.lookupOrDefault(mask));

  SmallVector<Operation *> folded;
  block.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (Value mask = getMask(op); mask && allTrue.contains(mask)) {
      dropMask(op);
    } else if (auto both = dyn_cast<arith::AndIOp>(op)) {
      Value rest;
      if (allTrue.contains(both.getLhs()))
        rest = both.getRhs();
      else if (allTrue.contains(both.getRhs()))
        rest = both.getLhs();
      if (rest && !allTrue.contains(both.getResult())) {
        both.getResult().replaceAllUsesWith(rest);
        folded.push_back(op);
      }
    } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
      if (allTrue.contains(select.getCondition())) {
        select.getResult().replaceAllUsesWith(select.getTrueValue());
        folded.push_back(op);
      }
    }
  });
  for (Operation *op : llvm::reverse(folded))
    op->erase();
}

/// Versions what follows *first* in its block, *first* included, on
/// *condition*, under which the masks *proven* are true.
static void versionRest(Operation *first, Value condition,
                        ArrayRef<Value> proven) {
  Block *block = first->getBlock();
  Location loc = first->getLoc();
  SmallVector<Operation *> ops = getRest(first);
  llvm::SmallPtrSet<Operation *, 32> inside(ops.begin(), ops.end());
  auto isOutside = [&](OpOperand &use) {
    return !inside.contains(block->findAncestorOpInBlock(*use.getOwner()));
  };
  SmallVector<Value> escaping;
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUses(), isOutside))
        escaping.push_back(result);

  OpBuilder builder(first);
  auto branch = scf::IfOp::create(builder, loc, TypeRange(ValueRange(escaping)),
                                  condition,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (auto [result, value] : llvm::zip(branch.getResults(), escaping))
    value.replaceUsesWithIf(result, isOutside);

  IRMapping mapping;
  OpBuilder thenBuilder = OpBuilder::atBlockEnd(branch.thenBlock());
  for (Operation *op : ops)
    thenBuilder.clone(*op, mapping);
  SmallVector<Value> cloned = llvm::map_to_vector(
      escaping, [&](Value value) { return mapping.lookup(value); });
  scf::YieldOp::create(thenBuilder, loc, cloned);
  removeProvenMasks(*branch.thenBlock(), mapping, proven);

  for (Operation *op : ops)
    op->moveBefore(branch.elseBlock(), branch.elseBlock()->end());
  OpBuilder elseBuilder = OpBuilder::atBlockEnd(branch.elseBlock());
  scf::YieldOp::create(elseBuilder, loc, escaping);
}

/// Versions *block* for *accesses* in it, or says in a remark why not.
static void versionBlock(Block *block, ArrayRef<Access> accesses,
                         DominanceInfo &dominance, int64_t maxOps) {
  Operation *first = nullptr;
  for (const Access &access : accesses) {
    Operation *ancestor = block->findAncestorOpInBlock(*access.op);
    if (!first || ancestor->isBeforeInBlock(first))
      first = ancestor;
  }
  if (std::string why = getObjection(first, maxOps); !why.empty()) {
    accesses.front().op->emitRemark("graft-version-tiles: not versioned: ")
        << why;
    return;
  }

  llvm::SetVector<Operation *> hoisted;
  TileCondition whole;
  llvm::SmallSetVector<Value, 8> masks;
  for (const Access &access : accesses) {
    llvm::SetVector<Operation *> more = hoisted;
    if (!isAvailable(access.condition, first, dominance, more)) {
      access.op->emitRemark("graft-version-tiles: mask kept: its condition is "
                            "known only after the tile's first access");
      continue;
    }
    hoisted = std::move(more);
    if (!masks.insert(getMask(access.op)))
      continue;
    llvm::append_range(whole.comparisons, access.condition.comparisons);
    llvm::append_range(whole.scalars, access.condition.scalars);
    llvm::append_range(whole.proven, access.condition.proven);
  }

  if (masks.empty())
    return;

  OpBuilder builder(first);
  Location loc = first->getLoc();
  for (Operation *op : hoisted)
    op->moveBefore(first);
  versionRest(first, whole.emit(builder, loc), whole.proven);
  first->emitRemark("graft-version-tiles: versioned ")
      << masks.size() << (masks.size() == 1 ? " mask" : " masks");
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The accesses of *function* whose mask a scalar condition describes; the
/// others are left with a remark.
static SmallVector<Access> findAccesses(tt::FuncOp function) {
  SmallVector<Access> accesses;
  llvm::MapVector<Value, std::optional<TileCondition>> known;
  // Dominating blocks first: see runOnOperation.
  function.walk<WalkOrder::PostOrder, ForwardDominanceIterator<>>(
      [&](Operation *op) {
        Value mask = getMask(op);
        if (!mask || !isa<RankedTensorType>(mask.getType()))
          return;
        std::string why;
        auto [entry, isNew] = known.insert({mask, std::nullopt});
        if (isNew)
          entry->second = getTileCondition(mask, why);
        if (entry->second)
          accesses.push_back({op, *entry->second});
        else if (isNew)
          op->emitRemark("graft-version-tiles: mask kept: ") << why;
      });
  return accesses;
}

namespace {

struct VersionTiles : graft::impl::GraftVersionTilesBase<VersionTiles> {
  using GraftVersionTilesBase::GraftVersionTilesBase;

  void runOnOperation() override {
    if (threads < 1) {
      getOperation().emitError(
          "graft-version-tiles: threads must be positive (got ")
          << int64_t(threads) << ")";
      return signalPassFailure();
    }
    // Most kernels have nothing to version; they pay for no analysis.
    SmallVector<Access> accesses;
    for (tt::FuncOp function : getOperation().getOps<tt::FuncOp>())
      llvm::append_range(accesses, findAccesses(function));
    if (accesses.empty())
      return;

    tt::ModuleAxisInfoAnalysis axisInfo(getOperation());
    auto gains = [&](const Access &access) {
      return gainsWithoutMask(access.op, threads, axisInfo);
    };
    SmallVector<Access> gaining = llvm::filter_to_vector(accesses, gains);
    llvm::SmallDenseSet<Value, 8> versioned;
    for (const Access &access : gaining)
      versioned.insert(getMask(access.op));
    for (const Access &access : accesses)
      if (!versioned.contains(getMask(access.op)))
        access.op->emitRemark("graft-version-tiles: mask kept: the access is "
                              "no wider without it");

    DominanceInfo dominance(getOperation());
    llvm::MapVector<Block *, SmallVector<Access>> groups;
    for (Access &access : gaining)
      groups[getOutermostBlock(access, dominance)].push_back(access);
    // From the inside out: what an outer branch duplicates is then already
    // versioned inside. Of blocks side by side the dominated one first: its
    // condition may be computed from values that the branch in the other takes
    // in, and then follows them, as all uses do.
    auto blocks = groups.takeVector();
    std::reverse(blocks.begin(), blocks.end());
    llvm::stable_sort(blocks, [](const auto &a, const auto &b) {
      return getDepth(a.first) > getDepth(b.first);
    });
    for (auto &[block, members] : blocks)
      versionBlock(block, members, dominance, maxOps);
  }

  /// The number of operations around *block*.
  static unsigned getDepth(Block *block) {
    unsigned depth = 0;
    for (Operation *op = block->getParentOp(); op; op = op->getParentOp())
      ++depth;
    return depth;
  }
};

} // namespace
