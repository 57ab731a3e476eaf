//===- MaskRewriting.cpp - change the masks of accesses -------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Transforms/MaskRewriting.h"

#include "graft/Analysis/Accesses.h"
#include "graft/Analysis/Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "triton/Dialect/Triton/IR/Dialect.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

bool graft::checkThreads(ModuleOp module, StringRef pass, int64_t threads) {
  if (threads >= 1)
    return true;
  module.emitError() << pass << ": threads must be positive (got " << threads
                     << ")";
  return false;
}

Value graft::replaceParts(
    Value mask, llvm::function_ref<std::optional<Value>(Value)> replace,
    OpBuilder &builder) {
  if (std::optional<Value> replacement = replace(mask))
    return *replacement;
  Operation *op = mask.getDefiningOp();
  if (auto both = dyn_cast_or_null<arith::AndIOp>(op)) {
    Value lhs = replaceParts(both.getLhs(), replace, builder);
    Value rhs = replaceParts(both.getRhs(), replace, builder);
    if (!lhs || !rhs)
      return lhs ? lhs : rhs;
    if (lhs == both.getLhs() && rhs == both.getRhs())
      return mask;
    return arith::AndIOp::create(builder, op->getLoc(), lhs, rhs);
  }
  if (!isa_and_nonnull<tt::BroadcastOp, tt::ExpandDimsOp>(op))
    return mask;
  Value source = replaceParts(op->getOperand(0), replace, builder);
  if (!source || source == op->getOperand(0))
    return source ? mask : source;
  IRMapping mapping;
  mapping.map(op->getOperand(0), source);
  return builder.clone(*op, mapping)->getResult(0);
}

namespace {

/// Rewrites what is masked where some tensors of i1 are true in every lane.
class MaskSimplifier {
public:
  /// For a clone made with *mapping* of code in which *proven* are all true.
  MaskSimplifier(ArrayRef<Value> proven, const IRMapping &mapping) {
    for (Value mask : proven)
      allTrue.insert(mapping.lookupOrDefault(mask));
  }

  void run(Block &block) {
    block.walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });
    block.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (isOpTriviallyDead(op))
        op->erase();
    });
  }

private:
  void visit(Operation *op) {
    OpBuilder builder(op);
    if (Value mask = getMask(op)) {
      Value rest = simplify(mask, builder);
      if (rest == mask)
        return;
      setMask(op, rest);
      // Else the branches differ in operands alone, and MLIR's canonicalizer
      // makes one block of them, with a mask that is selected.
      if (rest)
        op->setAttr("tt.graft_versioned", builder.getUnitAttr());
    } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
      // Without it, a product and a sum would become one operation.
      if (!separatesProductFromSum(select) &&
          !simplify(select.getCondition(), builder))
        select.getResult().replaceAllUsesWith(select.getTrueValue());
    }
  }

  /// What is left of *mask*, null if it is true in every lane.
  Value simplify(Value mask, OpBuilder &builder) {
    return replaceParts(
        mask,
        [&](Value part) -> std::optional<Value> {
          if (allTrue.contains(part))
            return Value();
          return std::nullopt;
        },
        builder);
  }

  llvm::SmallDenseSet<Value, 8> allTrue;
};

} // namespace

void graft::simplifyMasks(Block &block, ArrayRef<Value> proven,
                          const IRMapping &mapping) {
  MaskSimplifier(proven, mapping).run(block);
}
