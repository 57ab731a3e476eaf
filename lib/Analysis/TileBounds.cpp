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
// Index: base + lane
//===----------------------------------------------------------------------===//

namespace {

/// `factor * n` for numbers n in [0, max], as of the rows of a flat index. The
/// factor is a number without sign, which is to be checked.
struct Stretch {
  Scalar factor;
  int64_t max;
};

/// `base + lane` for lanes in [min, max], and on top of it what the stretches
/// add; without a base, `lane` alone.
struct Index {
  std::optional<Scalar> base;
  int64_t min = 0;
  int64_t max = 0;
  SmallVector<Stretch> stretches;
  /// Whether the lanes are all the numbers from `min` to `max`, in this order.
  bool isRun = false;
  /// What must hold for the parts of this index not to wrap around where they
  /// were extended to a wider type.
  SmallVector<Comparison> noWrap;

  bool isUniform() const { return min == 0 && max == 0 && stretches.empty(); }
};

} // namespace

/// a + b or a - b, according to *kind*; nothing if the lanes overflow.
static std::optional<Index> addOrSubtract(Scalar::Kind kind, Type type,
                                          const Index &a, const Index &b) {
  bool subtract = kind == Scalar::Kind::Sub;
  // Stretches only add.
  if (subtract && !b.stretches.empty())
    return std::nullopt;
  Index sum;
  if (subtract ? llvm::SubOverflow(a.min, b.max, sum.min) ||
                     llvm::SubOverflow(a.max, b.min, sum.max)
               : llvm::AddOverflow(a.min, b.min, sum.min) ||
                     llvm::AddOverflow(a.max, b.max, sum.max))
    return std::nullopt;
  if (b.base) {
    if (a.base || subtract)
      sum.base = Scalar::apply(
          kind, type, {a.base.value_or(Scalar::constant(type, 0)), *b.base});
    else
      sum.base = b.base;
  } else {
    sum.base = a.base;
  }
  sum.isRun =
      (a.isRun && b.isUniform()) || (b.isRun && a.isUniform() && !subtract);
  sum.stretches = a.stretches;
  llvm::append_range(sum.stretches, b.stretches);
  sum.noWrap = a.noWrap;
  llvm::append_range(sum.noWrap, b.noWrap);
  return sum;
}

/// a * factor for a constant *factor*; nothing if the lanes overflow.
static std::optional<Index> scale(Type type, const Index &a, int64_t factor) {
  if (!a.stretches.empty())
    return std::nullopt;
  Index product;
  if (llvm::MulOverflow(a.min, factor, product.min) ||
      llvm::MulOverflow(a.max, factor, product.max))
    return std::nullopt;
  if (factor < 0)
    std::swap(product.min, product.max);
  if (a.base)
    product.base = Scalar::apply(Scalar::Kind::Mul, type,
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
  return Scalar::apply(Scalar::Kind::Add, type,
                       {*index.base, Scalar::constant(type, lane)});
}

/// *number* and the most that *stretch* adds to it.
static Scalar addMost(const Scalar &number, const Stretch &stretch, Type type) {
  Scalar most =
      Scalar::apply(Scalar::Kind::Mul, type,
                    {stretch.factor, Scalar::constant(type, stretch.max)});
  return Scalar::apply(Scalar::Kind::Add, type, {number, most});
}

namespace {

/// The smallest and the largest number of an index that does not wrap around.
struct Ends {
  Scalar lowest, highest;
};

} // namespace

/// Whether the steps from 0 to *min* and *max*, and the numbers by which the
/// factors of stretches are multiplied, are numbers of *width* bits, so that a
/// comparison with the base tells whether a step wraps around.
static bool fits(const Index &index, unsigned width) {
  auto isNumber = [&](int64_t number) { return llvm::isIntN(width, number); };
  return isNumber(index.min) && isNumber(index.max) &&
         llvm::all_of(index.stretches, [&](const Stretch &stretch) {
           return isNumber(stretch.max);
         });
}

/// Appends to *checks* that no lane of *index* wraps around in *type*. The ends
/// that it returns are those which it compares: each is computed once.
static Ends checkNoWrap(const Index &index, Type type, bool isSigned,
                        SmallVectorImpl<Comparison> &checks) {
  using arith::CmpIPredicate;
  CmpIPredicate notBelow = isSigned ? CmpIPredicate::sge : CmpIPredicate::uge;
  Scalar base = index.base.value_or(Scalar::constant(type, 0));
  Scalar lowest = at(index, type, index.min);
  Scalar reached = at(index, type, index.max);
  // Without a base a positive lane is what it says; as unsigned numbers,
  // negative ones have wrapped already, and the comparison below finds that.
  if (index.max > 0 && index.base)
    checks.push_back({notBelow, reached, base});
  if (index.min < 0 && (index.base || !isSigned))
    checks.push_back(
        {isSigned ? CmpIPredicate::sle : CmpIPredicate::ule, lowest, base});
  // What a stretch adds is a number without sign of one bit less than the type,
  // so that a sum that wraps around is smaller than what was added to.
  int64_t limit = llvm::maxIntN(type.getIntOrFloatBitWidth());
  for (const Stretch &stretch : index.stretches) {
    Scalar most = Scalar::constant(type, limit / stretch.max);
    Scalar next = addMost(reached, stretch, type);
    if (isSigned)
      checks.push_back(
          {CmpIPredicate::sge, stretch.factor, Scalar::constant(type, 0)});
    checks.push_back({isSigned ? CmpIPredicate::sle : CmpIPredicate::ule,
                      stretch.factor, most});
    checks.push_back({notBelow, next, reached});
    reached = next;
  }
  return {lowest, reached};
}

static std::optional<Index> getIndex(Value value, unsigned &budget);

/// The extension *kind* of *narrow*, an index of type *narrowType*, to *type*;
/// nothing if no comparison tells whether it wraps around before.
static std::optional<Index> extend(Scalar::Kind kind, Type type, Index narrow,
                                   Type narrowType) {
  if (!fits(narrow, narrowType.getIntOrFloatBitWidth()))
    return std::nullopt;
  checkNoWrap(narrow, narrowType, kind == Scalar::Kind::ExtSI, narrow.noWrap);
  if (narrow.base)
    narrow.base = Scalar::apply(kind, type, *narrow.base);
  for (Stretch &stretch : narrow.stretches)
    stretch.factor = Scalar::apply(kind, type, stretch.factor);
  return narrow;
}

/// The index *a*, which is not the same throughout, times *factor*: its
/// smallest number and a stretch from there.
static std::optional<Index> stretch(Type type, const Index &a,
                                    const Scalar &factor) {
  int64_t length;
  if (!a.stretches.empty() || llvm::SubOverflow(a.max, a.min, length))
    return std::nullopt;
  Index product;
  if (a.base || a.min != 0)
    product.base =
        Scalar::apply(Scalar::Kind::Mul, type, {at(a, type, a.min), factor});
  // The one number of `arange(7, 8)` does not stretch.
  if (length > 0)
    product.stretches.push_back({factor, length});
  product.noWrap = a.noWrap;
  return product;
}

/// a * b; nothing if both change over the tile.
static std::optional<Index> multiply(Type type, Index a, Index b) {
  llvm::append_range(a.noWrap, b.noWrap);
  if (a.isUniform() && b.isUniform() && a.base && b.base) {
    Index product;
    product.base = Scalar::apply(Scalar::Kind::Mul, type, {*a.base, *b.base});
    product.noWrap = a.noWrap;
    return product;
  }
  if (a.isUniform()) {
    b.noWrap = a.noWrap;
    std::swap(a, b);
  }
  if (!b.isUniform() || !b.base)
    return std::nullopt;
  if (std::optional<int64_t> factor = b.base->getConstant())
    return scale(type, a, *factor);
  return stretch(type, a, *b.base);
}

/// The result of *op*, an operation on indices.
static std::optional<Index> applyToIndices(Operation *op, Scalar::Kind kind,
                                           unsigned &budget) {
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  Value first = op->getOperand(0);
  std::optional<Index> lhs = getIndex(first, budget);
  if (!lhs)
    return std::nullopt;
  if (kind == Scalar::Kind::ExtSI || kind == Scalar::Kind::ExtUI)
    return extend(kind, type, std::move(*lhs),
                  getElementTypeOrSelf(first.getType()));
  std::optional<Index> rhs = getIndex(op->getOperand(1), budget);
  if (!rhs)
    return std::nullopt;
  if (kind == Scalar::Kind::Mul)
    return multiply(type, std::move(*lhs), std::move(*rhs));
  return addOrSubtract(kind, type, *lhs, *rhs);
}

/// The same for *argument*, a tensor to which a loop adds a constant: what it
/// began with and what has been added since.
static std::optional<Index> getCarriedIndex(BlockArgument argument,
                                            unsigned &budget) {
  std::optional<Scalar> added = Scalar::addedTo(argument);
  if (!added)
    return std::nullopt;
  Value first =
      getCarryingLoop(argument).getInitArgs()[argument.getArgNumber() - 1];
  std::optional<Index> index = getIndex(first, budget);
  if (!index)
    return std::nullopt;
  Type type = getElementTypeOrSelf(argument.getType());
  index->base = index->base ? Scalar::apply(Scalar::Kind::Add, type,
                                            {*index->base, *added})
                            : *added;
  return index;
}

/// *value*, a tensor of integers, as `base + lane`; nothing if it has another
/// form, or is made of more than *budget* operations, each counted as often as
/// it is used.
static std::optional<Index> getIndex(Value value, unsigned &budget) {
  Type type = getElementTypeOrSelf(value.getType());
  if (budget == 0 || !isIndexType(type))
    return std::nullopt;
  --budget;
  Index index;
  if (std::optional<APInt> number = getConstantInt(value)) {
    index.base = Scalar::constant(type, number->getSExtValue());
    return index;
  }
  if (auto argument = dyn_cast<BlockArgument>(value))
    return getCarriedIndex(argument, budget);
  Operation *op = value.getDefiningOp();
  if (auto splat = dyn_cast<tt::SplatOp>(op)) {
    index.base = Scalar::leaf(splat.getSrc());
    return index;
  }
  if (auto range = dyn_cast<tt::MakeRangeOp>(op)) {
    index.min = range.getStart();
    index.max = int64_t(range.getEnd()) - 1;
    index.isRun = true;
    return index;
  }
  // Where a lane is does not matter, only between which numbers it lies.
  if (isa<tt::BroadcastOp, tt::ExpandDimsOp, tt::ReshapeOp>(op)) {
    std::optional<Index> source = getIndex(op->getOperand(0), budget);
    if (source)
      source->isRun = false;
    return source;
  }
  std::optional<Scalar::Kind> kind = getScalarKind(op);
  return kind ? applyToIndices(op, *kind, budget) : std::nullopt;
}

namespace {

/// `index / divisors[0] / ...`, all as signed numbers or all as unsigned ones.
/// It grows with the index as long as the divisors are positive.
struct Quotient {
  Index index;
  SmallVector<Scalar> divisors;
  bool isSigned = true;

  bool isUniform() const { return divisors.empty() && index.isUniform(); }
};

} // namespace

/// *value*, a tensor of integers, as a quotient, which may have no divisor;
/// nothing if it has another form.
static std::optional<Quotient> getQuotient(Value value, unsigned &budget) {
  Quotient quotient;
  Operation *op = value.getDefiningOp();
  for (; isa_and_nonnull<arith::DivSIOp, arith::DivUIOp>(op);
       op = value.getDefiningOp()) {
    bool isSigned = isa<arith::DivSIOp>(op);
    if (!quotient.divisors.empty() && isSigned != quotient.isSigned)
      return std::nullopt;
    std::optional<Index> divisor = getIndex(op->getOperand(1), budget);
    if (!divisor || !divisor->isUniform() || !divisor->base)
      return std::nullopt;
    quotient.isSigned = isSigned;
    quotient.divisors.insert(quotient.divisors.begin(), *divisor->base);
    value = op->getOperand(0);
  }
  std::optional<Index> index = getIndex(value, budget);
  if (!index)
    return std::nullopt;
  quotient.index = std::move(*index);
  return quotient;
}

//===----------------------------------------------------------------------===//
// TileCondition
//===----------------------------------------------------------------------===//

void TileCondition::append(const TileCondition &other) {
  llvm::append_range(comparisons, other.comparisons);
  llvm::append_range(scalars, other.scalars);
  llvm::append_range(alignments, other.alignments);
}

SmallVector<Value> TileCondition::getLeaves() const {
  SmallVector<Scalar> computed;
  SmallVector<Value> values(scalars);
  auto compare = [&](ArrayRef<Comparison> comparisons) {
    for (const Comparison &comparison : comparisons)
      computed.append({comparison.lhs, comparison.rhs});
  };
  compare(comparisons);
  for (const Alignment &alignment : alignments) {
    compare(alignment.offsets.comparisons);
    computed.push_back(alignment.offsets.first);
    values.push_back(alignment.pointer);
  }
  llvm::append_range(values, graft::getLeaves(computed));
  return values;
}

/// Writes whether the first element of *alignment* is where it should, an i1.
static Value writeAlignment(const Alignment &alignment, ScalarWriter &writer,
                            OpBuilder &builder, Location loc) {
  Type wide = builder.getI64Type();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  };
  Value elements = writer.write(alignment.offsets.first);
  if (elements.getType() != wide)
    elements = arith::ExtSIOp::create(builder, loc, wide, elements);
  Value offsetBytes = arith::MulIOp::create(builder, loc, elements,
                                            constant(alignment.elementBytes));
  Value base = tt::PtrToIntOp::create(builder, loc, wide, alignment.pointer);
  Value address = arith::AddIOp::create(builder, loc, base, offsetBytes);
  Value rest = arith::AndIOp::create(builder, loc, address,
                                     constant(alignment.bytes - 1));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, rest,
                               constant(0));
}

Value TileCondition::emit(OpBuilder &builder, Location loc) const {
  ScalarWriter writer(builder, loc);
  SmallVector<Value> parts(scalars);
  auto compare = [&](ArrayRef<Comparison> comparisons) {
    for (const Comparison &comparison : comparisons) {
      Value lhs = writer.write(comparison.lhs);
      Value rhs = writer.write(comparison.rhs);
      parts.push_back(
          arith::CmpIOp::create(builder, loc, comparison.predicate, lhs, rhs));
    }
  };
  compare(comparisons);
  for (const Alignment &alignment : alignments) {
    compare(alignment.offsets.comparisons);
    parts.push_back(writeAlignment(alignment, writer, builder, loc));
  }
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

bool graft::isSigned(arith::CmpIPredicate predicate) {
  using arith::CmpIPredicate;
  return predicate == CmpIPredicate::slt || predicate == CmpIPredicate::sle ||
         predicate == CmpIPredicate::sgt || predicate == CmpIPredicate::sge;
}

/// Appends to *comparisons* that `number predicate bound`. To be below the
/// smaller of two, as `min(n - i, cap)`, is to be below both, and to be above
/// the larger is to be above both: these are affine where their choice is not.
static void compare(arith::CmpIPredicate predicate, const Scalar &number,
                    const Scalar &bound, unsigned &budget,
                    SmallVectorImpl<Comparison> &comparisons) {
  Operation *op =
      bound.getNode().value ? bound.getNode().value.getDefiningOp() : nullptr;
  bool isUpper = isUpperBound(predicate);
  bool isChoice =
      op &&
      (isSigned(predicate)
           ? (isUpper ? isa<arith::MinSIOp>(op) : isa<arith::MaxSIOp>(op))
           : (isUpper ? isa<arith::MinUIOp>(op) : isa<arith::MaxUIOp>(op)));
  if (!isChoice || budget == 0) {
    comparisons.push_back({predicate, number, bound});
    return;
  }
  --budget;
  for (Value operand : op->getOperands())
    compare(predicate, number, Scalar::leaf(operand), budget, comparisons);
}

/// Appends to *condition* that the divisors of *quotient* are positive numbers
/// of *type*, and divides *number* by them.
static Scalar divide(Scalar number, const Quotient &quotient, Type type,
                     TileCondition &condition) {
  using arith::CmpIPredicate;
  using Kind = Scalar::Kind;
  for (const Scalar &divisor : quotient.divisors) {
    condition.comparisons.push_back(
        {quotient.isSigned ? CmpIPredicate::sge : CmpIPredicate::uge, divisor,
         Scalar::constant(type, 1)});
    number = Scalar::apply(quotient.isSigned ? Kind::DivSI : Kind::DivUI, type,
                           {number, divisor});
  }
  return number;
}

/// Appends to *condition* that `quotient predicate bound` holds in every lane.
/// Returns false if the comparison is not a bound.
static bool addBound(Quotient quotient, arith::CmpIPredicate predicate,
                     const Index &bound, Type type, unsigned &budget,
                     TileCondition &condition) {
  using arith::CmpIPredicate;
  if (predicate == CmpIPredicate::eq || predicate == CmpIPredicate::ne)
    return false;
  Index &index = quotient.index;
  if (!fits(index, type.getIntOrFloatBitWidth()))
    return false;
  if (!quotient.divisors.empty() && quotient.isSigned != isSigned(predicate))
    return false;
  Ends ends = checkNoWrap(index, type, isSigned(predicate), index.noWrap);
  llvm::append_range(condition.comparisons, index.noWrap);
  llvm::append_range(condition.comparisons, bound.noWrap);
  Scalar number = isUpperBound(predicate) ? ends.highest : ends.lowest;
  compare(predicate, divide(number, quotient, type, condition),
          at(bound, type, 0), budget, condition.comparisons);
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

/// Whether *value* may be computed from the number of the program instance or
/// iteration, so far as *budget* operations tell.
static bool varies(Value value, unsigned &budget) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return !isa<tt::FuncOp>(value.getParentBlock()->getParentOp());
  if (isa<tt::GetProgramIdOp>(op) || op->getNumRegions() != 0 || budget == 0)
    return true;
  // Where rows have a length each, it is loaded, and the tile made for the
  // longest is hardly ever whole.
  if (isa<tt::LoadOp>(op))
    return false;
  --budget;
  return llvm::any_of(op->getOperands(),
                      [&](Value operand) { return varies(operand, budget); });
}

/// Whether *number* and *bound* do not depend on the program instance and
/// iteration, or a constant bounds an index that reaches it with its first
/// tile. Such a tile is made to cover its axis, as
/// `arange(0, next_power_of_2(n)) < n`, and is whole only where the bound is
/// its very size.
static bool isOnlyTile(const Quotient &number, arith::CmpIPredicate predicate,
                       const std::optional<Quotient> &bound) {
  const Index &index = number.index;
  if (number.isUniform())
    return false;
  if (!index.base || index.base->getConstant()) {
    unsigned budget = maxVisitedOps;
    return !bound || !bound->index.base ||
           llvm::none_of(getLeaves(*bound->index.base),
                         [&](Value leaf) { return varies(leaf, budget); });
  }
  std::optional<int64_t> end;
  if (bound && bound->index.base && bound->isUniform() &&
      number.divisors.empty() && isUpperBound(predicate))
    end = bound->index.base->getConstant();
  return end && *end <= index.max;
}

/// Finds out when *compare*, or with *isNegated* its opposite, holds in every
/// lane, or why no scalar tells.
static void describe(arith::CmpIOp compare, bool isNegated, unsigned &budget,
                     MaskPart &part) {
  Value lhs = compare.getLhs(), rhs = compare.getRhs();
  std::optional<Quotient> number = getQuotient(lhs, budget);
  std::optional<Quotient> bound = getQuotient(rhs, budget);
  arith::CmpIPredicate predicate = compare.getPredicate();
  if (isNegated)
    predicate = arith::invertPredicate(predicate);
  Type type = getElementTypeOrSelf(lhs.getType());
  if (number && number->isUniform()) {
    std::swap(number, bound);
    std::swap(lhs, rhs);
    predicate = mirror(predicate);
  }
  if (bound && bound->isUniform() && isUpperBound(predicate))
    part.upperBound = {lhs, at(bound->index, type, 0), isSigned(predicate)};
  if (number && isOnlyTile(*number, predicate, bound)) {
    part.why = "the mask bounds the only tile of its axis, which is hardly "
               "ever whole";
    part.isOnlyTile = true;
    return;
  }
  TileCondition condition;
  if (number && bound && bound->isUniform() &&
      addBound(*number, predicate, bound->index, type, budget, condition))
    part.condition = std::move(condition);
  else
    llvm::raw_string_ostream(part.why)
        << "the mask is not a bound on scalars plus a range: "
        << compare->getName();
}

namespace {

/// Takes a mask apart.
class MaskParts {
public:
  using Dims = SmallVector<std::optional<unsigned>>;

  std::vector<MaskPart> take(Value mask) {
    Dims dims;
    for (int64_t dim = 0;
         dim < cast<RankedTensorType>(mask.getType()).getRank(); ++dim)
      dims.push_back(dim);
    add(mask, std::move(dims));
    return std::move(parts);
  }

private:
  /// Adds the parts of *value*, whose dimensions are the mask's *dims*.
  void add(Value value, Dims dims) {
    Operation *op = value.getDefiningOp();
    if (op && budget > 0) {
      --budget;
      if (auto both = dyn_cast<arith::AndIOp>(op)) {
        add(both.getLhs(), dims);
        return add(both.getRhs(), std::move(dims));
      }
      if (auto broadcast = dyn_cast<tt::BroadcastOp>(op))
        return add(broadcast.getSrc(),
                   throughBroadcast(broadcast, std::move(dims)));
      if (auto expand = dyn_cast<tt::ExpandDimsOp>(op))
        return add(expand.getSrc(), throughExpandDims(expand, std::move(dims)));
    }
    addLeaf(value, std::move(dims));
  }

  static Dims throughBroadcast(tt::BroadcastOp op, Dims dims) {
    for (std::optional<unsigned> &dim : dims)
      if (dim && op.getSrc().getType().getDimSize(*dim) == 1)
        dim.reset();
    return dims;
  }

  static Dims throughExpandDims(tt::ExpandDimsOp op, Dims dims) {
    for (std::optional<unsigned> &dim : dims) {
      if (dim == op.getAxis())
        dim.reset();
      else if (dim && *dim > op.getAxis())
        --*dim;
    }
    return dims;
  }

  /// The comparison that *op* is the opposite of, as Triton writes `~`; null if
  /// it is something else.
  static arith::CmpIOp getNegated(Operation *op) {
    auto flipped = dyn_cast_or_null<arith::XOrIOp>(op);
    if (!flipped)
      return nullptr;
    std::optional<APInt> number = getConstantInt(flipped.getRhs());
    if (!number || !number->isOne())
      return nullptr;
    return flipped.getLhs().getDefiningOp<arith::CmpIOp>();
  }

  void addLeaf(Value value, Dims dims) {
    MaskPart part{value, std::move(dims), {}, "", false, {}};
    Operation *op = value.getDefiningOp();
    std::optional<APInt> number = getConstantInt(value);
    auto splat = dyn_cast_or_null<tt::SplatOp>(op);
    arith::CmpIOp negated = getNegated(op);
    if (splat || (number && number->isOne())) {
      part.dims.assign(part.dims.size(), std::nullopt);
      part.condition.emplace();
      if (splat)
        part.condition->scalars.push_back(splat.getSrc());
    } else if (auto compare = dyn_cast_or_null<arith::CmpIOp>(op)) {
      describe(compare, /*isNegated=*/false, budget, part);
    } else if (negated) {
      describe(negated, /*isNegated=*/true, budget, part);
    } else if (isa_and_nonnull<arith::ConstantOp>(op)) {
      part.why = "the mask is a constant that is not true everywhere";
    } else {
      llvm::raw_string_ostream(part.why)
          << "the mask is not a bound on scalars plus a range: "
          << (op ? op->getName().getStringRef()
                 : StringRef("a block argument"));
    }
    parts.push_back(std::move(part));
  }

  unsigned budget = maxVisitedOps;
  std::vector<MaskPart> parts;
};

} // namespace

std::optional<Run> graft::getRun(Value offsets) {
  unsigned budget = maxVisitedOps;
  Type type = getElementTypeOrSelf(offsets.getType());
  std::optional<Index> index = getIndex(offsets, budget);
  if (!index || !index->isRun || !fits(*index, type.getIntOrFloatBitWidth()))
    return std::nullopt;
  Ends ends = checkNoWrap(*index, type, /*isSigned=*/true, index->noWrap);
  return Run{ends.lowest, std::move(index->noWrap)};
}

std::vector<MaskPart> graft::getMaskParts(Value mask) {
  return MaskParts().take(mask);
}
