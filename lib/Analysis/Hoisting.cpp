//===- Hoisting.cpp - what can be computed earlier? -----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Hoisting.h"

#include "graft/Analysis/TileBounds.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "triton/Dialect/Triton/IR/Dialect.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// How far `DefinedValues` looks back.
static constexpr unsigned maxDepth = 64;

/// Whether *op* promises something of its operands, such as no overflow, and
/// has no value where that does not hold.
static bool hasPromise(Operation *op) {
  return llvm::any_of(op->getAttrDictionary(), [](NamedAttribute attribute) {
    auto flags =
        dyn_cast<arith::IntegerOverflowFlagsAttr>(attribute.getValue());
    return isa<UnitAttr>(attribute.getValue()) ||
           (flags && flags.getValue() != arith::IntegerOverflowFlags::none);
  });
}

/// Whether *op* is a shift by a constant smaller than the width.
static bool isShiftInRange(Operation *op) {
  if (!isa<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op))
    return false;
  std::optional<int64_t> amount = Scalar::leaf(op->getOperand(1)).getConstant();
  return amount && *amount >= 0 &&
         *amount < op->getResult(0).getType().getIntOrFloatBitWidth();
}

/// Whether *op* is integer arithmetic whose result is a number if its operands
/// are and it does not trap.
static bool yieldsNumber(Operation *op) {
  if (op->getNumResults() != 1 || !isa<IntegerType>(op->getResult(0).getType()))
    return false;
  return (isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp, arith::MulIOp,
              arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
              arith::MinSIOp, arith::MaxSIOp, arith::MinUIOp, arith::MaxUIOp,
              arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::AndIOp,
              arith::OrIOp, arith::XOrIOp, arith::CmpIOp, arith::SelectOp>(
              op) ||
          isShiftInRange(op)) &&
         !hasPromise(op);
}

// A division is pure where its divisor is a constant.
bool graft::isHarmless(Operation *op) { return yieldsNumber(op) && isPure(op); }

/// The same as `collectHoisted` for what *depth* operations, none of them in
/// *hoisted* yet, wait for.
static bool collect(Value value, llvm::function_ref<bool(Value)> isKnown,
                    llvm::function_ref<bool(Operation *)> mayMove,
                    unsigned depth, HoistedOps &hoisted) {
  if (isKnown(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || hoisted.contains(op))
    return bool(op);
  if (depth + hoisted.size() >= maxHoistedOps || !mayMove(op))
    return false;
  for (Value operand : op->getOperands())
    if (!collect(operand, isKnown, mayMove, depth + 1, hoisted))
      return false;
  hoisted.insert(op);
  return true;
}

bool graft::collectHoisted(Value value, llvm::function_ref<bool(Value)> isKnown,
                           llvm::function_ref<bool(Operation *)> mayMove,
                           HoistedOps &hoisted) {
  return collect(value, isKnown, mayMove, 0, hoisted);
}

bool DefinedValues::contains(Value value, unsigned depth) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  bool isDefined = depth < maxDepth && compute(value, depth);
  known[value] = isDefined;
  return isDefined;
}

bool DefinedValues::compute(Value value, unsigned depth) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    // A loop that runs has bounds, and Triton launches kernels with numbers.
    if (auto loop = dyn_cast<scf::ForOp>(parent))
      return argument == loop.getInductionVar();
    auto function = dyn_cast<tt::FuncOp>(parent);
    return function && function.isPublic() &&
           argument.getOwner()->isEntryBlock();
  }
  Operation *op = value.getDefiningOp();
  if (isa<tt::GetProgramIdOp, tt::GetNumProgramsOp>(op))
    return true;
  if (auto load = dyn_cast<tt::LoadOp>(op))
    return !load.getMask() && !isa<RankedTensorType>(value.getType());
  return (yieldsNumber(op) || isa<tt::AddPtrOp>(op)) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return contains(operand, depth + 1);
         });
}
