//===- DoubleToAdd.cpp - x * 2 is x + x -----------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/Analysis/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::host {
#define GEN_PASS_DEF_HOSTDOUBLETOADD
#include "host/Transforms/DoubleToAdd.h.inc"
} // namespace mlir::host

using namespace mlir;
using namespace mlir::host;

namespace {

/// A promise of the product not to overflow is not kept: the sum need not have
/// one.
struct DoubleToAdd : OpRewritePattern<arith::MulIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulIOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<APInt> factor = getConstantInt(op.getRhs());
    if (!factor || *factor != 2)
      return failure();
    rewriter.replaceOpWithNewOp<arith::AddIOp>(op, op.getLhs(), op.getLhs());
    return success();
  }
};

struct DoubleToAddPass : host::impl::HostDoubleToAddBase<DoubleToAddPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DoubleToAdd>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
