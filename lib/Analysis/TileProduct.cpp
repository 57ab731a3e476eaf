//===- TileProduct.cpp - which tiles does a program multiply? -------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

//===----------------------------------------------------------------------===//
// The quotient and the remainder of a 1-D grid
//===----------------------------------------------------------------------===//

/// *value* before it was extended from 32 bits.
static Value getNarrow(Value value) {
  Operation *op = value.getDefiningOp();
  bool isExtended = isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op) &&
                    op->getOperand(0).getType().isInteger(32);
  return isExtended ? op->getOperand(0) : value;
}

static bool isProgramId(Value value) {
  auto id = getNarrow(value).getDefiningOp<tt::GetProgramIdOp>();
  return id && id.getAxis() == tt::ProgramIDDim::X;
}

/// The number that *value* is, if it is a constant.
static std::optional<APInt> getConstant(Value value) {
  auto op = value.getDefiningOp<arith::ConstantOp>();
  auto integer = op ? dyn_cast<IntegerAttr>(op.getValue()) : IntegerAttr();
  return integer ? std::optional(integer.getValue().sextOrTrunc(64))
                 : std::nullopt;
}

/// Whether *a* and *b* are the same number, be it in other widths.
static bool isSame(Value a, Value b) {
  if (getNarrow(a) == getNarrow(b))
    return true;
  std::optional<APInt> number = getConstant(a);
  return number && number == getConstant(b);
}

/// What the program id is divided by in *op*; null if it is not.
static Value getDivisor(Operation *op) {
  if (!isa<arith::DivSIOp, arith::DivUIOp>(op) ||
      !isProgramId(op->getOperand(0)))
    return Value();
  return getNarrow(op->getOperand(1));
}

static bool isQuotient(Operation *op, Value divisor) {
  Value found = getDivisor(op);
  return found && isSame(found, divisor);
}

/// Whether *value* is the quotient by *divisor* times *divisor*.
static bool isStartOfRow(Value value, Value divisor) {
  auto product = value.getDefiningOp<arith::MulIOp>();
  if (!product)
    return false;
  Value quotient = product.getLhs(), factor = product.getRhs();
  if (isSame(quotient, divisor))
    std::swap(quotient, factor);
  Operation *division = getNarrow(quotient).getDefiningOp();
  return division && isQuotient(division, divisor) && isSame(factor, divisor);
}

static bool isRemainder(Operation *op, Value divisor) {
  if (isa<arith::RemSIOp, arith::RemUIOp>(op))
    return isProgramId(op->getOperand(0)) && isSame(op->getOperand(1), divisor);
  return isa<arith::SubIOp>(op) && isProgramId(op->getOperand(0)) &&
         isStartOfRow(op->getOperand(1), divisor);
}

/// The numbers by which *function* divides its program id.
static SmallVector<Value> getDivisors(tt::FuncOp function) {
  SmallVector<Value> divisors;
  function.walk([&](Operation *op) {
    Value divisor = getDivisor(op);
    if (divisor && llvm::none_of(divisors, [&](Value other) {
          return isSame(divisor, other);
        }))
      divisors.push_back(divisor);
  });
  return divisors;
}

//===----------------------------------------------------------------------===//
// What depends on the column and on the row
//===----------------------------------------------------------------------===//

namespace {

/// What a value depends on, one bit for each.
enum Part : unsigned { None = 0, Column = 1, Row = 2, Both = 3 };

/// What depends on which part of the tile's place, through values and through
/// the branches that choose among values.
class Dependences {
public:
  /// With the *divisor* of a 1-D grid, or null for a 2-D grid.
  Dependences(tt::FuncOp function, Value divisor) : divisor(divisor) {
    // Which way a block was reached by is not looked into.
    for (Block &block : llvm::drop_begin(function.getBody()))
      for (BlockArgument argument : block.getArguments())
        parts[argument] = Both;
    // Loops hand values back to where they have been.
    do {
      changed = false;
      function.walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });
    } while (changed);
  }

  unsigned of(Value value) const { return parts.lookup(value); }

private:
  void visit(Operation *op) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return visitLoop(loop);
    if (isa<scf::YieldOp>(op) && isa<scf::IfOp, scf::ForOp>(op->getParentOp()))
      return visitYield(op);
    if (isa<scf::IfOp, tt::FuncOp>(op))
      return;
    unsigned all = getPart(op);
    for (Value result : op->getResults())
      add(result, all);
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        add(argument, all);
  }

  unsigned getPart(Operation *op) const {
    if (auto id = dyn_cast<tt::GetProgramIdOp>(op)) {
      if (id.getAxis() == tt::ProgramIDDim::X)
        return divisor ? Both : Column;
      return id.getAxis() == tt::ProgramIDDim::Y && !divisor ? Row : None;
    }
    if (divisor && isQuotient(op, divisor))
      return Row;
    if (divisor && isRemainder(op, divisor))
      return Column;
    unsigned all = None;
    for (Value operand : op->getOperands())
      all |= of(operand);
    return all;
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
    unsigned &known = parts[value];
    changed |= (known | more) != known;
    known |= more;
  }

  Value divisor;
  llvm::DenseMap<Value, unsigned> parts;
  bool changed = false;
};

} // namespace

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// The products of *scope*, or of its loops only.
static SmallVector<Operation *> getProducts(Operation *scope, bool inLoops) {
  SmallVector<Operation *> products;
  scope->walk([&](Operation *op) {
    if (isa<tt::DotOp, tt::DotScaledOp>(op) &&
        (!inLoops || op->getParentOfType<scf::ForOp>()))
      products.push_back(op);
  });
  return products;
}

/// The load whose result *factor* is, converted or rearranged at most, null if
/// there is none; *isTransposed* says how. What is computed from several loads,
/// such as dequantised weights, is bound by that and not by the memory that it
/// comes from.
static Operation *getLoad(Value factor, bool &isTransposed) {
  isTransposed = false;
  while (Operation *op = factor.getDefiningOp()) {
    if (isa<tt::LoadOp, tt::DescriptorLoadOp>(op))
      return op;
    if (!isa<tt::TransOp, tt::FpToFpOp, arith::ExtFOp, arith::TruncFOp,
             arith::ExtSIOp, arith::ExtUIOp, arith::SIToFPOp, arith::UIToFPOp,
             tt::BitcastOp>(op))
      return nullptr;
    isTransposed ^= isa<tt::TransOp>(op);
    factor = op->getOperand(0);
  }
  return nullptr;
}

static bool isLoaded(Value factor) {
  bool isTransposed;
  return getLoad(factor, isTransposed);
}

bool TileProduct::areColumnsSideBySide(
    tt::ModuleAxisInfoAnalysis &axisInfo) const {
  bool isTransposed;
  Operation *load = getLoad(product->getOperand(columnOperand), isTransposed);
  // The first operand of a product has its own dimension first, the second
  // last.
  unsigned dim = isTransposed ? 1 - columnOperand : columnOperand;
  if (isa<tt::DescriptorLoadOp>(load))
    return dim == 1;
  tt::AxisInfo *pointers = axisInfo.getAxisInfo(load->getOperand(0));
  if (!pointers || pointers->getRank() != 2)
    return false;
  return pointers->getContiguity(dim) > pointers->getContiguity(1 - dim);
}

static int64_t getBytes(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

/// Adds up the factors of all products in *tile*'s loop, each once.
static void addBytes(const Dependences &dependences, TileProduct &tile) {
  llvm::SmallSetVector<Value, 4> factors;
  for (Operation *op : getProducts(tile.loop, /*inLoops=*/false))
    factors.insert_range(op->getOperands().take_front(2));
  for (Value factor : factors) {
    if (dependences.of(factor) == Column)
      tile.columnBytes += getBytes(factor);
    if (dependences.of(factor) == Row)
      tile.rowBytes += getBytes(factor);
  }
}

/// The first of *products* whose factors are one of a column and one of a row.
static std::optional<TileProduct> findProduct(tt::FuncOp function,
                                              ArrayRef<Operation *> products,
                                              Value divisor) {
  Dependences dependences(function, divisor);
  for (Operation *op : products) {
    unsigned a = dependences.of(op->getOperand(0));
    unsigned b = dependences.of(op->getOperand(1));
    if (!((a == Column && b == Row) || (a == Row && b == Column)) ||
        !isLoaded(op->getOperand(0)) || !isLoaded(op->getOperand(1)))
      continue;
    TileProduct tile;
    tile.product = op;
    tile.loop = op->getParentOfType<scf::ForOp>();
    tile.divisor = divisor;
    tile.columnOperand = a == Column ? 0 : 1;
    addBytes(dependences, tile);
    return tile;
  }
  return std::nullopt;
}

std::optional<TileProduct> graft::getTileProduct(tt::FuncOp function) {
  // Most kernels have no product; they pay for no analysis.
  SmallVector<Operation *> products = getProducts(function, /*inLoops=*/true);
  if (products.empty())
    return std::nullopt;
  if (auto tile = findProduct(function, products, Value()))
    return tile;
  for (Value divisor : getDivisors(function))
    if (auto tile = findProduct(function, products, divisor))
      return tile;
  return std::nullopt;
}
