//===- abi_probe.cpp - do these headers fit this libtriton.so? ------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Built and run by abi_check.py in a process of its own. It does with IR what
// our passes do: build, walk, analyse, rewrite, clone, erase, print. Headers of
// another LLVM crash or give another text.
//
//===----------------------------------------------------------------------===//

#include "mlir/Analysis/DataFlow/SparseAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "triton/Analysis/AxisInfo.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdio>

using namespace mlir;
namespace tt = mlir::triton;

//===----------------------------------------------------------------------===//
// Virtual tables: `Same<T>` adds no virtual function to T, so its table has the
// size that the headers give T's. abi_check.py compares it with libtriton's.
//===----------------------------------------------------------------------===//

namespace host_probe {
template <typename T> struct Same : T {
  using T::T;
  ~Same() override;
};
template <typename T> Same<T>::~Same() = default;

template struct Same<mlir::Pass>;
template struct Same<mlir::Dialect>;
template struct Same<mlir::RewritePattern>;
template struct Same<mlir::DataFlowAnalysis>;
template struct Same<mlir::triton::AxisInfoAnalysis>;
template struct Same<llvm::raw_string_ostream>;
template struct Same<llvm::cl::Option>;
} // namespace host_probe

//===----------------------------------------------------------------------===//
// The probe
//===----------------------------------------------------------------------===//

namespace {

/// x + x -> x * 2, to see patterns at work.
struct DoubleToMul : OpRewritePattern<arith::AddIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AddIOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getLhs() != op.getRhs())
      return failure();
    Value two = arith::ConstantOp::create(
        rewriter, op.getLoc(), rewriter.getIntegerAttr(op.getType(), 2));
    rewriter.replaceOpWithNewOp<arith::MulIOp>(op, op.getLhs(), two);
    return success();
  }
};

/// A pass with an option, run through a pass manager.
struct RewritePass : PassWrapper<RewritePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RewritePass)
  RewritePass() = default;
  RewritePass(const RewritePass &other) : PassWrapper(other) {}
  Option<int64_t> limit{*this, "limit", llvm::cl::init(7)};
  StringRef getArgument() const override { return "host-abi-probe"; }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DoubleToMul>(&getContext());
    if (limit != 7 ||
        failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

static constexpr const char *source = R"(
tt.func @probe(%p: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %n: i32) {
  %r = tt.make_range {start = 0 : i32, end = 256 : i32} : tensor<256xi32>
  %s = tt.splat %p : !tt.ptr<f16> -> tensor<256x!tt.ptr<f16>>
  %q = tt.addptr %s, %r : tensor<256x!tt.ptr<f16>>, tensor<256xi32>
  %m = arith.addi %n, %n : i32
  %t = tt.splat %m : i32 -> tensor<256xi32>
  %c = arith.cmpi slt, %r, %t : tensor<256xi32>
  %v = tt.load %q, %c : tensor<256x!tt.ptr<f16>>
  tt.store %q, %v, %c : tensor<256x!tt.ptr<f16>>
  tt.return
}
)";

/// Fails the probe at *step*.
static int fail(const char *step) {
  std::fprintf(stderr, "abi probe: %s\n", step);
  return 1;
}

extern "C" __attribute__((visibility("default"))) int host_abi_probe() {
  MLIRContext context;
  context
      .loadDialect<tt::TritonDialect, arith::ArithDialect, scf::SCFDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  if (!module)
    return fail("the module does not parse");

  tt::ModuleAxisInfoAnalysis axisInfo(*module);
  int64_t contiguity = 0, divisibility = 0;
  module->walk([&](tt::LoadOp load) {
    tt::AxisInfo *info = axisInfo.getAxisInfo(load.getPtr());
    contiguity = info ? info->getContiguity(0) : 0;
    divisibility = info ? info->getDivisibility(0) : 0;
  });
  if (contiguity != 256 || divisibility != 16)
    return fail("the data-flow analysis gives another result");

  PassManager manager(&context);
  manager.addPass(std::make_unique<RewritePass>());
  if (failed(manager.run(*module)))
    return fail("the pass fails");

  tt::LoadOp load;
  module->walk([&](tt::LoadOp op) { load = op; });
  OpBuilder builder(load);
  Value flag = arith::ConstantOp::create(builder, load.getLoc(),
                                         builder.getBoolAttr(true));
  auto branch = scf::IfOp::create(builder, load.getLoc(), load.getType(), flag,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (Block *block : {branch.thenBlock(), branch.elseBlock()}) {
    OpBuilder inner = OpBuilder::atBlockEnd(block);
    auto copy = cast<tt::LoadOp>(inner.clone(*load));
    if (block == branch.thenBlock())
      copy.getMaskMutable().clear();
    scf::YieldOp::create(inner, load.getLoc(), copy.getResult());
  }
  load.getResult().replaceAllUsesWith(branch.getResult(0));
  load.erase();
  if (failed(verify(*module)))
    return fail("the rewritten module does not verify");

  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  for (const char *expected :
       {"arith.muli %arg1, %c2_i32", "scf.if %true -> (tensor<256xf16>)",
        "tt.load %2 : tensor<256x!tt.ptr<f16>>", "tt.store %2, %6, %5"})
    if (text.find(expected) == std::string::npos) {
      std::fprintf(stderr, "%s\n", text.c_str());
      return fail("the printed module is another one");
    }
  return 0;
}
