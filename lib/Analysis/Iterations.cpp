//===- Iterations.cpp - scalars at an iteration of a loop -----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Iterations.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::graft;

/// Numbers are computed in 64 bits; sums of two of these do not overflow.
static constexpr unsigned maxBits = 62;

/// The largest step of a loop's argument: times 2^33 iterations, it fits.
static constexpr int64_t maxIncrement = int64_t(1) << 24;

static bool isOp(const Scalar::Node &node, StringRef name) {
  return node.opName == name;
}

/// How many bits the magnitude of a number of *type* has.
static unsigned getBits(Type type) { return type.getIntOrFloatBitWidth() - 1; }

static bool isNarrow(Value value) {
  return value.getType().isSignlessInteger() &&
         value.getType().getIntOrFloatBitWidth() <= 32;
}

bool Iterations::areCountable() const {
  std::optional<int64_t> step = Scalar::leaf(loop.getStep()).getConstant();
  return step && *step > 0 && *step <= maxIncrement &&
         isNarrow(loop.getInductionVar()) && !loop.getUnsignedCmp();
}

std::optional<int64_t> Iterations::getIncrement(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != loop.getBody() ||
      argument == loop.getInductionVar() || !isNarrow(value))
    return std::nullopt;
  Value yielded = loop.getYieldedValues()[argument.getArgNumber() - 1];
  auto sum = yielded.getDefiningOp<arith::AddIOp>();
  if (!sum || (sum.getLhs() != value && sum.getRhs() != value))
    return std::nullopt;
  Value other = sum.getLhs() == value ? sum.getRhs() : sum.getLhs();
  std::optional<int64_t> increment = Scalar::leaf(other).getConstant();
  if (!increment || std::abs(*increment) > maxIncrement)
    return std::nullopt;
  return increment;
}

Scalar Iterations::expand(Value value) const {
  Operation *op = value.getDefiningOp();
  // An extension in front of the loop says that the number is a narrow one.
  if (!op || (loop.isDefinedOutsideOfLoop(value) && !isa<arith::ExtSIOp>(op)) ||
      !isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ExtSIOp>(op))
    return Scalar::leaf(value);
  SmallVector<Scalar> operands;
  for (Value operand : op->getOperands())
    operands.push_back(expand(operand));
  return Scalar::apply(op->getName().getStringRef(), value.getType(), operands);
}

std::optional<Iterations::Form>
Iterations::getExactForm(const Scalar &scalar) const {
  const Scalar::Node &node = scalar.getNode();
  if (node.number)
    return Form{false, llvm::Log2_64(std::abs(*node.number) | 1) + 1};
  if (node.value) {
    if (loop.isDefinedOutsideOfLoop(node.value) && isNarrow(node.value))
      return Form{false, getBits(node.type)};
    if (node.value == loop.getInductionVar())
      return Form{true, getBits(node.type)};
    if (getIncrement(node.value))
      return Form{true, maxBits};
    Scalar expanded = expand(node.value);
    return expanded.getNode().value ? std::nullopt : getForm(expanded);
  }
  std::optional<Form> lhs = getForm(node.operands.front());
  if (!lhs || isOp(node, arith::ExtSIOp::getOperationName()))
    return lhs;
  if (node.operands.size() != 2)
    return std::nullopt;
  std::optional<Form> rhs = getForm(node.operands.back());
  if (!rhs)
    return std::nullopt;
  if (!isOp(node, arith::MulIOp::getOperationName()))
    return Form{lhs->changes || rhs->changes,
                std::max(lhs->bits, rhs->bits) + 1};
  if (lhs->changes && rhs->changes)
    return std::nullopt;
  return Form{lhs->changes || rhs->changes, lhs->bits + rhs->bits};
}

std::optional<Iterations::Form>
Iterations::getForm(const Scalar &scalar) const {
  std::optional<Form> form = getExactForm(scalar);
  if (!form || form->bits > maxBits)
    return std::nullopt;
  form->bits = std::min(form->bits, getBits(scalar.getNode().type));
  return form;
}

bool Iterations::change(const TileCondition &condition) const {
  SmallVector<Value> leaves;
  condition.collectLeaves(leaves);
  return llvm::any_of(
      leaves, [&](Value leaf) { return !loop.isDefinedOutsideOfLoop(leaf); });
}

bool Iterations::areAffine(const TileCondition &condition) const {
  return llvm::all_of(condition.comparisons,
                      [&](const Comparison &comparison) {
                        return isSigned(comparison.predicate) &&
                               getForm(comparison.lhs) &&
                               getForm(comparison.rhs);
                      }) &&
         llvm::all_of(condition.scalars, [&](Value scalar) {
           return loop.isDefinedOutsideOfLoop(scalar);
         });
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Writes numbers as they are in one iteration, with 64 bits.
class Iterations::Emitter {
public:
  Emitter(const Iterations &iterations, Value number, OpBuilder &builder,
          Location loc)
      : iterations(iterations), number(number), builder(builder), loc(loc) {}

  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  }
  Value widen(Value value) {
    if (value.getType().isInteger(64))
      return value;
    return arith::ExtSIOp::create(builder, loc, builder.getI64Type(), value);
  }

  /// *scalar*; appends to *checks* that its type can hold it.
  Value emit(const Scalar &scalar, SmallVectorImpl<Value> &checks) {
    Value value = emitExact(scalar, checks);
    unsigned bits = getBits(scalar.getNode().type);
    if (iterations.getExactForm(scalar)->bits <= bits)
      return value;
    using arith::CmpIPredicate;
    checks.push_back(
        compare(CmpIPredicate::sle, value, constant(llvm::maxIntN(bits + 1))));
    checks.push_back(
        compare(CmpIPredicate::sge, value, constant(llvm::minIntN(bits + 1))));
    return value;
  }

  Value compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpIOp::create(builder, loc, predicate, lhs, rhs);
  }

private:
  Value emitExact(const Scalar &scalar, SmallVectorImpl<Value> &checks) {
    const Scalar::Node &node = scalar.getNode();
    if (node.number)
      return constant(*node.number);
    if (node.value)
      return emitLeaf(node.value, checks);
    Value lhs = emit(node.operands.front(), checks);
    if (isOp(node, arith::ExtSIOp::getOperationName()))
      return lhs;
    Value rhs = emit(node.operands.back(), checks);
    OperationState state(loc, node.opName, {lhs, rhs}, builder.getI64Type());
    return builder.create(state)->getResult(0);
  }

  Value emitLeaf(Value value, SmallVectorImpl<Value> &checks) {
    scf::ForOp loop = iterations.loop;
    if (loop.isDefinedOutsideOfLoop(value))
      return widen(value);
    if (value == loop.getInductionVar())
      return step(loop.getLowerBound(), widen(loop.getStep()));
    if (std::optional<int64_t> increment = iterations.getIncrement(value)) {
      unsigned index = cast<BlockArgument>(value).getArgNumber() - 1;
      return step(loop.getInitArgs()[index], constant(*increment));
    }
    return emit(iterations.expand(value), checks);
  }

  /// `first + number * increment`
  Value step(Value first, Value increment) {
    Value start = widen(first);
    Value steps = arith::MulIOp::create(builder, loc, number, increment);
    return arith::AddIOp::create(builder, loc, start, steps);
  }

  const Iterations &iterations;
  Value number;
  OpBuilder &builder;
  Location loc;
};

Value Iterations::emitCount(OpBuilder &builder, Location loc) const {
  Emitter emitter(*this, Value(), builder, loc);
  Value lower = emitter.widen(loop.getLowerBound());
  Value upper = emitter.widen(loop.getUpperBound());
  Value span = arith::SubIOp::create(builder, loc, upper, lower);
  Value positive =
      arith::MaxSIOp::create(builder, loc, span, emitter.constant(0));
  Value step = emitter.widen(loop.getStep());
  Value more = arith::SubIOp::create(builder, loc, step, emitter.constant(1));
  Value rounded = arith::AddIOp::create(builder, loc, positive, more);
  return arith::DivUIOp::create(builder, loc, rounded, step);
}

Value Iterations::emitAt(const TileCondition &condition, Value number,
                         OpBuilder &builder, Location loc) const {
  Emitter emitter(*this, number, builder, loc);
  SmallVector<Value> parts(condition.scalars);
  for (const Comparison &comparison : condition.comparisons) {
    Value lhs = emitter.emit(comparison.lhs, parts);
    Value rhs = emitter.emit(comparison.rhs, parts);
    parts.push_back(emitter.compare(comparison.predicate, lhs, rhs));
  }
  Value all = arith::ConstantIntOp::create(builder, loc, 1, 1);
  for (Value part : parts)
    all = arith::AndIOp::create(builder, loc, all, part);
  return all;
}
