//===- SwizzlePrograms.cpp - walk a grid of tiles in groups ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Renumbers the programs of a matrix product so that those which run at the
// same time share more of their operands.
//
//   before:  program after program, all columns of a row and then the next row
//            (TileProduct.h says what a column and a row are)
//   after:   the same places in another order: groups of `group` rows, in each
//            of which the row changes from program to program and the column
//            after every row
//
// The new numbers are a bijection of the grid whatever its size: a program is
// a place in a list of all places, and each group lists its own again.
//
// Left alone: kernels that are not a product of something that is loaded for
// the column with something that is loaded for the row, kernels in which a
// program could notice when another runs or how many there are, and, where the
// pass chooses the group, grids that do not need one, and columns that lie side
// by side in memory.
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/TileProduct.h"
#include "graft/Transforms/Passes.h"
#include "graft/Transforms/Sites.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::graft {
#define GEN_PASS_DEF_GRAFTSWIZZLEPROGRAMS
#include "graft/Transforms/Passes.h.inc"
} // namespace mlir::graft

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// The largest group: with more rows, a group is the whole grid of any matrix
/// that fits a device.
static constexpr int64_t maxGroup = 1024;

/// No id of a program is larger, in any dimension and in the second (CUDA
/// Programming Guide, maximum dimensions of a grid).
static constexpr int64_t maxId = 0x7fffffff;
static constexpr int64_t maxIdY = 0xffff;

/// The limits of what describes a device: products of them with each other and
/// with sizes of grids are numbers of 63 bits.
static constexpr int64_t maxMultiprocessors = 65536;
static constexpr int64_t maxL2Bytes = int64_t(1) << 30;

/// How many scalar operations may move to the beginning of a kernel.
static constexpr unsigned maxHoistedOps = 16;

//===----------------------------------------------------------------------===//
// Legality
//===----------------------------------------------------------------------===//

/// Whether a program could notice by *op* in which order programs run, or how
/// many there are. Of dialects that do not belong here nothing is known.
static bool isObserver(Operation *op) {
  if (isa<tt::GetNumProgramsOp, tt::AtomicRMWOp, tt::AtomicCASOp,
          tt::DescriptorReduceOp, tt::CallOp, scf::WhileOp>(op))
    return true;
  // Assembly and library functions may read more than their arguments say.
  if (isa<tt::ElementwiseInlineAsmOp, tt::ExternElementwiseOp>(op))
    return !isMemoryEffectFree(op);
  static constexpr StringRef dialects[] = {"arith", "math", "scf",
                                           "cf",    "tt",   "ub"};
  static constexpr StringRef names[] = {"llvm.intr.assume", "ttg.barrier",
                                        "gpu.barrier"};
  OperationName name = op->getName();
  return !llvm::is_contained(dialects, name.getDialectNamespace()) &&
         !llvm::is_contained(names, name.getStringRef());
}

/// The first such operation in *function*; null if there is none.
static Operation *findObserver(tt::FuncOp function) {
  Operation *found = nullptr;
  function.walk([&](Operation *op) {
    if (!isObserver(op))
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

//===----------------------------------------------------------------------===//
// What is known where a kernel begins
//===----------------------------------------------------------------------===//

using Hoisted = llvm::SmallSetVector<Operation *, maxHoistedOps>;

/// Whether *op* promises something of its operands, such as no overflow, and
/// has no value where that does not hold.
static bool hasPromise(Operation *op) {
  return llvm::any_of(op->getAttrDictionary(), [](NamedAttribute attribute) {
    auto flags =
        dyn_cast<arith::IntegerOverflowFlagsAttr>(attribute.getValue());
    return isa<UnitAttr>(attribute.getValue()) ||
           (flags && flags.getValue() != arith::IntegerOverflowFlags::none);
  });
}

/// Whether *op* is integer arithmetic that can run where it did not: whatever
/// its operands, it has a value and does not trap. A division is pure where its
/// divisor is a constant.
static bool isHarmless(Operation *op) {
  return isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp, arith::MulIOp,
             arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::MinSIOp, arith::MaxSIOp, arith::MinUIOp, arith::MaxUIOp,
             arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::CmpIOp,
             arith::SelectOp>(op) &&
         isa<IntegerType>(op->getResult(0).getType()) && isPure(op) &&
         !hasPromise(op);
}

/// Whether *value* can be had where *function* begins. Appends the operations
/// that compute it from the arguments to *hoisted*, operands first.
static bool isKnownEarly(Value value, tt::FuncOp function, Hoisted &hoisted) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() == &function.getBody().front();
  Operation *op = value.getDefiningOp();
  if (hoisted.contains(op))
    return true;
  if (!isHarmless(op) || hoisted.size() >= maxHoistedOps)
    return false;
  for (Value operand : op->getOperands())
    if (!isKnownEarly(operand, function, hoisted))
      return false;
  hoisted.insert(op);
  return true;
}

/// The number by which *loop* steps, if it is a positive constant.
static std::optional<int64_t> getStep(scf::ForOp loop) {
  auto op = loop.getStep().getDefiningOp<arith::ConstantOp>();
  auto step = op ? dyn_cast<IntegerAttr>(op.getValue()) : IntegerAttr();
  if (!step || !step.getValue().isStrictlyPositive())
    return std::nullopt;
  return step.getInt();
}

/// Whether it is known where *function* begins how often *loop* runs. Appends
/// what computes its bounds to *hoisted* if so.
static bool isCountKnownEarly(scf::ForOp loop, tt::FuncOp function,
                              Hoisted &hoisted) {
  Hoisted more = hoisted;
  if (!getStep(loop) || !isKnownEarly(loop.getLowerBound(), function, more) ||
      !isKnownEarly(loop.getUpperBound(), function, more))
    return false;
  hoisted = std::move(more);
  return true;
}

//===----------------------------------------------------------------------===//
// How many rows make a group
//===----------------------------------------------------------------------===//

/// The number of rows by the rule in Passes.td, which explains it.
static int64_t chooseGroup(const TileProduct &tile, int64_t multiprocessors) {
  // In squares, as the best number is a square root.
  auto isAtMostBest = [&](int64_t rows) {
    return rows * rows * tile.rowBytes <= multiprocessors * tile.columnBytes;
  };
  int64_t group = 1;
  while (2 * group <= maxGroup && isAtMostBest(2 * group))
    group *= 2;
  return group;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

namespace {

/// Builds arithmetic on 64-bit integers: a grid may have more than 2^31
/// programs. At most one argument of a call builds something, as compilers
/// differ in which argument they compute first.
class Arithmetic {
public:
  Arithmetic(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  }
  Value id(tt::ProgramIDDim axis) {
    return tt::GetProgramIdOp::create(builder, loc, axis);
  }
  Value count(tt::ProgramIDDim axis) {
    return tt::GetNumProgramsOp::create(builder, loc, axis);
  }
  /// Program ids and counts are unsigned numbers below 2^31.
  Value widen(Value value) {
    return arith::ExtUIOp::create(builder, loc, builder.getI64Type(), value);
  }
  Value widenSigned(Value value) {
    if (value.getType().isInteger(64))
      return value;
    return arith::ExtSIOp::create(builder, loc, builder.getI64Type(), value);
  }
  /// *value*, which is at most *limit*, a number of ones. Cutting off the other
  /// bits tells LLVM so, as it knows of the hardware's ids: addresses computed
  /// from the result then need no sign extension.
  Value narrow(Value value, int64_t limit = maxId) {
    Value narrow =
        arith::TruncIOp::create(builder, loc, builder.getI32Type(), value);
    return arith::AndIOp::create(
        builder, loc, narrow,
        arith::ConstantIntOp::create(builder, loc, limit, 32));
  }
  Value add(Value a, Value b) {
    return arith::AddIOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubIOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulIOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) {
    return arith::DivUIOp::create(builder, loc, a, b);
  }
  Value rem(Value a, Value b) {
    return arith::RemUIOp::create(builder, loc, a, b);
  }
  Value min(Value a, Value b) {
    return arith::MinUIOp::create(builder, loc, a, b);
  }
  Value maxSigned(Value a, Value b) {
    return arith::MaxSIOp::create(builder, loc, a, b);
  }
  Value atMost(Value a, Value b) {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule, a, b);
  }
  Value either(Value a, Value b) {
    return arith::OrIOp::create(builder, loc, a, b);
  }
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }

private:
  OpBuilder &builder;
  Location loc;
};

/// A place in a grid of rows, all 64-bit numbers.
struct Place {
  Value columns, rows, column, row;
};

/// What the pass does to one kernel.
struct Plan {
  TileProduct tile;
  int64_t group = 0;
  /// Whether grids are looked at that may not need the group, and for these the
  /// device. Without *isLoopCounted* their operands are not looked at.
  bool isGated = false;
  bool isLoopCounted = false;
  int64_t multiprocessors = 0;
  int64_t l2Bytes = 0;
  /// What has to move to the beginning of the kernel.
  Hoisted hoisted;
};

} // namespace

/// The place that the program at *place* gets in a group of *groupRows*; with
/// one row, and only then, it may be behind the last row, and keeps its place.
static std::pair<Value, Value> regroup(Arithmetic &a, const Place &place,
                                       Value groupRows) {
  // Where the program is in the list of its group, row by row ...
  Value firstRow = a.mul(a.div(place.row, groupRows), groupRows);
  Value number =
      a.add(a.mul(a.sub(place.row, firstRow), place.columns), place.column);
  // ... is its place in the same list, column by column. The last group may
  // have fewer rows.
  Value height = a.min(a.sub(place.rows, firstRow), groupRows);
  Value positive = a.maxSigned(height, a.constant(1));
  Value column = a.div(number, positive);
  return {column, a.add(firstRow, a.rem(number, positive))};
}

/// How often *loop*, which steps by a constant, runs.
static Value getTripCount(Arithmetic &a, scf::ForOp loop) {
  int64_t step = *getStep(loop);
  auto widen = [&](Value bound) {
    return loop.getUnsignedCmp() && bound.getType().isInteger(32)
               ? a.widen(bound)
               : a.widenSigned(bound);
  };
  Value end = widen(loop.getUpperBound());
  Value span = a.sub(end, widen(loop.getLowerBound()));
  Value rounded = a.add(span, a.constant(step - 1));
  Value positive = a.maxSigned(rounded, a.constant(0));
  return a.div(positive, a.constant(step));
}

/// Whether the order of programs does not matter: all run at the same time, or
/// all operands stay in the L2 cache.
static Value getIsSmall(Arithmetic &a, const Place &grid, const Plan &plan) {
  Value programs = a.mul(grid.columns, grid.rows);
  Value isWave = a.atMost(programs, a.constant(plan.multiprocessors));
  if (!plan.isLoopCounted)
    return isWave;
  Value inColumns = a.mul(grid.columns, a.constant(plan.tile.columnBytes));
  Value inRows = a.mul(grid.rows, a.constant(plan.tile.rowBytes));
  Value bytes = a.add(inColumns, inRows);
  // Whatever is more than the cache is enough to say so.
  Value enough = a.constant(plan.l2Bytes + 1);
  Value count = a.min(getTripCount(a, plan.tile.loop), enough);
  Value allBytes = a.mul(a.min(bytes, enough), count);
  Value fits = a.atMost(allBytes, a.constant(plan.l2Bytes));
  return a.either(isWave, fits);
}

/// The new ids of a program on a 2-D grid.
static std::array<Value, 2> renumber2D(Arithmetic &a, const Plan &plan) {
  using tt::ProgramIDDim;
  Place place;
  place.columns = a.widen(a.count(ProgramIDDim::X));
  place.rows = a.widen(a.count(ProgramIDDim::Y));
  place.column = a.widen(a.id(ProgramIDDim::X));
  place.row = a.widen(a.id(ProgramIDDim::Y));
  Value group = a.constant(plan.group), one = a.constant(1);
  Value groupRows =
      plan.isGated ? a.select(getIsSmall(a, place, plan), one, group) : group;
  auto [column, row] = regroup(a, place, groupRows);
  return {a.narrow(column), a.narrow(row, maxIdY)};
}

/// The new id of a program on a 1-D grid, whose last row may not be full. The
/// programs of that one keep their ids, and so do all if the divisor is not
/// positive, or larger than the grid.
static Value renumber1D(Arithmetic &a, const Plan &plan) {
  using tt::ProgramIDDim;
  Value id = a.id(ProgramIDDim::X), count = a.count(ProgramIDDim::X);
  // A row of one column each leaves the order as it is.
  Value given = a.widenSigned(plan.tile.divisor);
  Value divisor = a.maxSigned(given, a.constant(1));
  Value columns = a.narrow(a.min(divisor, a.widen(count)));
  Value row = a.div(id, columns);
  Value rows = a.div(count, columns);
  Value column = a.sub(id, a.mul(row, columns));
  Place place;
  place.columns = a.widen(columns);
  place.rows = a.widen(rows);
  place.column = a.widen(column);
  place.row = a.widen(row);
  Value isKept = a.atMost(rows, row);
  if (plan.isGated)
    isKept = a.either(isKept, getIsSmall(a, place, plan));
  Value group = a.constant(plan.group), one = a.constant(1);
  Value groupRows = a.select(isKept, one, group);
  auto [newColumn, newRow] = regroup(a, place, groupRows);
  return a.narrow(a.add(a.mul(newRow, place.columns), newColumn));
}

/// Gives the users of the program ids in *function* those of another place.
static void renumber(tt::FuncOp function, const Plan &plan) {
  SmallVector<tt::GetProgramIdOp> olds;
  int numAxes = plan.tile.divisor ? 1 : 2;
  function.walk([&](tt::GetProgramIdOp op) {
    if (op.getAxisAsInt() < numAxes)
      olds.push_back(op);
  });
  Block &entry = function.getBody().front();
  OpBuilder builder(&entry, entry.begin());
  for (Operation *op : llvm::reverse(plan.hoisted))
    op->moveBefore(&entry, entry.begin());
  if (!plan.hoisted.empty())
    builder.setInsertionPointAfter(plan.hoisted.back());
  Arithmetic a(builder, olds.front().getLoc());
  std::array<Value, 2> news = plan.tile.divisor
                                  ? std::array{renumber1D(a, plan), Value()}
                                  : renumber2D(a, plan);
  for (tt::GetProgramIdOp old : olds) {
    old.replaceAllUsesWith(news[old.getAxisAsInt()]);
    old.erase();
  }
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Says in a remark what becomes of the programs of *plan*.
static void report(const Plan &plan) {
  InFlightDiagnostic remark = plan.tile.product->emitRemark(
      "graft-swizzle-programs: programs run in groups of ");
  remark << plan.group << " rows";
  if (plan.isGated)
    remark << " where there are more than " << plan.multiprocessors;
  if (plan.isLoopCounted)
    remark << " and their operands have more than " << plan.l2Bytes << " bytes";
}

namespace {

struct SwizzlePrograms
    : graft::impl::GraftSwizzleProgramsBase<SwizzlePrograms> {
  using GraftSwizzleProgramsBase::GraftSwizzleProgramsBase;

  void runOnOperation() override {
    if (!isInRange("group", group, 0, maxGroup) ||
        !isInRange("multiprocessors", multiprocessors, 1, maxMultiprocessors) ||
        !isInRange("l2-bytes", l2Bytes, 0, maxL2Bytes))
      return signalPassFailure();
    Sites sites(getOperation(), getArgument(), skipSites);
    for (tt::FuncOp function : getOperation().getOps<tt::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        swizzle(function, sites);
  }

private:
  bool isInRange(StringRef name, int64_t value, int64_t min, int64_t max) {
    if (min <= value && value <= max)
      return true;
    getOperation().emitError("graft-swizzle-programs: ")
        << name << " must be from " << min << " to " << max << " (got " << value
        << ")";
    return false;
  }

  void swizzle(tt::FuncOp function, Sites &sites) {
    std::optional<TileProduct> tile = getTileProduct(function);
    if (!tile)
      return;
    if (Operation *observer = findObserver(function)) {
      observer->emitRemark("graft-swizzle-programs: order kept: a program "
                           "could notice it by ")
          << observer->getName();
      return;
    }
    Plan plan;
    plan.tile = *tile;
    plan.group = group;
    if (tile->divisor && !isKnownEarly(tile->divisor, function, plan.hoisted)) {
      tile->product->emitRemark("graft-swizzle-programs: order kept: the "
                                "length of a row is not known in advance");
      return;
    }
    std::string why = group == 0 ? choose(function, plan) : "";
    if (why.empty() && plan.group == 1)
      why = "a group is one row";
    if (!why.empty()) {
      tile->product->emitRemark("graft-swizzle-programs: order kept: ") << why;
      return;
    }
    if (!sites.take(tile->product))
      return;
    report(plan);
    renumber(function, plan);
  }

  /// Chooses the group of *plan*, and when it is used, or returns why none is
  /// better than the order as it is.
  std::string choose(tt::FuncOp function, Plan &plan) {
    tt::ModuleAxisInfoAnalysis axisInfo(getOperation());
    if (plan.tile.areColumnsSideBySide(axisInfo))
      return "the programs of a row read what lies side by side";
    plan.group = chooseGroup(plan.tile, multiprocessors);
    plan.isGated = true;
    plan.isLoopCounted =
        isCountKnownEarly(plan.tile.loop, function, plan.hoisted);
    plan.multiprocessors = multiprocessors;
    plan.l2Bytes = l2Bytes;
    return "";
  }
};

} // namespace
