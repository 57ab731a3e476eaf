//===- PeelLoops.cpp - whole tiles of a pipelined loop first --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Makes two loops of one in which boundary masks change with the iteration.
//
//   before:  for (k = lower; k < upper; k += step) masked
//   after:   for (k = lower; k < middle; k += step) not masked
//            for (k = middle; k < upper; k += step) masked
//
// where the masks are whole in all iterations up to `middle`: in all of the
// loop, in all but the last, or in none.
//
// Left alone: loops that graft-version-tiles can branch in, and masks whose
// bound is not affine in the iteration (Iterations.h).
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Accesses.h"
#include "graft/Analysis/Contraction.h"
#include "graft/Analysis/Hoisting.h"
#include "graft/Analysis/Iterations.h"
#include "graft/Analysis/Pipelining.h"
#include "graft/Transforms/Budget.h"
#include "graft/Transforms/MaskRewriting.h"
#include "graft/Transforms/Sites.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::graft {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_GRAFTPEELLOOPS
#include "graft/Transforms/PeelLoops.h.inc"
} // namespace mlir::graft

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

namespace {

/// An access in a loop, and the parts of its mask; those that no iteration
/// decides are without condition.
struct Candidate {
  Operation *op;
  std::vector<MaskPart> parts;
};

/// A loop with masks that tell whether its iterations are whole.
struct Loop {
  scf::ForOp op;
  std::vector<Candidate> candidates;
};

} // namespace

static bool isInnermost(scf::ForOp loop) {
  bool holdsLoop = false;
  loop.getBody()->walk(
      [&](Operation *op) { holdsLoop |= isa<LoopLikeOpInterface>(op); });
  return !holdsLoop;
}

/// Why *loop* is not to be duplicated; empty if it may be.
static std::string getObjection(scf::ForOp loop, int64_t maxOps) {
  for (Operation *op = loop; op; op = op->getParentOp())
    for (StringRef attribute : {"tt.warp_specialize", "tt.flatten"})
      if (op->hasAttr(attribute))
        return ("the loop, or one around it, has " + attribute).str();
  if (!Iterations(loop).areCountable())
    return "the loop has no constant step, or unsigned bounds";
  int64_t numOps = countOps(loop);
  std::string why;
  if (numOps > maxOps)
    llvm::raw_string_ostream(why)
        << "the loop has " << numOps
        << " operations, more than max-ops=" << maxOps;
  return why;
}

/// The first load in *loop* that, on account of its pointers, cannot be an
/// asynchronous copy; null if there is none.
static Operation *findNarrowLoad(scf::ForOp loop, int64_t threads,
                                 tt::ModuleAxisInfoAnalysis &axisInfo) {
  Operation *found = nullptr;
  loop.getBody()->walk([&](tt::LoadOp load) {
    if (!isa<RankedTensorType>(load.getPtr().getType()))
      return WalkResult::advance();
    int64_t bits = getPointerWidth(load.getPtr(), threads, axisInfo) *
                   tt::getPointeeBitWidth(load.getPtr().getType());
    if (bits >= minCopyBits)
      return WalkResult::advance();
    found = load;
    return WalkResult::interrupt();
  });
  return found;
}

/// Why *condition*, of a part of the mask of *op*, tells nothing in front of
/// the loop of *iterations*; empty if it does.
static std::string getObjection(const TileCondition &condition, Operation *op,
                                scf::ForOp loop, Iterations &iterations,
                                DefinedValues &defined) {
  if (!iterations.change(condition))
    return "what narrows the access does not change in the loop";
  // A loop that runs looks at the masks in its body.
  bool isReached = op->getBlock() == loop.getBody();
  auto isDefined = [&](Value leaf) { return defined.contains(leaf); };
  if (!isReached && !llvm::all_of(condition.getLeaves(), isDefined))
    return "the bound may have no value where the access is not reached";
  return iterations.getObjection(condition);
}

/// The accesses of *loop* whose masks change with the iteration.
static std::vector<Candidate> findCandidates(scf::ForOp loop) {
  Iterations iterations(loop);
  DefinedValues defined;
  std::vector<Candidate> candidates;
  loop.getBody()->walk([&](Operation *op) {
    Value mask = getTensorMask(op);
    if (!mask)
      return;
    Candidate candidate{op, getMaskParts(mask)};
    bool isCandidate = false;
    for (MaskPart &part : candidate.parts) {
      if (!part.condition)
        continue;
      isCandidate |= iterations.change(*part.condition);
      std::string why =
          getObjection(*part.condition, op, loop, iterations, defined);
      if (why.empty())
        continue;
      part.why = std::move(why);
      part.condition.reset();
    }
    if (isCandidate)
      candidates.push_back(std::move(candidate));
  });
  return candidates;
}

/// Writes how many iterations of *loop*, from the first, *condition* is known
/// to hold in.
static Value emitWholeCount(scf::ForOp loop, const TileCondition &condition,
                            OpBuilder &builder) {
  Location loc = loop.getLoc();
  Iterations iterations(loop);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  };
  Value zero = constant(0), one = constant(1);
  Value count = iterations.emitCount(builder, loc);
  // Without an iteration, the last is taken for the first: 0 of 0 are whole.
  auto before = [&](Value number) -> Value {
    return arith::MaxSIOp::create(
        builder, loc, arith::SubIOp::create(builder, loc, number, one), zero);
  };
  Value last = before(count);
  Value isLastWhole = iterations.emitAt(condition, last, builder, loc);
  Value whole = arith::SelectOp::create(builder, loc, isLastWhole, count, last);
  Value isFirstWhole = iterations.emitAt(condition, zero, builder, loc);
  Value isEndWhole = iterations.emitAt(condition, before(whole), builder, loc);
  Value areWhole =
      arith::AndIOp::create(builder, loc, isFirstWhole, isEndWhole);
  // What the masks are compared with may have no value where nobody looks.
  Value runs = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt,
                                     count, zero);
  Value known = arith::SelectOp::create(
      builder, loc, runs, areWhole,
      arith::ConstantOp::create(builder, loc, builder.getBoolAttr(false)));
  return arith::SelectOp::create(builder, loc, known, whole, zero);
}

/// Writes the number at which the iteration *number* of *loop* begins; the
/// upper bound for the one after the last.
static Value emitBoundary(scf::ForOp loop, Value number, OpBuilder &builder) {
  Location loc = loop.getLoc();
  Type wide = builder.getI64Type();
  Type type = loop.getInductionVar().getType();
  auto widen = [&](Value value) -> Value {
    if (type == wide)
      return value;
    return arith::ExtSIOp::create(builder, loc, wide, value);
  };
  Value steps =
      arith::MulIOp::create(builder, loc, number, widen(loop.getStep()));
  Value boundary =
      arith::AddIOp::create(builder, loc, widen(loop.getLowerBound()), steps);
  Value inside = arith::MinSIOp::create(builder, loc, boundary,
                                        widen(loop.getUpperBound()));
  // An empty loop may have an upper bound below the lower one.
  Value middle =
      arith::MaxSIOp::create(builder, loc, inside, widen(loop.getLowerBound()));
  if (type == wide)
    return middle;
  return arith::TruncIOp::create(builder, loc, type, middle);
}

/// Makes two loops of *candidate*, the first without the parts of masks that
/// are true there. Where one access gains, the masks of the others can go too.
static void peel(const Loop &candidate) {
  scf::ForOp loop = candidate.op;
  llvm::SmallSetVector<Value, 8> proven;
  TileCondition condition;
  for (const auto &[op, parts] : candidate.candidates)
    for (const MaskPart &part : parts)
      if (part.condition && proven.insert(part.value))
        condition.append(*part.condition);

  OpBuilder builder(loop);
  Value middle =
      emitBoundary(loop, emitWholeCount(loop, condition, builder), builder);
  IRMapping mapping;
  auto whole = cast<scf::ForOp>(builder.clone(*loop, mapping));
  whole.setUpperBound(middle);
  simplifyMasks(*whole.getBody(), proven.getArrayRef(), mapping);
  loop.setLowerBound(middle);
  loop.getInitArgsMutable().assign(whole.getResults());
  loop->setAttr("tt.num_stages", builder.getI32IntegerAttr(1));
  // What is left is hardly ever whole: no branch is worth it there.
  loop->setAttr("tt.peeled_by_graft", builder.getUnitAttr());
}

namespace {

struct PeelLoops : graft::impl::GraftPeelLoopsBase<PeelLoops> {
  using GraftPeelLoopsBase::GraftPeelLoopsBase;

  void runOnOperation() override {
    if (!checkThreads(getOperation(), getArgument(), threads))
      return signalPassFailure();
    Pipelining pipelining(getOperation());
    Sites sites(getOperation(), getArgument(), skipSites);
    std::vector<Loop> loops;
    for (tt::FuncOp function : getOperation().getOps<tt::FuncOp>())
      if (mayChange(function, exact, getArgument()))
        findLoops(function, pipelining, loops);
    // Most kernels have nothing to peel; they pay for no analysis.
    if (loops.empty())
      return;
    tt::ModuleAxisInfoAnalysis axisInfo(getOperation());
    // The analysis ends with the first change.
    llvm::erase_if(loops, [&](const Loop &loop) {
      return !isWorthPeeling(loop, axisInfo);
    });
    Budget budget(getOperation(), maxSize);
    for (const Loop &loop : loops) {
      if (!sites.take(loop.op))
        continue;
      if (int64_t numOps = countOps(loop.op); !budget.take(numOps)) {
        loop.op->emitRemark("graft-peel-loops: not peeled: ")
            << budget.getObjection(numOps);
        continue;
      }
      loop.op->emitRemark("graft-peel-loops: whole tiles run without masks");
      peel(loop);
    }
  }

private:
  /// Appends the loops of *function* with masks that may go to *loops*.
  static void findLoops(tt::FuncOp function, const Pipelining &pipelining,
                        std::vector<Loop> &loops) {
    function.walk([&](scf::ForOp op) {
      if (!isInnermost(op) || !pipelining.isPipelined(op))
        return;
      std::vector<Candidate> candidates = findCandidates(op);
      if (!candidates.empty())
        loops.push_back({op, std::move(candidates)});
    });
  }

  /// Whether *loop* is to be peeled; says why in remarks if not.
  bool isWorthPeeling(const Loop &loop, tt::ModuleAxisInfoAnalysis &axisInfo) {
    SmallVector<std::pair<Operation *, std::string>> declined;
    for (const auto &[op, parts] : loop.candidates)
      if (std::string why;
          !getGain(op, parts, threads, /*mayAlign=*/false, axisInfo, why))
        declined.push_back({op, std::move(why)});
    if (declined.size() == loop.candidates.size()) {
      for (auto &[op, why] : declined)
        op->emitRemark("graft-peel-loops: mask kept: ") << why;
      return false;
    }
    std::string why = getObjection(loop.op, maxOps);
    if (why.empty() && findNarrowLoad(loop.op, threads, axisInfo))
      why = "its pointers keep a load in it from being an asynchronous copy";
    if (!why.empty())
      loop.op->emitRemark("graft-peel-loops: not peeled: ") << why;
    return why.empty();
  }
};

} // namespace
