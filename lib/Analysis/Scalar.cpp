//===- Scalar.cpp - numbers computed from what is at hand -----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include <array>

using namespace mlir;
using namespace mlir::graft;

std::optional<APInt> graft::getConstantInt(Value value) {
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

static Scalar::Node makeNode(Scalar::Kind kind, Type type) {
  Scalar::Node node;
  node.kind = kind;
  node.type = type;
  return node;
}

Scalar Scalar::leaf(Value value) {
  if (std::optional<APInt> number = getConstantInt(value);
      number && number->getSignificantBits() <= 64)
    return constant(value.getType(), number->getSExtValue());
  Node node = makeNode(Kind::Leaf, value.getType());
  node.value = value;
  return Scalar(std::make_shared<Node>(std::move(node)));
}

Scalar Scalar::constant(Type type, int64_t value) {
  Node node = makeNode(Kind::Constant, type);
  node.number = value;
  return Scalar(std::make_shared<Node>(std::move(node)));
}

scf::ForOp graft::getCarryingLoop(BlockArgument argument) {
  auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
  return loop && argument != loop.getInductionVar() ? loop : nullptr;
}

std::optional<int64_t> graft::getIncrement(BlockArgument argument) {
  scf::ForOp loop = getCarryingLoop(argument);
  if (!loop || !isIndexType(getElementTypeOrSelf(argument.getType())))
    return std::nullopt;
  Value yielded = loop.getYieldedValues()[argument.getArgNumber() - 1];
  auto sum = yielded.getDefiningOp<arith::AddIOp>();
  if (!sum || (sum.getLhs() != argument && sum.getRhs() != argument))
    return std::nullopt;
  std::optional<APInt> increment =
      getConstantInt(sum.getLhs() == argument ? sum.getRhs() : sum.getLhs());
  if (!increment)
    return std::nullopt;
  return increment->getSExtValue();
}

std::optional<Scalar> Scalar::addedTo(BlockArgument argument) {
  std::optional<int64_t> increment = getIncrement(argument);
  if (!isa<RankedTensorType>(argument.getType()) || !increment)
    return std::nullopt;
  scf::ForOp loop = getCarryingLoop(argument);
  std::optional<int64_t> step = leaf(loop.getStep()).getConstant();
  if (!step || *step <= 0 || !isIndexType(loop.getInductionVar().getType()))
    return std::nullopt;
  Node node = makeNode(Kind::Added, getElementTypeOrSelf(argument.getType()));
  node.value = argument;
  // By the time it is written, a branch may hold the operation that adds.
  node.number = *increment;
  return Scalar(std::make_shared<Node>(std::move(node)));
}

Scalar Scalar::apply(Kind kind, Type type, ArrayRef<Scalar> operands) {
  Node node = makeNode(kind, type);
  node.operands.append(operands.begin(), operands.end());
  return Scalar(std::make_shared<Node>(std::move(node)));
}

std::optional<int64_t> Scalar::getConstant() const {
  if (node->kind != Kind::Constant)
    return std::nullopt;
  return node->number;
}

std::optional<Scalar::Kind> graft::getScalarKind(Operation *op) {
  using Result = std::optional<Scalar::Kind>;
  return TypeSwitch<Operation *, Result>(op)
      .Case([](arith::AddIOp) { return Scalar::Kind::Add; })
      .Case([](arith::SubIOp) { return Scalar::Kind::Sub; })
      .Case([](arith::MulIOp) { return Scalar::Kind::Mul; })
      .Case([](arith::ExtSIOp) { return Scalar::Kind::ExtSI; })
      .Case([](arith::ExtUIOp) { return Scalar::Kind::ExtUI; })
      .Default(Result());
}

bool graft::isIndexType(Type type) {
  return llvm::any_of(std::array{8, 16, 32, 64}, [&](unsigned width) {
    return type.isSignlessInteger(width);
  });
}

SmallVector<Value> graft::getLeaves(ArrayRef<Scalar> scalars) {
  llvm::SmallSetVector<Value, 8> leaves;
  llvm::SmallPtrSet<const Scalar::Node *, 16> met;
  SmallVector<const Scalar::Node *> nodes;
  auto meet = [&](const Scalar &scalar) {
    if (met.insert(&scalar.getNode()).second)
      nodes.push_back(&scalar.getNode());
  };
  llvm::for_each(scalars, meet);
  for (size_t at = 0; at < nodes.size(); ++at) {
    if (nodes[at]->value)
      leaves.insert(nodes[at]->value);
    llvm::for_each(nodes[at]->operands, meet);
  }
  return leaves.takeVector();
}

Value ScalarWriter::write(const Scalar &scalar) {
  const Scalar::Node &node = scalar.getNode();
  if (Value value = written.lookup(&node))
    return value;
  return written[&node] = writeNew(node);
}

Value ScalarWriter::writeConstant(Type type, int64_t number) {
  APInt value(type.getIntOrFloatBitWidth(), number, /*isSigned=*/true);
  return arith::ConstantOp::create(builder, loc,
                                   builder.getIntegerAttr(type, value));
}

/// The induction variable is as many steps behind the lower bound as there were
/// iterations. That distance is a number without sign, which does not wrap
/// around; the rest is modulo 2^width, as the sum is in the tensor.
Value ScalarWriter::writeAdded(const Scalar::Node &node) {
  auto argument = cast<BlockArgument>(node.value);
  scf::ForOp loop = getCarryingLoop(argument);
  Type type = node.type, counted = loop.getInductionVar().getType();
  int64_t step = *Scalar::leaf(loop.getStep()).getConstant();
  int64_t factor = node.number;
  Value passed = arith::SubIOp::create(builder, loc, loop.getInductionVar(),
                                       loop.getLowerBound());
  if (factor % step == 0)
    factor /= step;
  else
    passed = arith::DivUIOp::create(builder, loc, passed,
                                    writeConstant(counted, step));
  unsigned bits = type.getIntOrFloatBitWidth();
  if (bits > counted.getIntOrFloatBitWidth())
    passed = arith::ExtUIOp::create(builder, loc, type, passed);
  else if (bits < counted.getIntOrFloatBitWidth())
    passed = arith::TruncIOp::create(builder, loc, type, passed);
  if (factor == 1)
    return passed;
  return arith::MulIOp::create(builder, loc, passed,
                               writeConstant(type, factor));
}

/// *divisor*, or 1 where it is smaller: dividing by zero, or the smallest
/// number by -1, is undefined also where the quotient is not used.
Value ScalarWriter::writeDivisor(const Scalar &divisor, bool isSigned) {
  Value value = write(divisor);
  if (divisor.getConstant().value_or(0) > 0)
    return value;
  Value one = writeConstant(value.getType(), 1);
  if (isSigned)
    return arith::MaxSIOp::create(builder, loc, value, one);
  return arith::MaxUIOp::create(builder, loc, value, one);
}

Value ScalarWriter::writeNew(const Scalar::Node &node) {
  SmallVector<Value, 2> operands;
  for (const Scalar &operand : node.operands)
    operands.push_back(write(operand));
  switch (node.kind) {
  case Scalar::Kind::Leaf:
    return node.value;
  case Scalar::Kind::Added:
    return writeAdded(node);
  case Scalar::Kind::Constant:
    return writeConstant(node.type, node.number);
  case Scalar::Kind::Add:
    return arith::AddIOp::create(builder, loc, operands[0], operands[1]);
  case Scalar::Kind::Sub:
    return arith::SubIOp::create(builder, loc, operands[0], operands[1]);
  case Scalar::Kind::Mul:
    return arith::MulIOp::create(builder, loc, operands[0], operands[1]);
  case Scalar::Kind::DivSI:
    return arith::DivSIOp::create(builder, loc, operands[0],
                                  writeDivisor(node.operands[1], true));
  case Scalar::Kind::DivUI:
    return arith::DivUIOp::create(builder, loc, operands[0],
                                  writeDivisor(node.operands[1], false));
  case Scalar::Kind::ExtSI:
    return arith::ExtSIOp::create(builder, loc, node.type, operands[0]);
  case Scalar::Kind::ExtUI:
    return arith::ExtUIOp::create(builder, loc, node.type, operands[0]);
  }
  llvm_unreachable("a kind of scalar that is not written");
}
