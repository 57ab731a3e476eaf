//===- SelectIncrement.cpp - x + 1 is one instruction ---------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/Analysis/Scalar.h"
#include "host/IR/Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::host {
#define GEN_PASS_DEF_HOSTSELECTINCREMENT
#include "host/Transforms/SelectIncrement.h.inc"
} // namespace mlir::host

using namespace mlir;
using namespace mlir::host;

namespace {

struct SelectIncrement : OpRewritePattern<arith::AddIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AddIOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<APInt> added = getConstantInt(op.getRhs());
    if (!added || *added != 1)
      return failure();
    rewriter.replaceOpWithNewOp<IncrementOp>(op, op.getLhs());
    return success();
  }
};

struct SelectIncrementPass
    : host::impl::HostSelectIncrementBase<SelectIncrementPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SelectIncrement>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
