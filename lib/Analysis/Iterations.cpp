//===- Iterations.cpp - scalars at an iteration of a loop -----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Iterations.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::graft;
using Kind = Scalar::Kind;

/// How many operations of a loop are taken apart; also bounds what is written.
static constexpr unsigned maxExpandedOps = 64;

/// The largest step of a loop and of its arguments.
static constexpr int64_t maxIncrement = int64_t(1) << 24;

/// The numbers of iterations of a loop with bounds of 32 bits.
static constexpr Interval narrowIterations{0, (int64_t(1) << 32) - 1};

/// Where numbers of 64 bits are to lie, which is tested: there, sums of them
/// and products with constants are numbers of 64 bits, too.
static constexpr Interval wideNumbers{-(int64_t(1) << 40), int64_t(1) << 40};

static bool isNarrow(Value value) {
  return value.getType().isSignlessInteger() &&
         value.getType().getIntOrFloatBitWidth() <= 32;
}

/// What a signed number of *type* may be; nothing if *type* is none of at most
/// 64 bits.
static std::optional<Interval> getNumbers(Type type) {
  if (!type.isSignlessInteger() || type.getIntOrFloatBitWidth() > 64)
    return std::nullopt;
  return Interval::ofSigned(type.getIntOrFloatBitWidth());
}

bool Iterations::areCountable() {
  std::optional<int64_t> step = Scalar::leaf(loop.getStep()).getConstant();
  return step && *step > 0 && *step <= maxIncrement &&
         getNumbers(loop.getInductionVar().getType()) && !loop.getUnsignedCmp();
}

Interval Iterations::getIterations() {
  if (isNarrow(loop.getInductionVar()))
    return narrowIterations;
  std::optional<int64_t> step = Scalar::leaf(loop.getStep()).getConstant();
  return {0, (wideNumbers.max - wideNumbers.min) / step.value_or(1)};
}

std::optional<int64_t> Iterations::getIncrement(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != loop.getBody())
    return std::nullopt;
  std::optional<int64_t> increment = graft::getIncrement(argument);
  if (!increment || *increment > maxIncrement || *increment < -maxIncrement)
    return std::nullopt;
  return increment;
}

std::optional<Scalar> Iterations::expand(Value value) {
  auto found = expanded.find(value);
  if (found != expanded.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  std::optional<Kind> kind = op ? getScalarKind(op) : std::nullopt;
  // An extension in front of the loop says that the number is a narrow one.
  if (!kind || (loop.isDefinedOutsideOfLoop(value) && *kind != Kind::ExtSI))
    return std::nullopt;
  if (expanded.size() >= maxExpandedOps) {
    isExhausted = true;
    return std::nullopt;
  }
  SmallVector<Scalar> operands =
      llvm::map_to_vector(op->getOperands(), Scalar::leaf);
  Scalar scalar = Scalar::apply(*kind, value.getType(), operands);
  expanded.try_emplace(value, scalar);
  return scalar;
}

std::optional<Iterations::Form> Iterations::computeLeafForm(Value value) {
  std::optional<Interval> numbers = getNumbers(value.getType());
  if (!numbers)
    return std::nullopt;
  // `emitCount` sees to it that the bounds of a loop that runs lie there.
  if (value == loop.getInductionVar() && !isNarrow(value))
    return Form{true, wideNumbers, wideNumbers};
  if (value == loop.getInductionVar())
    return Form{true, *numbers, *numbers};
  if (std::optional<int64_t> increment =
          isNarrow(value) ? getIncrement(value) : std::nullopt) {
    std::optional<Interval> added = getIterations() * Interval::of(*increment);
    std::optional<Interval> exact = added ? *numbers + *added : std::nullopt;
    if (!exact)
      return std::nullopt;
    return Form{true, *exact, *numbers};
  }
  if (std::optional<Scalar> scalar = expand(value))
    if (std::optional<Form> form = getForm(*scalar))
      return Form{form->changes, form->held, form->held};
  if (!loop.isDefinedOutsideOfLoop(value))
    return std::nullopt;
  return Form{false, *numbers, isNarrow(value) ? *numbers : wideNumbers};
}

std::optional<Iterations::Form>
Iterations::computeAddedForm(const Scalar::Node &node) {
  std::optional<Interval> numbers = getNumbers(node.type);
  std::optional<int64_t> increment = getIncrement(node.value);
  // What a loop around this one adds stays the same here.
  if (numbers && loop.isDefinedOutsideOfLoop(node.value))
    return Form{false, *numbers, *(*numbers & wideNumbers)};
  if (!numbers || !increment)
    return std::nullopt;
  std::optional<Interval> exact = getIterations() * Interval::of(*increment);
  std::optional<Interval> held = exact ? *exact & *numbers : std::nullopt;
  if (!held)
    return std::nullopt;
  return Form{true, *exact, *held};
}

/// What *kind* makes of numbers of *lhs* and *rhs*.
static std::optional<Interval> combine(Kind kind, Interval lhs, Interval rhs) {
  switch (kind) {
  case Kind::Add:
    return lhs + rhs;
  case Kind::Sub:
    return lhs - rhs;
  case Kind::Mul:
    return lhs * rhs;
  default:
    return std::nullopt;
  }
}

std::optional<Iterations::Form>
Iterations::computeForm(const Scalar::Node &node) {
  if (node.kind == Kind::Leaf)
    return computeLeafForm(node.value);
  if (node.kind == Kind::Added)
    return computeAddedForm(node);
  std::optional<Interval> numbers = getNumbers(node.type);
  if (!numbers)
    return std::nullopt;
  if (node.kind == Kind::Constant)
    return Form{false, Interval::of(node.number), Interval::of(node.number)};
  std::optional<Form> lhs = getForm(node.operands.front());
  if (node.kind == Kind::ExtSI)
    return lhs ? Form{lhs->changes, lhs->held, lhs->held} : lhs;
  std::optional<Form> rhs = getForm(node.operands.back());
  // A product of two that change is not affine.
  if (!lhs || !rhs || (node.kind == Kind::Mul && lhs->changes && rhs->changes))
    return std::nullopt;
  std::optional<Interval> exact = combine(node.kind, lhs->held, rhs->held);
  std::optional<Interval> held = exact ? *exact & *numbers : std::nullopt;
  if (!held)
    return std::nullopt;
  return Form{lhs->changes || rhs->changes, *exact, *held};
}

std::optional<Iterations::Form> Iterations::getForm(const Scalar &scalar) {
  const Scalar::Node &node = scalar.getNode();
  auto found = forms.find(&node);
  if (found != forms.end())
    return found->second.second;
  std::optional<Form> form = computeForm(node);
  forms.try_emplace(&node, scalar, form);
  return form;
}

bool Iterations::change(const TileCondition &condition) {
  return llvm::any_of(condition.getLeaves(), [&](Value leaf) {
    return !loop.isDefinedOutsideOfLoop(leaf);
  });
}

std::string Iterations::getObjection(const TileCondition &condition) {
  auto isAffine = [&](const Comparison &comparison) {
    return isSigned(comparison.predicate) && getForm(comparison.lhs) &&
           getForm(comparison.rhs);
  };
  auto isFixed = [&](Value scalar) {
    return loop.isDefinedOutsideOfLoop(scalar);
  };
  std::string why;
  if (condition.alignments.empty() &&
      llvm::all_of(condition.comparisons, isAffine) &&
      llvm::all_of(condition.scalars, isFixed))
    return why;
  if (isExhausted)
    llvm::raw_string_ostream(why) << "the bounds in the loop take more than "
                                  << maxExpandedOps << " operations to compute";
  else
    why = "the bound is not affine in the iteration";
  return why;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Writes numbers as they are in one iteration, with 64 bits, each once.
class Iterations::Emitter {
public:
  Emitter(Iterations &iterations, Value number, OpBuilder &builder,
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
  Value compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpIOp::create(builder, loc, predicate, lhs, rhs);
  }

  /// Whether *bound*, of 64 bits, is not too large to count with.
  Value isCountable(Value bound) {
    using arith::CmpIPredicate;
    Value below = compare(CmpIPredicate::sle, bound, constant(wideNumbers.max));
    Value above = compare(CmpIPredicate::sge, bound, constant(wideNumbers.min));
    return arith::AndIOp::create(builder, loc, below, above);
  }

  /// *scalar*; appends to *checks* that its type can hold it.
  Value emit(const Scalar &scalar, SmallVectorImpl<Value> &checks) {
    const Scalar::Node &node = scalar.getNode();
    const void *key = node.value ? node.value.getAsOpaquePointer()
                                 : static_cast<const void *>(&node);
    if (Value value = emitted.lookup(key))
      return value;
    Value value = emitExact(scalar, checks);
    check(value, *iterations.getForm(scalar), checks);
    return emitted[key] = value;
  }

private:
  void check(Value value, const Form &form, SmallVectorImpl<Value> &checks) {
    using arith::CmpIPredicate;
    if (form.held.max < form.exact.max)
      checks.push_back(
          compare(CmpIPredicate::sle, value, constant(form.held.max)));
    if (form.held.min > form.exact.min)
      checks.push_back(
          compare(CmpIPredicate::sge, value, constant(form.held.min)));
  }

  Value emitExact(const Scalar &scalar, SmallVectorImpl<Value> &checks) {
    const Scalar::Node &node = scalar.getNode();
    if (node.kind == Kind::Constant)
      return constant(node.number);
    if (node.kind == Kind::Leaf)
      return emitLeaf(node.value, checks);
    if (node.kind == Kind::Added)
      return emitAdded(scalar);
    Value lhs = emit(node.operands.front(), checks);
    if (node.kind == Kind::ExtSI)
      return lhs;
    Value rhs = emit(node.operands.back(), checks);
    switch (node.kind) {
    case Kind::Add:
      return arith::AddIOp::create(builder, loc, lhs, rhs);
    case Kind::Sub:
      return arith::SubIOp::create(builder, loc, lhs, rhs);
    case Kind::Mul:
      return arith::MulIOp::create(builder, loc, lhs, rhs);
    default:
      llvm_unreachable("a scalar without a form");
    }
  }

  Value emitLeaf(Value value, SmallVectorImpl<Value> &checks) {
    scf::ForOp loop = iterations.loop;
    if (value == loop.getInductionVar())
      return step(loop.getLowerBound(), widen(loop.getStep()));
    if (std::optional<int64_t> increment =
            isNarrow(value) ? iterations.getIncrement(value) : std::nullopt) {
      unsigned index = cast<BlockArgument>(value).getArgNumber() - 1;
      return step(loop.getInitArgs()[index], constant(*increment));
    }
    std::optional<Scalar> scalar = iterations.expand(value);
    if (scalar && iterations.getForm(*scalar))
      return emit(*scalar, checks);
    return widen(value);
  }

  Value emitAdded(const Scalar &scalar) {
    Value argument = scalar.getNode().value;
    if (iterations.loop.isDefinedOutsideOfLoop(argument))
      return widen(ScalarWriter(builder, loc).write(scalar));
    return arith::MulIOp::create(builder, loc, number,
                                 constant(*iterations.getIncrement(argument)));
  }

  /// `first + number * increment`
  Value step(Value first, Value increment) {
    Value start = widen(first);
    Value steps = arith::MulIOp::create(builder, loc, number, increment);
    return arith::AddIOp::create(builder, loc, start, steps);
  }

  Iterations &iterations;
  Value number;
  OpBuilder &builder;
  Location loc;
  /// By the value of a leaf, and the node of what is none.
  llvm::DenseMap<const void *, Value> emitted;
};

Value Iterations::emitCount(OpBuilder &builder, Location loc) {
  Emitter emitter(*this, Value(), builder, loc);
  Value lower = emitter.widen(loop.getLowerBound());
  Value upper = emitter.widen(loop.getUpperBound());
  Value span = arith::SubIOp::create(builder, loc, upper, lower);
  Value positive =
      arith::MaxSIOp::create(builder, loc, span, emitter.constant(0));
  Value step = emitter.widen(loop.getStep());
  Value more = arith::SubIOp::create(builder, loc, step, emitter.constant(1));
  Value rounded = arith::AddIOp::create(builder, loc, positive, more);
  Value count = arith::DivUIOp::create(builder, loc, rounded, step);
  if (isNarrow(loop.getInductionVar()))
    return count;
  Value zero = emitter.constant(0);
  for (Value bound : {lower, upper})
    count = arith::SelectOp::create(builder, loc, emitter.isCountable(bound),
                                    count, zero);
  return count;
}

Value Iterations::emitAt(const TileCondition &condition, Value number,
                         OpBuilder &builder, Location loc) {
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
