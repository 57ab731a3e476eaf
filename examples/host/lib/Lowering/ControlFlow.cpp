//===- ControlFlow.cpp - branches and loops -------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A tensor that a region gives or that a loop carries has one buffer, which is
// written where the region ends. Scalars stay results and arguments.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;
using namespace mlir::host;

SmallVector<Type> Lowering::getScalarTypes(TypeRange types) {
  SmallVector<Type> found;
  for (Type type : types)
    if (!isa<RankedTensorType>(type))
      found.push_back(convertType(type));
  return found;
}

SmallVector<Value> Lowering::allocateFor(TypeRange types) {
  SmallVector<Value> found;
  for (Type type : types)
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      found.push_back(allocate(tensor));
  return found;
}

void Lowering::define(ValueRange values, ArrayRef<Value> addresses,
                      ValueRange given) {
  auto address = addresses.begin();
  auto value = given.begin();
  for (Value defined : values)
    if (getTensor(defined))
      setBuffer(defined, *address++);
    else
      scalars[defined] = *value++;
}

SmallVector<Value> Lowering::leave(ValueRange values,
                                   ArrayRef<Value> addresses) {
  SmallVector<Value> given;
  SmallVector<std::pair<Value, Value>> copies;
  auto address = addresses.begin();
  for (Value value : values)
    if (getTensor(value))
      copies.emplace_back(value, *address++);
    else
      given.push_back(scalar(value));
  copyAll(copies);
  return given;
}

LogicalResult Lowering::lowerIf(scf::IfOp op) {
  SmallVector<Value> addresses = allocateFor(op.getResultTypes());
  auto branch =
      scf::IfOp::create(b, op.getLoc(), getScalarTypes(op.getResultTypes()),
                        scalar(op.getCondition()), /*addThenBlock=*/true,
                        /*addElseBlock=*/!op.getElseRegion().empty());
  for (auto [from, to] :
       llvm::zip_equal(op->getRegions(), branch->getRegions())) {
    if (from.empty())
      continue;
    OpBuilder::InsertionGuard guard(b);
    Scope scope(*this);
    Block &block = to.front();
    // Without results the block already ends, and ends where it stands.
    if (block.mightHaveTerminator())
      block.getTerminator()->erase();
    b.setInsertionPointToEnd(&block);
    if (failed(lowerBody(from.front())))
      return failure();
    auto yield = cast<scf::YieldOp>(from.front().getTerminator());
    SmallVector<Value> given = leave(yield.getOperands(), addresses);
    scf::YieldOp::create(b, yield.getLoc(), given);
  }
  define(op.getResults(), addresses, branch.getResults());
  return success();
}

LogicalResult Lowering::lowerFor(scf::ForOp op) {
  SmallVector<Value> addresses = allocateFor(op.getResultTypes());
  SmallVector<Value> inits = leave(op.getInitArgs(), addresses);
  auto loop = scf::ForOp::create(
      b, op.getLoc(), scalar(op.getLowerBound()), scalar(op.getUpperBound()),
      scalar(op.getStep()), inits,
      [](OpBuilder &, Location, Value, ValueRange) {}, op.getUnsignedCmp());
  {
    OpBuilder::InsertionGuard guard(b);
    Scope scope(*this);
    b.setInsertionPointToEnd(loop.getBody());
    scalars[op.getInductionVar()] = loop.getInductionVar();
    define(op.getRegionIterArgs(), addresses, loop.getRegionIterArgs());
    if (failed(lowerBody(*op.getBody())))
      return failure();
    SmallVector<Value> carried =
        leave(op.getBody()->getTerminator()->getOperands(), addresses);
    scf::YieldOp::create(b, op.getLoc(), carried);
  }
  define(op.getResults(), addresses, loop.getResults());
  return success();
}

LogicalResult Lowering::lowerWhile(scf::WhileOp op) {
  SmallVector<Value> before = allocateFor(op.getInits().getTypes());
  SmallVector<Value> after = allocateFor(op.getResultTypes());
  SmallVector<Value> inits = leave(op.getInits(), before);
  SmallVector<Type> types = getScalarTypes(op.getResultTypes());
  auto loop = scf::WhileOp::create(b, op.getLoc(), types, inits);
  auto enter = [&](Region &from, Region &to, TypeRange argumentTypes,
                   ArrayRef<Value> addresses) {
    SmallVector<Location> locations(argumentTypes.size(), op.getLoc());
    Block *block = b.createBlock(&to, {}, argumentTypes, locations);
    define(from.getArguments(), addresses, block->getArguments());
    return lowerBody(from.front());
  };
  OpBuilder::InsertionGuard guard(b);
  {
    Scope scope(*this);
    if (failed(enter(op.getBefore(), loop.getBefore(),
                     ValueRange(inits).getTypes(), before)))
      return failure();
    scf::ConditionOp condition = op.getConditionOp();
    SmallVector<Value> given = leave(condition.getArgs(), after);
    scf::ConditionOp::create(b, condition.getLoc(),
                             scalar(condition.getCondition()), given);
  }
  {
    Scope scope(*this);
    if (failed(enter(op.getAfter(), loop.getAfter(), types, after)))
      return failure();
    scf::YieldOp yield = op.getYieldOp();
    SmallVector<Value> carried = leave(yield.getOperands(), before);
    scf::YieldOp::create(b, yield.getLoc(), carried);
  }
  define(op.getResults(), after, loop.getResults());
  return success();
}

Block *Lowering::getEdge(Block *to, OperandRange operands,
                         SmallVectorImpl<Value> &passed) {
  SmallVector<Value> addresses;
  for (BlockArgument argument : to->getArguments())
    if (getTensor(argument))
      addresses.push_back(buffers.lookup(argument));
  if (addresses.empty()) {
    passed = leave(operands, addresses);
    return blocks.lookup(to);
  }
  OpBuilder::InsertionGuard guard(b);
  Scope scope(*this);
  Block *edge = b.createBlock(b.getBlock()->getParent(),
                              std::next(b.getBlock()->getIterator()));
  cf::BranchOp::create(b, loc, blocks.lookup(to), leave(operands, addresses));
  return edge;
}

LogicalResult Lowering::lowerBranch(Operation *terminator) {
  if (auto branch = dyn_cast<cf::BranchOp>(terminator)) {
    SmallVector<Value> passed;
    Block *to = getEdge(branch.getDest(), branch->getOperands(), passed);
    cf::BranchOp::create(b, loc, to, passed);
    return success();
  }
  auto branch = dyn_cast<cf::CondBranchOp>(terminator);
  if (!branch)
    return refuse(terminator, "no such end of a block is known");
  SmallVector<Value> ifTrue, ifFalse;
  Block *trueBlock =
      getEdge(branch.getTrueDest(), branch.getTrueDestOperands(), ifTrue);
  Block *falseBlock =
      getEdge(branch.getFalseDest(), branch.getFalseDestOperands(), ifFalse);
  cf::CondBranchOp::create(b, loc, scalar(branch.getCondition()), trueBlock,
                           ifTrue, falseBlock, ifFalse);
  return success();
}
