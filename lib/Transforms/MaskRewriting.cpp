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
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

bool graft::checkThreads(ModuleOp module, StringRef pass, int64_t threads) {
  if (threads >= 1 && llvm::isPowerOf2_64(threads))
    return true;
  module.emitError() << pass << ": threads must be a power of two (got "
                     << threads << ")";
  return false;
}

/// Of what *mask* is the conjunction; nothing if it is no such operation.
static OperandRange getConjuncts(Value mask) {
  Operation *op = mask.getDefiningOp();
  if (!isa_and_nonnull<arith::AndIOp, tt::BroadcastOp, tt::ExpandDimsOp>(op))
    return OperandRange(nullptr, 0);
  return op->getOperands();
}

Value MaskReplacer::apply(Value mask) {
  SmallVector<Value> path{mask};
  while (!path.empty()) {
    Value value = path.back();
    auto missing = llvm::find_if(getConjuncts(value), [&](Value conjunct) {
      return !known.contains(conjunct);
    });
    if (!known.contains(value) && missing != getConjuncts(value).end()) {
      path.push_back(*missing);
      continue;
    }
    if (!known.contains(value))
      known[value] = rebuild(value);
    path.pop_back();
  }
  return known.lookup(mask);
}

/// *mask*, whose conjuncts are known.
Value MaskReplacer::rebuild(Value mask) {
  SmallVector<Value, 2> news;
  for (Value conjunct : getConjuncts(mask))
    if (Value left = known.lookup(conjunct))
      news.push_back(left);
  if (llvm::equal(news, getConjuncts(mask)))
    return mask;
  if (news.empty())
    return Value();
  Operation *op = mask.getDefiningOp();
  if (isa<arith::AndIOp>(op) && news.size() == 1)
    return news.front();
  OpBuilder builder = getBuilder(op);
  Operation *copy = builder.clone(*op);
  copy->setOperands(news);
  return copy->getResult(0);
}

OpBuilder MaskReplacer::getBuilder(Operation *op) {
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  if (scope && !scope->findAncestorOpInBlock(*op)) {
    if (!first)
      first = &scope->front();
    builder.setInsertionPoint(first);
  }
  return builder;
}

namespace {

/// Rewrites what is masked where some tensors of i1 are true in every lane.
class MaskSimplifier {
public:
  /// For a clone made with *mapping* of code in which *proven* are all true.
  MaskSimplifier(Block &block, ArrayRef<Value> proven, const IRMapping &mapping)
      : block(block), parts(block) {
    for (Value mask : proven)
      parts.replace(mapping.lookupOrDefault(mask), Value());
  }

  void run() {
    block.walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });
    block.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (isOpTriviallyDead(op))
        op->erase();
    });
  }

private:
  void visit(Operation *op) {
    if (Value mask = getMask(op)) {
      Value rest = parts.apply(mask);
      if (rest == mask)
        return;
      setMask(op, rest);
      // Else the branches differ in operands alone, and MLIR's canonicalizer
      // makes one block of them, with a mask that is selected.
      if (rest)
        op->setAttr("tt.versioned_by_graft", UnitAttr::get(op->getContext()));
    } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
      // Without it, a product and a sum would become one operation.
      if (!separatesProductFromSum(select) &&
          !parts.apply(select.getCondition()))
        select.getResult().replaceAllUsesWith(select.getTrueValue());
    }
  }

  Block &block;
  MaskReplacer parts;
};

} // namespace

void graft::simplifyMasks(Block &block, ArrayRef<Value> proven,
                          const IRMapping &mapping) {
  MaskSimplifier(block, proven, mapping).run();
}
