//===- ScalarizeInductions.cpp - tensors that a loop moves on -------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"
#include "triton/Dialect/Triton/IR/Dialect.h"

namespace mlir::host {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_HOSTSCALARIZEINDUCTIONS
#include "host/Transforms/ScalarizeInductions.h.inc"
} // namespace mlir::host

using namespace mlir;
namespace tt = mlir::triton;

/// The scalar that all elements of *tensor* are, if the loop does not change
/// it.
static Value getInvariantSplat(OpBuilder &b, Value tensor, scf::ForOp loop) {
  auto constant = tensor.getDefiningOp<arith::ConstantOp>();
  auto values = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                         : DenseElementsAttr();
  if (values && values.isSplat())
    return arith::ConstantOp::create(
        b, loop.getLoc(), cast<TypedAttr>(values.getSplatValue<Attribute>()));
  auto splat = tensor.getDefiningOp<tt::SplatOp>();
  if (splat && loop.isDefinedOutsideOfLoop(splat.getSrc()))
    return splat.getSrc();
  return nullptr;
}

/// What is added to *carried* to give *next*, in all: the scalars, in order.
/// Nothing if it is not a sum, or one of other things.
static SmallVector<Value> getSteps(OpBuilder &b, BlockArgument carried,
                                   Value next, scf::ForOp loop) {
  SmallVector<Value> steps;
  while (next != carried) {
    Operation *op = next.getDefiningOp();
    if (!isa_and_nonnull<tt::AddPtrOp, arith::AddIOp>(op))
      return {};
    Value base = op->getOperand(0), step = op->getOperand(1);
    Value scalar = getInvariantSplat(b, step, loop);
    if (!scalar && isa<arith::AddIOp>(op)) {
      std::swap(base, step);
      scalar = getInvariantSplat(b, step, loop);
    }
    if (!scalar)
      return {};
    steps.push_back(scalar);
    next = base;
  }
  return steps;
}

/// *tensor*, and *distance* more in each element.
static Value move(OpBuilder &b, Location loc, Value tensor, Value distance) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value all =
      tt::SplatOp::create(b, loc, type.clone(distance.getType()), distance);
  if (isa<tt::PointerType>(type.getElementType()))
    return tt::AddPtrOp::create(b, loc, type, tensor, all);
  return arith::AddIOp::create(b, loc, tensor, all);
}

/// Replaces the tensor that *loop* carries at *position*; gives the loop that
/// stands in its place, or null.
static scf::ForOp scalarize(scf::ForOp loop, unsigned position) {
  Location loc = loop.getLoc();
  BlockArgument carried = loop.getRegionIterArg(position);
  auto type = dyn_cast<RankedTensorType>(carried.getType());
  if (!type || !isa<IntegerType, tt::PointerType>(type.getElementType()))
    return nullptr;
  OpBuilder b(loop);
  Operation *yield = loop.getBody()->getTerminator();
  SmallVector<Value> steps =
      getSteps(b, carried, yield->getOperand(position), loop);
  if (steps.empty())
    return nullptr;
  bool isPointer = isa<tt::PointerType>(type.getElementType());
  Type distanceType = isPointer ? b.getI64Type() : type.getElementType();
  Value step;
  for (Value one : steps) {
    if (one.getType().getIntOrFloatBitWidth() < 64 && isPointer)
      one = arith::ExtSIOp::create(b, loc, distanceType, one);
    step = step ? arith::AddIOp::create(b, loc, step, one).getResult() : one;
  }
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(distanceType));
  Value init = loop.getInitArgs()[position];

  SmallVector<Value> inits(loop.getInitArgs());
  inits[position] = zero;
  auto made = scf::ForOp::create(
      b, loc, loop.getLowerBound(), loop.getUpperBound(), loop.getStep(), inits,
      /*bodyBuilder=*/nullptr, loop.getUnsignedCmp());
  made->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  if (!made.getBody()->empty())
    made.getBody()->clear();
  b.setInsertionPointToStart(made.getBody());
  SmallVector<Value> arguments(made.getBody()->getArguments());
  Value distance = arguments[1 + position];
  arguments[1 + position] = move(b, loc, init, distance);
  made.getBody()->getOperations().splice(made.getBody()->end(),
                                         loop.getBody()->getOperations());
  for (auto [old, now] :
       llvm::zip_equal(loop.getBody()->getArguments(), arguments))
    old.replaceAllUsesWith(now);
  b.setInsertionPoint(yield);
  yield->setOperand(position, arith::AddIOp::create(b, loc, distance, step));

  b.setInsertionPointAfter(made);
  SmallVector<Value> results(made.getResults());
  if (!loop.getResult(position).use_empty())
    results[position] = move(b, loc, init, results[position]);
  loop.replaceAllUsesWith(results);
  loop.erase();
  return made;
}

namespace {

struct ScalarizeInductionsPass
    : host::impl::HostScalarizeInductionsBase<ScalarizeInductionsPass> {
  void runOnOperation() override {
    SmallVector<scf::ForOp> loops;
    getOperation()->walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i)
        if (scf::ForOp made = scalarize(loop, i))
          loop = made;
  }
};

} // namespace
