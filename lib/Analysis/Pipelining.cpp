//===- Pipelining.cpp - which loops are pipelined? ------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Pipelining.h"

#include "triton/Dialect/Triton/IR/Dialect.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

static LoopLikeOpInterface getLoopAround(Operation *op) {
  return op->getParentOfType<LoopLikeOpInterface>();
}

/// Whether *loop* was asked to have several stages.
static bool hasStages(LoopLikeOpInterface loop) {
  auto stages = loop->getAttrOfType<IntegerAttr>("tt.num_stages");
  return stages && stages.getInt() > 1;
}

Pipelining::Pipelining(ModuleOp module) {
  module.walk([&](tt::DotOpInterface dot) {
    for (LoopLikeOpInterface loop = getLoopAround(dot);
         loop && productLoops.insert(loop).second; loop = getLoopAround(loop))
      ;
  });
}

bool Pipelining::isPipelined(LoopLikeOpInterface loop) const {
  return hasStages(loop) || holdsProduct(loop);
}

bool Pipelining::isNextToProduct(Operation *op) const {
  LoopLikeOpInterface loop = getLoopAround(op);
  return loop && holdsProduct(loop);
}

StringRef Pipelining::getObjection(Operation *op) const {
  LoopLikeOpInterface innermost = getLoopAround(op);
  if (!innermost)
    return "";
  for (LoopLikeOpInterface loop = innermost; loop; loop = getLoopAround(loop)) {
    if (loop->hasAttr("tt.warp_specialize"))
      return "the loop around it is to be warp-specialized";
    if (loop->hasAttr("tt.flatten"))
      return "the loop around it is to be flattened";
  }
  if (hasStages(innermost))
    return "the loop around it is to be software-pipelined";
  return holdsProduct(innermost) ? "the loop around it holds a dot product"
                                 : "";
}
