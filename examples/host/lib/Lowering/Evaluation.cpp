//===- Evaluation.cpp - which expressions become buffers ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// An expression is evaluated by each loop that consumes it, and by a loop over
// a larger shape more than once for each element. Where that costs more than
// to write it down once and to read it, it becomes a buffer. Units are about
// those of one vector instruction.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

/// To store an element and to load it again, and to enter a loop.
static constexpr double bufferCost = 6;
/// A division, a root, or a function of libm.
static constexpr double slowCost = 16;
/// An operation on integers or pointers.
static constexpr double indexCost = 0.1;
/// How often a loop of the user's runs, if nothing is known.
static constexpr double loopTrips = 8;

bool Lowering::isExpression(Operation *op) {
  return isa<tt::SplatOp, tt::MakeRangeOp, tt::BroadcastOp, tt::ExpandDimsOp,
             tt::TransOp, tt::ReshapeOp, tt::CatOp, tt::JoinOp, tt::SplitOp,
             arith::ConstantOp>(op) ||
         isElementwise(op);
}

static double getOwnCost(Operation *op) {
  if (isa<tt::SplatOp, tt::BroadcastOp, tt::ExpandDimsOp, tt::TransOp,
          arith::ConstantOp, tt::MakeRangeOp>(op))
    return 0;
  if (isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
          arith::RemUIOp, arith::RemFOp, tt::PreciseDivFOp, tt::PreciseSqrtOp,
          tt::ApproxDivFOp, tt::ExternElementwiseOp, tt::FpToFpOp>(op) ||
      isa<math::MathDialect>(op->getDialect()))
    return slowCost;
  // bf16 and fp8 are computed with in fp32, and rounded.
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (isa<FloatType>(type) && !isa<Float16Type, Float32Type, Float64Type>(type))
    return slowCost / 2;
  // Positions and masks: LLVM finds what of them a loop does not change, and
  // that addresses follow one another, which it cannot see in a buffer.
  return isa<FloatType>(type) ? 1 : indexCost;
}

double Lowering::getCost(Value value) {
  if (!isa<RankedTensorType>(value.getType()))
    return 0;
  if (buffers.contains(value) || !isa<OpResult>(value))
    return 1;
  if (auto known = costs.find(value); known != costs.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  double cost = 1;
  if (isExpression(op)) {
    cost = getOwnCost(op);
    for (Value operand : op->getOperands())
      cost += getCost(operand);
  }
  return costs[value] = cost;
}

/// How many loops are around *inner* that are not around *outer*.
static unsigned getLoopsBetween(Operation *outer, Operation *inner) {
  unsigned loops = 0;
  for (Operation *op = inner->getParentOp(); op && !op->isProperAncestor(outer);
       op = op->getParentOp())
    loops += isa<scf::ForOp, scf::WhileOp>(op);
  return loops;
}

double Lowering::getEvaluations(Value value) {
  if (auto known = evaluations.find(value); known != evaluations.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  double elements = getTensor(value).getNumElements();
  double total = 0;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    double times = 1;
    if (isExpression(user)) {
      auto result = user->getResult(0);
      double ratio =
          getTensor(result) ? getTensor(result).getNumElements() / elements : 1;
      times = shouldBuffer(cast<OpResult>(result))
                  ? ratio
                  : ratio * getEvaluations(result);
    }
    for (unsigned loops = getLoopsBetween(op, user); loops; --loops)
      times *= loopTrips;
    total += times;
  }
  return evaluations[value] = total;
}

bool Lowering::shouldBuffer(OpResult result) {
  Operation *op = result.getOwner();
  if (!getTensor(result))
    return false;
  // Elements of a constant are read by position, and so are those of a gather.
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return !cast<DenseElementsAttr>(constant.getValue()).isSplat();
  double times = getEvaluations(result);
  return (times - 1) * getCost(result) > times + bufferCost;
}
