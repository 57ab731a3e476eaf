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

bool graft::holdsDot(Operation *scope) {
  return scope->walk([](tt::DotOpInterface) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// Whether *loop* was asked to have several stages.
static bool hasStages(LoopLikeOpInterface loop) {
  auto stages = loop->getAttrOfType<IntegerAttr>("tt.num_stages");
  return stages && stages.getInt() > 1;
}

bool graft::isPipelined(LoopLikeOpInterface loop) {
  return hasStages(loop) || holdsDot(loop);
}

StringRef graft::getPipelining(Operation *op) {
  auto innermost = op->getParentOfType<LoopLikeOpInterface>();
  if (!innermost)
    return "";
  for (LoopLikeOpInterface loop = innermost; loop;
       loop = loop->getParentOfType<LoopLikeOpInterface>()) {
    if (loop->hasAttr("tt.warp_specialize"))
      return "the loop around it is to be warp-specialized";
    if (loop->hasAttr("tt.flatten"))
      return "the loop around it is to be flattened";
  }
  if (hasStages(innermost))
    return "the loop around it is to be software-pipelined";
  if (holdsDot(innermost))
    return "the loop around it holds a dot product";
  return "";
}
