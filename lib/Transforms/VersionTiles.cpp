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
// branch around each of them, and a join after each. Products in front of it
// that a sum in it takes in go along (Contraction.h).
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Accesses.h"
#include "graft/Analysis/Contraction.h"
#include "graft/Analysis/Hoisting.h"
#include "graft/Analysis/Pipelining.h"
#include "graft/Analysis/TileBounds.h"
#include "graft/Transforms/Budget.h"
#include "graft/Transforms/MaskRewriting.h"
#include "graft/Transforms/Sites.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::graft {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_GRAFTVERSIONTILES
#include "graft/Transforms/VersionTiles.h.inc"
} // namespace mlir::graft

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// How many times as wide an access has to become to be worth a branch in each
/// iteration of a loop. Measured on an H200: layer norm over rows of 1000, 256
/// at a time, took 1.06 times as long with accesses twice as wide.
static constexpr int64_t minLoopWidening = 4;

namespace {

/// The parts of the masks of a function.
using Masks = llvm::MapVector<Value, std::vector<MaskPart>>;

/// What versioning may copy.
struct Limits {
  /// The most operations in one place.
  int64_t maxOps;
  /// Those of the kernel.
  Budget budget;
};

} // namespace

//===----------------------------------------------------------------------===//
// Where a condition is known
//===----------------------------------------------------------------------===//

namespace {

/// What is known in front of an operation.
struct Knowledge {
  DominanceInfo dominance;
  DefinedValues defined;
  Pipelining pipelining;
};

} // namespace

/// Whether *op* can run where it did not.
static bool mayMove(Operation *op) {
  return isHarmless(op) || isa<tt::GetProgramIdOp, tt::GetNumProgramsOp>(op);
}

/// Whether the condition of *access* can be had in front of *point*, which is
/// or holds it: a few operations compute it from what is there, and a branch on
/// it has a direction whether the access is reached or not. Appends these
/// operations to *hoisted*, operands first.
static bool isAvailable(const Access &access, Operation *point,
                        Knowledge &knowledge, HoistedOps &hoisted) {
  bool isReached = access.op->getBlock() == point->getBlock();
  auto isKnown = [&](Value value) {
    return knowledge.dominance.properlyDominates(value, point);
  };
  return llvm::all_of(access.getCondition().getLeaves(), [&](Value leaf) {
    return (isReached || knowledge.defined.contains(leaf)) &&
           collectHoisted(leaf, isKnown, mayMove, hoisted);
  });
}

/// The outermost block around *access* in which its condition is known before
/// the operation that holds it. Its own block is one, so there is always one.
static Block *getOutermostBlock(const Access &access, Knowledge &knowledge) {
  SmallVector<Block *> blocks;
  for (Block *block = access.op->getBlock(); block;) {
    blocks.push_back(block);
    Operation *parent = block->getParentOp();
    block = isa<tt::FuncOp>(parent) ? nullptr : parent->getBlock();
  }
  for (Block *block : llvm::reverse(blocks)) {
    HoistedOps hoisted;
    if (isAvailable(access, block->findAncestorOpInBlock(*access.op), knowledge,
                    hoisted))
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

/// Why *op* is not to be duplicated, itself or for what it holds; empty if it
/// may be. Counts its operations in *numOps*, and looks at no more than
/// *maxOps* of them.
static std::string getObjectionTo(Operation *op, int64_t maxOps,
                                  int64_t &numOps) {
  std::string why;
  op->walk([&](Operation *nested) {
    if (isa<tt::DotOpInterface>(nested))
      why = "the code to duplicate holds a dot product";
    else if (nested->hasAttr("tt.warp_specialize"))
      why = "the code to duplicate is to be warp-specialized";
    else if (++numOps > maxOps)
      llvm::raw_string_ostream(why)
          << "the code to duplicate has more than max-ops=" << maxOps
          << " operations";
    return why.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return why;
}

/// Why there is to be no branch in *block*; empty if there may be.
static std::string getObjection(Block *block, const Pipelining &pipelining) {
  Operation *op = &block->front();
  auto loop = op->getParentOfType<LoopLikeOpInterface>();
  if (loop && loop->hasAttr("tt.peeled_by_graft"))
    return "the loop around it takes what graft-peel-loops has left";
  return pipelining.getObjection(op).str();
}

/// Why the code from *first* to the end of its block, with what *cut* takes
/// along, is not worth duplicating; empty if it is, and then taken from the
/// budget of *limits*.
static std::string getObjection(Operation *first, const ProductCut &cut,
                                Limits &limits) {
  Operation *end = first->getBlock()->getTerminator();
  int64_t numOps = cut.getNumOps();
  std::string why;
  for (Operation *op = first; op != end && why.empty(); op = op->getNextNode())
    why = getObjectionTo(op, limits.maxOps, numOps);
  if (why.empty() && !cut.isPossible())
    why = "a sum in it takes in a product in front of it that has other uses";
  if (why.empty() && !limits.budget.take(numOps))
    why = limits.budget.getObjection(numOps);
  return why;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// Tells Triton that the pointers of *op*, a copy of *access*, are aligned.
static void assumeAligned(Operation *op, const Access &access) {
  OpBuilder builder(op);
  Operation *pointers = builder.clone(*getPointers(op).getDefiningOp());
  pointers->setAttr("tt.divisibility",
                    builder.getI32TensorAttr(int32_t(access.alignment->bytes)));
  op->setOperand(0, pointers->getResult(0));
  op->setAttr("tt.versioned_by_graft", builder.getUnitAttr());
}

/// Versions what follows *first* in its block, *first* included, on
/// *condition*, under which the masks *proven* are true and the pointers of the
/// accesses *aligned* are.
static void versionRest(Operation *first, Value condition,
                        ArrayRef<Value> proven,
                        ArrayRef<const Access *> aligned) {
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
  for (const Access *access : aligned)
    assumeAligned(mapping.lookup(access->op), *access);
  simplifyMasks(*branch.thenBlock(), proven, mapping);

  for (Operation *op : ops)
    op->moveBefore(branch.elseBlock(), branch.elseBlock()->end());
  OpBuilder elseBuilder = OpBuilder::atBlockEnd(branch.elseBlock());
  scf::YieldOp::create(elseBuilder, loc, escaping);
}

/// Why a branch for *accesses*, at *first*, is not worth its costs in a loop;
/// empty if it is. There it is taken again in each iteration, and what it
/// guards is scheduled apart from the next one.
static std::string getLoopObjection(Operation *first,
                                    ArrayRef<Access> accesses) {
  std::string why;
  int64_t factor = 1;
  for (const Access &access : accesses)
    factor = std::max(factor, access.widening);
  if (first->getParentOfType<LoopLikeOpInterface>() && factor < minLoopWidening)
    llvm::raw_string_ostream(why)
        << "accesses in the loop would be " << factor
        << " times as wide, less than the " << minLoopWidening
        << " that a branch in each iteration is worth";
  return why;
}

/// The operation of *block* that is or holds *access*.
static Operation *getPlace(Block *block, const Access &access) {
  return block->findAncestorOpInBlock(*access.op);
}

/// Where to cut *block* for a branch for *accesses*, which are in order of
/// their places in it: in front of the first that it is worth taking in. Drops
/// those in front of it. Nothing, with a remark that says why, if there is
/// none.
static std::optional<ProductCut> findCut(Block *block,
                                         SmallVectorImpl<Access> &accesses,
                                         const Pipelining &pipelining,
                                         Limits &limits) {
  std::string why = getObjection(block, pipelining);
  bool isFinal = !why.empty();
  for (ArrayRef<Access> rest = accesses; !rest.empty();) {
    Operation *place = getPlace(block, rest.front());
    if (why.empty())
      why = getLoopObjection(place, rest);
    ProductCut cut(place);
    if (why.empty())
      why = getObjection(place, cut, limits);
    if (why.empty()) {
      accesses.erase(accesses.begin(), accesses.end() - rest.size());
      return cut;
    }
    rest.front().op->emitRemark("graft-version-tiles: not versioned: ") << why;
    // What follows a loop that is not to be duplicated may still gain.
    if (isFinal || place->getNumRegions() == 0)
      return std::nullopt;
    why.clear();
    rest = rest.drop_while(
        [&](const Access &access) { return getPlace(block, access) == place; });
  }
  return std::nullopt;
}

/// Versions *block* for *accesses* in it, or says in remarks why not.
static void versionBlock(Block *block, SmallVector<Access> accesses,
                         Knowledge &knowledge, Limits &limits) {
  llvm::stable_sort(accesses, [&](const Access &a, const Access &b) {
    return getPlace(block, a)->isBeforeInBlock(getPlace(block, b));
  });
  std::optional<ProductCut> cut =
      findCut(block, accesses, knowledge.pipelining, limits);
  if (!cut)
    return;

  Operation *first = cut->getFirst();
  HoistedOps hoisted;
  TileCondition whole;
  llvm::SmallSetVector<Value, 8> masks, proven;
  SmallVector<const Access *> aligned;
  for (const Access &access : accesses) {
    HoistedOps more = hoisted;
    if (!isAvailable(access, first, knowledge, more)) {
      access.op->emitRemark("graft-version-tiles: mask kept: its condition is "
                            "known only after the tile's first access");
      continue;
    }
    hoisted = std::move(more);
    masks.insert(getMask(access.op));
    for (const MaskPart *part : access.parts)
      if (proven.insert(part->value))
        whole.append(*part->condition);
    if (access.alignment) {
      whole.alignments.push_back(*access.alignment);
      aligned.push_back(&access);
    }
  }

  if (masks.empty())
    return;

  first = cut->apply();
  OpBuilder builder(first);
  Location loc = first->getLoc();
  for (Operation *op : hoisted)
    op->moveBefore(first);
  versionRest(first, whole.emit(builder, loc), proven.getArrayRef(), aligned);
  first->emitRemark("graft-version-tiles: versioned ")
      << masks.size() << (masks.size() == 1 ? " mask" : " masks");
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The accesses of *function* whose mask has a part that a scalar condition
/// describes, and the parts of all masks. Others are left with a remark.
static SmallVector<Operation *> findAccesses(tt::FuncOp function,
                                             Masks &masks) {
  SmallVector<Operation *> accesses;
  // Dominating blocks first: see runOnOperation.
  function.walk<WalkOrder::PostOrder, ForwardDominanceIterator<>>(
      [&](Operation *op) {
        Value mask = getTensorMask(op);
        if (!mask)
          return;
        auto [entry, isNew] = masks.insert({mask, {}});
        if (isNew)
          entry->second = getMaskParts(mask);
        ArrayRef<MaskPart> parts = entry->second;
        if (llvm::any_of(parts, [](auto &part) { return part.condition; }))
          accesses.push_back(op);
        else if (isNew && !parts.empty())
          op->emitRemark("graft-version-tiles: mask kept: ")
              << parts.front().why;
      });
  return accesses;
}

namespace {

/// Says of which accesses alignment may be a condition: where a layout that
/// follows from it changes no result.
class Alignable {
public:
  bool contains(Operation *op) {
    if (op->getParentOfType<LoopLikeOpInterface>())
      return false;
    auto function = op->getParentOfType<tt::FuncOp>();
    auto [entry, isNew] = functions.try_emplace(function, false);
    if (isNew)
      entry->second = !holdsCollective(function);
    return entry->second;
  }

private:
  static bool holdsCollective(tt::FuncOp function) {
    return function
        .walk([](Operation *op) {
          return isa<tt::ReduceOp, tt::ScanOp, tt::DotOpInterface>(op)
                     ? WalkResult::interrupt()
                     : WalkResult::advance();
        })
        .wasInterrupted();
  }

  llvm::SmallDenseMap<Operation *, bool> functions;
};

} // namespace

/// Those of *accesses* that gain, and for each of the others why not.
static SmallVector<Access>
selectGaining(ArrayRef<Operation *> accesses, const Masks &masks,
              int64_t threads, bool align, tt::ModuleAxisInfoAnalysis &axisInfo,
              SmallVectorImpl<std::pair<Operation *, std::string>> &declined) {
  SmallVector<Access> gaining;
  Alignable alignable;
  for (Operation *op : accesses) {
    std::string why;
    if (std::optional<Access> access =
            getGain(op, masks.find(getMask(op))->second, threads,
                    align && alignable.contains(op), axisInfo, why))
      gaining.push_back(std::move(*access));
    else
      declined.push_back({op, std::move(why)});
  }
  return gaining;
}

/// Those of *accesses* that gain; the others are left with a remark. Alignment
/// is a condition only where none gains without: it may never hold.
static SmallVector<Access> selectGaining(ArrayRef<Operation *> accesses,
                                         const Masks &masks, int64_t threads,
                                         ModuleOp module) {
  tt::ModuleAxisInfoAnalysis axisInfo(module);
  SmallVector<std::pair<Operation *, std::string>> declined, unaligned;
  SmallVector<Access> gaining = selectGaining(
      accesses, masks, threads, /*align=*/false, axisInfo, declined);
  if (gaining.empty())
    gaining = selectGaining(accesses, masks, threads, /*align=*/true, axisInfo,
                            unaligned);
  llvm::SmallDenseSet<Value, 8> versioned;
  for (const Access &access : gaining)
    versioned.insert(getMask(access.op));
  for (auto &[op, why] : declined)
    if (!versioned.contains(getMask(op)))
      op->emitRemark("graft-version-tiles: mask kept: ") << why;
  return gaining;
}

namespace {

struct VersionTiles : graft::impl::GraftVersionTilesBase<VersionTiles> {
  using GraftVersionTilesBase::GraftVersionTilesBase;

  void runOnOperation() override {
    if (!checkThreads(getOperation(), getArgument(), threads))
      return signalPassFailure();
    Sites sites(getOperation(), getArgument(), skipSites);
    Masks masks;
    SmallVector<Operation *> accesses;
    for (tt::FuncOp function : getOperation().getOps<tt::FuncOp>())
      if (mayChange(function, exact, getArgument()))
        llvm::append_range(accesses, findAccesses(function, masks));
    // Most kernels have nothing to version; they pay for no analysis.
    if (accesses.empty())
      return;
    SmallVector<Access> gaining =
        selectGaining(accesses, masks, threads, getOperation());

    Knowledge knowledge{
        DominanceInfo(getOperation()), {}, Pipelining(getOperation())};
    llvm::MapVector<Block *, SmallVector<Access>> groups;
    for (Access &access : gaining)
      groups[getOutermostBlock(access, knowledge)].push_back(access);
    // From the inside out: what an outer branch duplicates is then already
    // versioned inside. Of blocks side by side the dominated one first: its
    // condition may be computed from values that the branch in the other takes
    // in, and then follows them, as all uses do.
    auto blocks = groups.takeVector();
    std::reverse(blocks.begin(), blocks.end());
    llvm::stable_sort(blocks, [](const auto &a, const auto &b) {
      return getDepth(a.first) > getDepth(b.first);
    });
    Limits limits{maxOps, Budget(getOperation(), maxSize)};
    for (auto &[block, members] : blocks)
      if (sites.take(members.front().op))
        versionBlock(block, members, knowledge, limits);
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
