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
// pass chooses the group, grids that do not need one.
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Hoisting.h"
#include "graft/Analysis/ProgramOrder.h"
#include "graft/Analysis/TileProduct.h"
#include "graft/Transforms/Sites.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "triton/Dialect/Triton/IR/Dialect.h"

namespace mlir::graft {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_GRAFTSWIZZLEPROGRAMS
#include "graft/Transforms/SwizzlePrograms.h.inc"
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

/// So many programs for each multiprocessor are few: a new order gains less
/// than it costs to compute. Products of 2048 rows in 128 programs lost 1.7 %
/// (H100).
static constexpr int64_t fewWaves = 2;

/// How many times as much natural order has to read as a group where the
/// columns lie side by side. Measured on an H100 (Passes.td).
static constexpr int64_t minSaving = 2;

//===----------------------------------------------------------------------===//
// What is known where a kernel begins
//===----------------------------------------------------------------------===//

/// Whether *value* can be had where *function* begins. Appends the operations
/// that compute it from the arguments to *hoisted*, operands first.
static bool isKnownEarly(Value value, tt::FuncOp function,
                         HoistedOps &hoisted) {
  auto isArgument = [&](Value known) {
    auto argument = dyn_cast<BlockArgument>(known);
    return argument && argument.getOwner() == &function.getBody().front();
  };
  return collectHoisted(value, isArgument, isHarmless, hoisted);
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
                              HoistedOps &hoisted) {
  HoistedOps more = hoisted;
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

/// From how many columns on natural order reads *minSaving* times what groups
/// of *group* rows read; 0 if it never does. Both by the rule in Passes.td.
static int64_t chooseMinColumns(const TileProduct &tile, int64_t group,
                                int64_t multiprocessors) {
  auto isReadOften = [&](int64_t columns) {
    int64_t natural =
        columns * tile.columnBytes + multiprocessors / columns * tile.rowBytes;
    int64_t grouped =
        group * tile.rowBytes + multiprocessors * tile.columnBytes / group;
    return natural >= minSaving * grouped;
  };
  for (int64_t columns = group; columns <= multiprocessors; ++columns)
    if (isReadOften(columns))
      return columns;
  return 0;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

namespace {

/// Builds arithmetic. At most one argument of a call builds something, as
/// compilers differ in which argument they compute first.
class Arithmetic {
public:
  Arithmetic(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value constant(int64_t value, unsigned width = 32) {
    return arith::ConstantIntOp::create(builder, loc, value, width);
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
  /// *value*, a number of 64 bits, with 32.
  Value narrow(Value value) {
    return arith::TruncIOp::create(builder, loc, builder.getI32Type(), value);
  }
  /// *value*, which is at most *limit*, a number of ones. Cutting off the other
  /// bits tells LLVM so, as it knows of the hardware's ids: addresses computed
  /// from the result then need no sign extension.
  Value limitTo(Value value, int64_t limit) {
    return arith::AndIOp::create(builder, loc, value, constant(limit));
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
  /// The two values that *then* writes, or else those that *otherwise* does.
  /// Divisions take long: only the programs that need one are to wait for it.
  std::array<Value, 2>
  branch(Value condition, llvm::function_ref<std::array<Value, 2>()> then,
         llvm::function_ref<std::array<Value, 2>()> otherwise) {
    Type type = builder.getI32Type();
    auto branch = scf::IfOp::create(builder, loc, TypeRange{type, type},
                                    condition, /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(builder, loc, then());
    builder.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(builder, loc, otherwise());
    return {branch.getResult(0), branch.getResult(1)};
  }

private:
  OpBuilder &builder;
  Location loc;
};

/// A program in a grid of rows, all 32-bit numbers. The number of rows is known
/// to *rows* or, on a 1-D grid, is that of the full ones among *count*
/// programs.
struct Place {
  Value columns, column, row;
  Value rows, count;
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
  /// The least columns for which a group is used.
  int64_t minColumns = 0;
  /// What has to move to the beginning of the kernel.
  HoistedOps hoisted;

  /// How many programs make no difference in which order they run.
  int64_t getFewPrograms() const { return fewWaves * multiprocessors; }
};

} // namespace

/// The place in its group, of *height* rows from *firstRow* on, of the program
/// that is the *number*-th of it row by row, if they are counted column by
/// column.
static std::array<Value, 2> placeInGroup(Arithmetic &a, Value number,
                                         Value firstRow, Value height) {
  Value column = a.div(number, height);
  return {column, a.add(firstRow, a.rem(number, height))};
}

/// The place, column and row, that the program at *place* gets in a group of
/// *plan*.
static std::array<Value, 2> regroup(Arithmetic &a, const Place &place,
                                    const Plan &plan) {
  Value group = a.constant(plan.group);
  Value firstRow = a.mul(a.div(place.row, group), group);
  Value number =
      a.add(a.mul(a.sub(place.row, firstRow), place.columns), place.column);
  Value end = a.add(firstRow, group);
  Value isFull = place.rows ? a.atMost(end, place.rows)
                            : a.atMost(a.mul(end, place.columns), place.count);
  auto inFullGroup = [&] { return placeInGroup(a, number, firstRow, group); };
  // The last group may have fewer rows, and on a 1-D grid there may be programs
  // behind the last row: these keep their places.
  auto inLastGroup = [&]() -> std::array<Value, 2> {
    if (place.rows)
      return placeInGroup(a, number, firstRow, a.sub(place.rows, firstRow));
    Value rows = a.div(place.count, place.columns);
    Value isBehind = a.atMost(rows, place.row);
    Value height = a.maxSigned(a.sub(rows, firstRow), a.constant(1));
    auto [column, row] = placeInGroup(a, number, firstRow, height);
    return {a.select(isBehind, place.column, column),
            a.select(isBehind, place.row, row)};
  };
  return a.branch(isFull, inFullGroup, inLastGroup);
}

/// How often *loop*, which steps by a constant, runs, with 64 bits.
static Value getTripCount(Arithmetic &a, scf::ForOp loop) {
  int64_t step = *getStep(loop);
  auto widen = [&](Value bound) {
    return loop.getUnsignedCmp() && bound.getType().isInteger(32)
               ? a.widen(bound)
               : a.widenSigned(bound);
  };
  Value end = widen(loop.getUpperBound());
  Value span = a.sub(end, widen(loop.getLowerBound()));
  Value rounded = a.add(span, a.constant(step - 1, 64));
  Value positive = a.maxSigned(rounded, a.constant(0, 64));
  return a.div(positive, a.constant(step, 64));
}

/// Whether the order of the programs in a grid of *columns* and *rows* does not
/// matter: they are few, or all operands stay in the L2 cache.
static Value getIsSmall(Arithmetic &a, Value columns, Value rows,
                        Value programs, const Plan &plan) {
  Value areFew = a.atMost(programs, a.constant(plan.getFewPrograms(), 64));
  if (!plan.isLoopCounted)
    return areFew;
  Value inColumns = a.mul(columns, a.constant(plan.tile.columnBytes, 64));
  Value inRows = a.mul(rows, a.constant(plan.tile.rowBytes, 64));
  Value bytes = a.add(inColumns, inRows);
  // Whatever is more than the cache is enough to say so.
  Value enough = a.constant(plan.l2Bytes + 1, 64);
  Value count = a.min(getTripCount(a, plan.tile.loop), enough);
  Value allBytes = a.mul(a.min(bytes, enough), count);
  Value fits = a.atMost(allBytes, a.constant(plan.l2Bytes, 64));
  return a.either(areFew, fits);
}

/// Whether the programs of a grid like that of *place* keep their order: they
/// do not need a group, or its places are more than 2^31, which only grids have
/// that no device gets through.
static Value getIsKept(Arithmetic &a, const Place &place, const Plan &plan) {
  Value isTooWide = a.atMost(a.constant(maxId / plan.group + 1), place.columns);
  if (!plan.isGated)
    return isTooWide;
  Value columns = a.widen(place.columns), programs, rows;
  if (place.rows) {
    rows = a.widen(place.rows);
    programs = a.mul(columns, rows);
  } else {
    // Half a row more or less says nothing of whether the operands fit.
    programs = a.widen(place.count);
    if (plan.isLoopCounted)
      rows = a.widen(a.div(place.count, place.columns));
  }
  Value isKept =
      a.either(isTooWide, getIsSmall(a, columns, rows, programs, plan));
  if (plan.minColumns <= 1)
    return isKept;
  Value isNarrow = a.atMost(place.columns, a.constant(plan.minColumns - 1));
  return a.either(isKept, isNarrow);
}

/// The place of the program at *place* after the pass.
static std::array<Value, 2> renumber(Arithmetic &a, const Place &place,
                                     const Plan &plan) {
  return a.branch(
      getIsKept(a, place, plan),
      [&]() -> std::array<Value, 2> { return {place.column, place.row}; },
      [&] { return regroup(a, place, plan); });
}

/// The new ids of a program on a 2-D grid.
static std::array<Value, 2> renumber2D(Arithmetic &a, const Plan &plan) {
  using tt::ProgramIDDim;
  Place place;
  place.columns = a.count(ProgramIDDim::X);
  place.rows = a.count(ProgramIDDim::Y);
  place.column = a.id(ProgramIDDim::X);
  place.row = a.id(ProgramIDDim::Y);
  auto [column, row] = renumber(a, place, plan);
  return {a.limitTo(column, maxId), a.limitTo(row, maxIdY)};
}

/// The new id of a program on a 1-D grid, whose last row may not be full. The
/// programs of that one keep their ids, and so do all if the divisor is not
/// positive, or larger than the grid.
static Value renumber1D(Arithmetic &a, const Plan &plan) {
  using tt::ProgramIDDim;
  Place place;
  Value id = a.id(ProgramIDDim::X);
  place.count = a.count(ProgramIDDim::X);
  // A row of one column each leaves the order as it is.
  Value given = a.widenSigned(plan.tile.divisor);
  Value divisor = a.maxSigned(given, a.constant(1, 64));
  place.columns = a.narrow(a.min(divisor, a.widen(place.count)));
  place.row = a.div(id, place.columns);
  place.column = a.sub(id, a.mul(place.row, place.columns));
  auto [column, row] = renumber(a, place, plan);
  return a.limitTo(a.add(a.mul(row, place.columns), column), maxId);
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
    remark << " where there are more than " << plan.getFewPrograms();
  if (plan.isLoopCounted)
    remark << " and their operands have more than " << plan.l2Bytes << " bytes";
  if (plan.minColumns > 1)
    remark << " and a row has at least " << plan.minColumns;
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
    if (Operation *observer = findOrderObserver(function)) {
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
    plan.group = chooseGroup(plan.tile, multiprocessors);
    tt::ModuleAxisInfoAnalysis axisInfo(getOperation());
    if (plan.tile.areColumnsSideBySide(axisInfo)) {
      plan.minColumns =
          chooseMinColumns(plan.tile, plan.group, multiprocessors);
      if (plan.minColumns == 0)
        return "the programs of a row read what lies side by side";
    }
    plan.isGated = true;
    plan.isLoopCounted =
        isCountKnownEarly(plan.tile.loop, function, plan.hoisted);
    plan.multiprocessors = multiprocessors;
    plan.l2Bytes = l2Bytes;
    return "";
  }
};

} // namespace
