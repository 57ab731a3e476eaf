//===- TileBounds.cpp - when is a whole mask true? ------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/TileBounds.h"

#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// How many operations of a mask are looked at; also bounds what is emitted.
static constexpr unsigned maxVisitedOps = 64;

//===----------------------------------------------------------------------===//
// Scalar
//===----------------------------------------------------------------------===//

/// A leaf has a value, a constant a number, anything else an operation name.
struct Scalar::Node {
  Type type;
  Value value;
  std::optional<int64_t> number;
  StringRef opName;
  SmallVector<Scalar, 2> operands;
};

/// The number that *value*, an integer or a tensor of integers, is everywhere,
/// if it is a constant. This asks for `arith.constant` by name because
/// `m_Constant` asks for a trait, and a trait's identity is its name as the
/// compiler spells it: GCC and Clang, which builds libtriton, differ.
static std::optional<APInt> getConstantInt(Value value) {
  auto op = value.getDefiningOp<arith::ConstantOp>();
  if (!op)
    return std::nullopt;
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue()))
    return integer.getValue();
  auto dense = dyn_cast<DenseIntElementsAttr>(op.getValue());
  if (!dense || !dense.isSplat())
    return std::nullopt;
  return dense.getSplatValue<APInt>();
}

Scalar Scalar::leaf(Value value) {
  if (std::optional<APInt> number = getConstantInt(value);
      number && number->getSignificantBits() <= 64)
    return constant(value.getType(), number->getSExtValue());
  auto node = std::make_shared<Node>();
  node->type = value.getType();
  node->value = value;
  return Scalar(std::move(node));
}

Scalar Scalar::constant(Type type, int64_t value) {
  auto node = std::make_shared<Node>();
  node->type = type;
  node->number = value;
  return Scalar(std::move(node));
}

Scalar Scalar::apply(StringRef opName, Type type, ArrayRef<Scalar> operands) {
  auto node = std::make_shared<Node>();
  node->type = type;
  node->opName = opName;
  node->operands.append(operands.begin(), operands.end());
  return Scalar(std::move(node));
}

std::optional<int64_t> Scalar::getConstant() const { return node->number; }

void Scalar::collectLeaves(SmallVectorImpl<Value> &leaves) const {
  if (node->value)
    leaves.push_back(node->value);
  for (const Scalar &operand : node->operands)
    operand.collectLeaves(leaves);
}

Value Scalar::emit(OpBuilder &builder, Location loc) const {
  if (node->value)
    return node->value;
  if (node->number)
    return arith::ConstantOp::create(
        builder, loc, builder.getIntegerAttr(node->type, *node->number));
  SmallVector<Value, 2> operands;
  for (const Scalar &operand : node->operands)
    operands.push_back(operand.emit(builder, loc));
  OperationState state(loc, node->opName, operands, node->type);
  return builder.create(state)->getResult(0);
}

//===----------------------------------------------------------------------===//
// Index: base + lane
//===----------------------------------------------------------------------===//

namespace {

/// `base + lane` for lanes in [min, max]; without a base, `lane` alone.
struct Index {
  std::optional<Scalar> base;
  int64_t min = 0;
  int64_t max = 0;
  /// What must hold for the parts of this index not to wrap around where they
  /// were extended to a wider type.
  SmallVector<Comparison> noWrap;

  bool isUniform() const { return min == 0 && max == 0; }
};

} // namespace

/// a + b or a - b, according to *opName*; nothing if the lanes overflow.
static std::optional<Index> addOrSubtract(StringRef opName, Type type,
                                          const Index &a, const Index &b) {
  bool subtract = opName == arith::SubIOp::getOperationName();
  Index sum;
  if (subtract ? llvm::SubOverflow(a.min, b.max, sum.min) ||
                     llvm::SubOverflow(a.max, b.min, sum.max)
               : llvm::AddOverflow(a.min, b.min, sum.min) ||
                     llvm::AddOverflow(a.max, b.max, sum.max))
    return std::nullopt;
  if (b.base) {
    if (a.base || subtract)
      sum.base = Scalar::apply(
          opName, type, {a.base.value_or(Scalar::constant(type, 0)), *b.base});
    else
      sum.base = b.base;
  } else {
    sum.base = a.base;
  }
  sum.noWrap = a.noWrap;
  llvm::append_range(sum.noWrap, b.noWrap);
  return sum;
}

/// a * factor for a constant *factor*; nothing if the lanes overflow.
static std::optional<Index> scale(Type type, const Index &a, int64_t factor) {
  Index product;
  if (llvm::MulOverflow(a.min, factor, product.min) ||
      llvm::MulOverflow(a.max, factor, product.max))
    return std::nullopt;
  if (factor < 0)
    std::swap(product.min, product.max);
  if (a.base)
    product.base = Scalar::apply(arith::MulIOp::getOperationName(), type,
                                 {*a.base, Scalar::constant(type, factor)});
  product.noWrap = a.noWrap;
  return product;
}

/// `base + lane` as a scalar, for the constant *lane*.
static Scalar at(const Index &index, Type type, int64_t lane) {
  if (!index.base)
    return Scalar::constant(type, lane);
  if (lane == 0)
    return *index.base;
  return Scalar::apply(arith::AddIOp::getOperationName(), type,
                       {*index.base, Scalar::constant(type, lane)});
}

/// Whether the steps from 0 to *min* and *max* are numbers of *width* bits, so
/// that a comparison with the base tells whether a step wraps around.
static bool fits(const Index &index, unsigned width) {
  return llvm::isIntN(width, index.min) && llvm::isIntN(width, index.max);
}

/// Appends to *checks* that no lane of *index* wraps around in *type*.
static void checkNoWrap(const Index &index, Type type, bool isSigned,
                        SmallVectorImpl<Comparison> &checks) {
  using arith::CmpIPredicate;
  Scalar base = index.base.value_or(Scalar::constant(type, 0));
  // Without a base a positive lane is what it says; as unsigned numbers,
  // negative ones have wrapped already, and the comparison below finds that.
  if (index.max > 0 && index.base)
    checks.push_back({isSigned ? CmpIPredicate::sge : CmpIPredicate::uge,
                      at(index, type, index.max), base});
  if (index.min < 0 && (index.base || !isSigned))
    checks.push_back({isSigned ? CmpIPredicate::sle : CmpIPredicate::ule,
                      at(index, type, index.min), base});
}

/// *value*, a one-dimensional tensor of integers, as `base + lane`; nothing if
/// it has another form, or is made of more than *budget* operations, each
/// counted as often as it is used.
static std::optional<Index> getIndex(Value value, unsigned &budget) {
  if (budget == 0)
    return std::nullopt;
  --budget;
  Type type = getElementTypeOrSelf(value.getType());
  if (std::optional<APInt> number = getConstantInt(value)) {
    if (number->getSignificantBits() > 64)
      return std::nullopt;
    Index index;
    index.base = Scalar::constant(type, number->getSExtValue());
    return index;
  }
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto splat = dyn_cast<tt::SplatOp>(op)) {
    Index index;
    index.base = Scalar::leaf(splat.getSrc());
    return index;
  }
  if (auto range = dyn_cast<tt::MakeRangeOp>(op)) {
    Index index;
    index.min = range.getStart();
    index.max = int64_t(range.getEnd()) - 1;
    return index;
  }
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ExtSIOp,
           arith::ExtUIOp>(op))
    return std::nullopt;

  std::optional<Index> lhs = getIndex(op->getOperand(0), budget);
  if (!lhs)
    return std::nullopt;
  if (isa<arith::ExtSIOp, arith::ExtUIOp>(op)) {
    bool isSigned = isa<arith::ExtSIOp>(op);
    Type narrow = getElementTypeOrSelf(op->getOperand(0).getType());
    if (!fits(*lhs, narrow.getIntOrFloatBitWidth()))
      return std::nullopt;
    checkNoWrap(*lhs, narrow, isSigned, lhs->noWrap);
    if (lhs->base)
      lhs->base = Scalar::apply(op->getName().getStringRef(), type, *lhs->base);
    return lhs;
  }
  std::optional<Index> rhs = getIndex(op->getOperand(1), budget);
  if (!rhs)
    return std::nullopt;
  if (!isa<arith::MulIOp>(op))
    return addOrSubtract(op->getName().getStringRef(), type, *lhs, *rhs);
  if (lhs->isUniform() && rhs->isUniform() && lhs->base && rhs->base) {
    Index product;
    product.base = Scalar::apply(op->getName().getStringRef(), type,
                                 {*lhs->base, *rhs->base});
    product.noWrap = lhs->noWrap;
    llvm::append_range(product.noWrap, rhs->noWrap);
    return product;
  }
  if (lhs->isUniform())
    std::swap(lhs, rhs);
  std::optional<int64_t> factor;
  if (rhs->isUniform() && rhs->base)
    factor = rhs->base->getConstant();
  if (!factor)
    return std::nullopt;
  llvm::append_range(lhs->noWrap, rhs->noWrap);
  return scale(type, *lhs, *factor);
}

//===----------------------------------------------------------------------===//
// TileCondition
//===----------------------------------------------------------------------===//

void TileCondition::collectLeaves(SmallVectorImpl<Value> &leaves) const {
  for (const Comparison &comparison : comparisons) {
    comparison.lhs.collectLeaves(leaves);
    comparison.rhs.collectLeaves(leaves);
  }
  leaves.append(scalars.begin(), scalars.end());
}

Value TileCondition::emit(OpBuilder &builder, Location loc) const {
  SmallVector<Value> parts(scalars);
  for (const Comparison &comparison : comparisons)
    parts.push_back(arith::CmpIOp::create(builder, loc, comparison.predicate,
                                          comparison.lhs.emit(builder, loc),
                                          comparison.rhs.emit(builder, loc)));
  if (parts.empty())
    return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
  Value condition = parts.front();
  for (Value part : ArrayRef<Value>(parts).drop_front())
    condition = arith::AndIOp::create(builder, loc, condition, part);
  return condition;
}

/// Whether `index predicate bound` bounds the index from above.
static bool isUpperBound(arith::CmpIPredicate predicate) {
  using arith::CmpIPredicate;
  return predicate == CmpIPredicate::slt || predicate == CmpIPredicate::sle ||
         predicate == CmpIPredicate::ult || predicate == CmpIPredicate::ule;
}

/// Appends to *condition* that `index predicate bound` holds in every lane.
/// Returns false if the comparison is not a bound.
static bool addBound(Index index, arith::CmpIPredicate predicate,
                     const Index &bound, Type type, TileCondition &condition) {
  using arith::CmpIPredicate;
  if (predicate == CmpIPredicate::eq || predicate == CmpIPredicate::ne)
    return false;
  bool isUpper = isUpperBound(predicate);
  bool isSigned =
      predicate == CmpIPredicate::slt || predicate == CmpIPredicate::sle ||
      predicate == CmpIPredicate::sgt || predicate == CmpIPredicate::sge;
  if (!fits(index, type.getIntOrFloatBitWidth()))
    return false;
  checkNoWrap(index, type, isSigned, index.noWrap);
  llvm::append_range(condition.comparisons, index.noWrap);
  llvm::append_range(condition.comparisons, bound.noWrap);
  condition.comparisons.push_back(
      {predicate, at(index, type, isUpper ? index.max : index.min),
       at(bound, type, 0)});
  return true;
}

/// `b predicate a`, given *predicate* of `a predicate b`.
static arith::CmpIPredicate mirror(arith::CmpIPredicate predicate) {
  using arith::CmpIPredicate;
  switch (predicate) {
  case CmpIPredicate::slt:
    return CmpIPredicate::sgt;
  case CmpIPredicate::sle:
    return CmpIPredicate::sge;
  case CmpIPredicate::sgt:
    return CmpIPredicate::slt;
  case CmpIPredicate::sge:
    return CmpIPredicate::sle;
  case CmpIPredicate::ult:
    return CmpIPredicate::ugt;
  case CmpIPredicate::ule:
    return CmpIPredicate::uge;
  case CmpIPredicate::ugt:
    return CmpIPredicate::ult;
  case CmpIPredicate::uge:
    return CmpIPredicate::ule;
  default:
    return predicate;
  }
}

/// Whether *index* is the same in every program instance and iteration, or
/// bounded by a constant that its first tile reaches. Such a tile is made to
/// cover its axis, as `arange(0, next_power_of_2(n)) < n`, and is whole only
/// where the bound is its very size.
static bool isOnlyTile(const Index &index, arith::CmpIPredicate predicate,
                       const std::optional<Index> &bound) {
  if (index.isUniform())
    return false;
  if (!index.base || index.base->getConstant())
    return true;
  std::optional<int64_t> end;
  if (bound && bound->base && bound->isUniform() && isUpperBound(predicate))
    end = bound->base->getConstant();
  return end && *end <= index.max;
}

/// Adds to *condition* what makes *mask* true in every lane. Returns false and
/// sets *why* if that cannot be expressed.
static bool addMask(Value mask, unsigned &budget, TileCondition &condition,
                    std::string &why) {
  condition.proven.push_back(mask);
  Operation *op = mask.getDefiningOp();
  if (isa_and_nonnull<arith::ConstantOp>(op)) {
    if (std::optional<APInt> number = getConstantInt(mask);
        number && number->isOne())
      return true;
    why = "the mask is a constant that is not true everywhere";
    return false;
  }
  if (auto conjunction = dyn_cast_or_null<arith::AndIOp>(op);
      conjunction && budget > 0) {
    --budget;
    return addMask(conjunction.getLhs(), budget, condition, why) &&
           addMask(conjunction.getRhs(), budget, condition, why);
  }
  if (auto splat = dyn_cast_or_null<tt::SplatOp>(op)) {
    condition.scalars.push_back(splat.getSrc());
    return true;
  }
  if (auto compare = dyn_cast_or_null<arith::CmpIOp>(op)) {
    std::optional<Index> index = getIndex(compare.getLhs(), budget);
    std::optional<Index> bound = getIndex(compare.getRhs(), budget);
    arith::CmpIPredicate predicate = compare.getPredicate();
    if (index && index->isUniform()) {
      std::swap(index, bound);
      predicate = mirror(predicate);
    }
    if (index && isOnlyTile(*index, predicate, bound)) {
      why = "the mask bounds the only tile of its axis, which is hardly ever "
            "whole";
      return false;
    }
    Type type = getElementTypeOrSelf(compare.getLhs().getType());
    if (index && bound && bound->isUniform() &&
        addBound(*index, predicate, *bound, type, condition))
      return true;
  }
  llvm::raw_string_ostream(why)
      << "the mask is not a bound on scalars plus a range: "
      << (op ? op->getName().getStringRef() : StringRef("a block argument"));
  return false;
}

std::optional<TileCondition> graft::getTileCondition(Value mask,
                                                     std::string &why) {
  auto type = dyn_cast<RankedTensorType>(mask.getType());
  if (!type || type.getRank() != 1) {
    why = "the mask is not one-dimensional";
    return std::nullopt;
  }
  TileCondition condition;
  unsigned budget = maxVisitedOps;
  if (!addMask(mask, budget, condition, why))
    return std::nullopt;
  return condition;
}
