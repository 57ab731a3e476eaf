//===- SwizzlePrograms.cpp - walk a grid of tiles in groups ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Renumbers the programs of a matrix product so that those which run at the
// same time share more of their operands.
//
//   before:  %x = tt.get_program_id x, %y = tt.get_program_id y, which the
//            hardware hands out row by row: all x of one y, then the next y
//   after:   the same pairs in another order: groups of `group` rows, in each
//            of which y changes from program to program and x after every row
//
// The new numbers are a bijection of the grid whatever its size: a program is
// a place in a list of all places, and each group lists its own again.
//
// Left alone: kernels that are not a product of something that depends on one
// program id with something that depends on the other, and kernels in which a
// program could notice when another runs or how many there are.
//
//===----------------------------------------------------------------------===//

#include "graft/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "triton/Dialect/Triton/IR/Dialect.h"

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

namespace {

/// On which program ids a value depends, one bit for each.
enum Ids : unsigned { None = 0, X = 1, Y = 2, Both = 3 };

/// What depends on which program id, through values and through branches.
class Dependences {
public:
  explicit Dependences(tt::FuncOp function) {
    // Loops hand values back to where they have been.
    do {
      changed = false;
      function.walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });
    } while (changed);
  }

  unsigned of(Value value) const { return ids.lookup(value); }

private:
  void visit(Operation *op) {
    unsigned all = idOf(op);
    for (Value operand : op->getOperands())
      all |= of(operand);
    if (auto branch = dyn_cast_or_null<scf::IfOp>(op->getParentOp()))
      all |= of(branch.getCondition());
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return visitLoop(loop);
    if (isa<scf::YieldOp>(op) && isa<scf::IfOp, scf::ForOp>(op->getParentOp()))
      return visitYield(op);
    for (Value result : op->getResults())
      if (!isa<scf::IfOp>(op))
        add(result, all);
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        add(argument, all);
  }

  static unsigned idOf(Operation *op) {
    auto id = dyn_cast<tt::GetProgramIdOp>(op);
    if (!id)
      return None;
    return id.getAxisAsInt() == 0 ? X : id.getAxisAsInt() == 1 ? Y : None;
  }

  /// How often a loop runs decides what it leaves, not what an iteration sees.
  void visitLoop(scf::ForOp loop) {
    unsigned bounds = of(loop.getLowerBound()) | of(loop.getUpperBound()) |
                      of(loop.getStep());
    add(loop.getInductionVar(), of(loop.getLowerBound()) | of(loop.getStep()));
    for (auto [argument, init, result] : llvm::zip(
             loop.getRegionIterArgs(), loop.getInitArgs(), loop.getResults())) {
      add(argument, of(init));
      add(result, of(init) | bounds);
    }
  }

  void visitYield(Operation *yield) {
    Operation *parent = yield->getParentOp();
    auto branch = dyn_cast<scf::IfOp>(parent);
    for (auto [value, result] :
         llvm::zip(yield->getOperands(), parent->getResults()))
      add(result, of(value) | (branch ? of(branch.getCondition()) : None));
    if (auto loop = dyn_cast<scf::ForOp>(parent))
      for (auto [value, argument] :
           llvm::zip(yield->getOperands(), loop.getRegionIterArgs()))
        add(argument, of(value));
  }

  void add(Value value, unsigned more) {
    unsigned &known = ids[value];
    changed |= (known | more) != known;
    known |= more;
  }

  llvm::DenseMap<Value, unsigned> ids;
  bool changed = false;
};

} // namespace

/// The first operation in *function* by which a program could notice in which
/// order programs run, or how many there are; null if there is none.
static Operation *findObserver(tt::FuncOp function) {
  Operation *found = nullptr;
  function.walk([&](Operation *op) {
    bool observes = isa<tt::GetNumProgramsOp, tt::AtomicRMWOp, tt::AtomicCASOp,
                        tt::CallOp, scf::WhileOp>(op);
    // Assembly and library functions may read more than their arguments say.
    if (isa<tt::ElementwiseInlineAsmOp, tt::ExternElementwiseOp>(op))
      observes = !isMemoryEffectFree(op);
    if (!observes)
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

/// The first product in a loop of *function* whose one factor depends on one
/// program id and the other on the other; null if there is none.
static Operation *findProduct(tt::FuncOp function) {
  Dependences dependences(function);
  Operation *found = nullptr;
  function.walk([&](Operation *op) {
    if (!isa<tt::DotOp, tt::DotScaledOp>(op) ||
        !op->getParentOfType<scf::ForOp>())
      return WalkResult::advance();
    unsigned a = dependences.of(op->getOperand(0));
    unsigned b = dependences.of(op->getOperand(1));
    if (!((a == X && b == Y) || (a == Y && b == X)))
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

/// Builds arithmetic on 64-bit integers: a grid may have more than 2^31
/// programs.
namespace {
class Arithmetic {
public:
  Arithmetic(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  }
  /// Program ids and counts are unsigned numbers below 2^31.
  Value widen(Value value) {
    return arith::ExtUIOp::create(builder, loc, builder.getI64Type(), value);
  }
  Value narrow(Value value) {
    return arith::TruncIOp::create(builder, loc, builder.getI32Type(), value);
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

private:
  OpBuilder &builder;
  Location loc;
};
} // namespace

/// Gives the users of the program ids in *function* those of another place in
/// the same row of the grid's third dimension.
static void renumber(tt::FuncOp function, int64_t group) {
  SmallVector<tt::GetProgramIdOp> olds;
  function.walk([&](tt::GetProgramIdOp op) {
    if (op.getAxisAsInt() < 2)
      olds.push_back(op);
  });
  Block &entry = function.getBody().front();
  OpBuilder builder(&entry, entry.begin());
  Location loc = olds.front().getLoc();
  Arithmetic a(builder, loc);
  auto id = [&](tt::ProgramIDDim axis) -> Value {
    return a.widen(tt::GetProgramIdOp::create(builder, loc, axis));
  };
  auto count = [&](tt::ProgramIDDim axis) -> Value {
    return a.widen(tt::GetNumProgramsOp::create(builder, loc, axis));
  };
  Value columns = count(tt::ProgramIDDim::X), rows = count(tt::ProgramIDDim::Y);
  Value x = id(tt::ProgramIDDim::X), y = id(tt::ProgramIDDim::Y);
  // Where the program is in the list of its group, row by row ...
  Value groupRows = a.constant(group);
  Value firstRow = a.mul(a.div(y, groupRows), groupRows);
  Value place = a.add(a.mul(a.sub(y, firstRow), columns), x);
  // ... is its place in the same list, column by column. The last group may
  // have fewer rows.
  Value height = a.min(a.sub(rows, firstRow), groupRows);
  Value newX = a.narrow(a.div(place, height));
  Value newY = a.narrow(a.add(firstRow, a.rem(place, height)));
  for (tt::GetProgramIdOp old : olds) {
    old.replaceAllUsesWith(old.getAxisAsInt() == 0 ? newX : newY);
    old.erase();
  }
}

namespace {

struct SwizzlePrograms
    : graft::impl::GraftSwizzleProgramsBase<SwizzlePrograms> {
  using GraftSwizzleProgramsBase::GraftSwizzleProgramsBase;

  void runOnOperation() override {
    if (group < 1 || group > maxGroup) {
      getOperation().emitError("graft-swizzle-programs: group must be from 1 "
                               "to ")
          << maxGroup << " (got " << int64_t(group) << ")";
      return signalPassFailure();
    }
    for (tt::FuncOp function : getOperation().getOps<tt::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        swizzle(function);
  }

private:
  void swizzle(tt::FuncOp function) {
    Operation *product = findProduct(function);
    if (!product)
      return;
    if (Operation *observer = findObserver(function)) {
      observer->emitRemark("graft-swizzle-programs: order kept: a program "
                           "could notice it here");
      return;
    }
    product->emitRemark("graft-swizzle-programs: programs run in groups of ")
        << int64_t(group) << " rows";
    renumber(function, group);
  }
};

} // namespace
