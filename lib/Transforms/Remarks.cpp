//===- Remarks.cpp - say what a kernel does to memory ---------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Emits a remark for every operation in TTGIR that decides how fast a kernel
// reaches its data, and changes nothing:
//
//   accesses     how much one instruction moves to or from global memory, and
//                what keeps it from moving more
//   conversions  how a tensor gets from one layout to another
//   shared       what takes shared memory, how much of it and what for
//
// A text ends in `; in <n> loops` where the operation stands in some. Those who
// change a text change backend/tools/remarks.py, which reads all of them.
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/AccessWidth.h"
#include "graft/Analysis/SharedUse.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "triton/Analysis/Allocation.h"
#include "triton/Dialect/TritonGPU/Transforms/Utility.h"

namespace mlir::graft {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_GRAFTREMARKS
#include "graft/Transforms/Remarks.h.inc"
} // namespace mlir::graft

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;
namespace ttg = mlir::triton::gpu;

/// The number of loops around *op*.
static unsigned getLoopDepth(Operation *op) {
  unsigned depth = 0;
  while ((op = op->getParentOp()))
    depth += isa<scf::ForOp, scf::WhileOp>(op);
  return depth;
}

/// *count* of *thing*, in words.
static std::string counted(int64_t count, StringRef thing) {
  return (Twine(count) + " " + thing + (count == 1 ? "" : "s")).str();
}

/// Emits *text* about *op*.
static void say(Operation *op, const Twine &text) {
  unsigned depth = getLoopDepth(op);
  op->emitRemark("graft-remarks: ")
      << text << (depth ? "; in " + counted(depth, "loop") : "");
}

static std::string toText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// *type*, a tensor, as `128x64xf16`: without its layout.
static std::string toShapeText(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (int64_t size : type.getShape())
    stream << size << "x";
  stream << type.getElementType();
  return text;
}

static void reportAccess(Operation *op, const GlobalAccess &access) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << access.kind << " of " << toText(access.elementType) << ": "
         << counted(access.elements, "element") << " ("
         << counted(access.getBytes(), "byte") << ") at once";
  if (access.elements < access.most)
    stream << ", " << access.most << " possible; limited by ";
  llvm::interleaveComma(access.limits, stream, [&](const WidthLimit &limit) {
    stream << limit.cause << " (" << limit.elements << ")";
  });
  say(op, text);
}

/// How much shared memory a conversion takes is up to the target's lowering.
static void reportConversion(ttg::ConvertLayoutOp op) {
  StringRef way = cvtNeedsSharedMemory(op)  ? "through shared memory"
                  : cvtNeedsWarpShuffle(op) ? "within warps"
                                            : "within threads";
  say(op, "layout conversion of " + toShapeText(op.getSrc().getType()) + ": " +
              way);
}

static void reportShared(Operation *op, int64_t bytes, const SharedUse &use) {
  std::string text =
      counted(bytes, "byte") + " of shared memory for " + use.purpose.str();
  if (use.stages > 1)
    text += " in " + counted(use.stages, "stage");
  say(op, text);
}

namespace {

/// How much shared memory operations take.
class SharedMemory {
public:
  explicit SharedMemory(ModuleOp module) : allocations(module) {}

  /// The bytes of what *alloc* allocates.
  int64_t of(ttg::LocalAllocOp alloc) {
    int64_t bytes = 0;
    if (Allocation *allocation = get(alloc))
      for (Allocation::BufferId id :
           allocation->getBufferIds(alloc.getResult()))
        bytes += allocation->getAllocatedSize(id);
    return bytes;
  }

  /// The bytes that *op* takes while it runs.
  int64_t scratchOf(Operation *op) {
    Allocation *allocation = get(op);
    Allocation::BufferId id =
        allocation ? allocation->getBufferId(op) : Allocation::InvalidBufferId;
    return id == Allocation::InvalidBufferId ? 0
                                             : allocation->getAllocatedSize(id);
  }

private:
  Allocation *get(Operation *op) {
    return allocations.getFuncData(op->getParentOfType<FunctionOpInterface>());
  }

  ModuleAllocation allocations;
};

struct Remarks : graft::impl::GraftRemarksBase<Remarks> {
  using GraftRemarksBase::GraftRemarksBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    ModuleOp module = getOperation();
    if (!module->hasAttr(ttg::AttrTargetName)) {
      module.emitError("graft-remarks: the module has no ")
          << ttg::AttrTargetName << "; run it at the end of the TTGIR stage";
      return signalPassFailure();
    }
    AccessWidths widths(module, ptxVersion);
    SharedMemory shared(module);
    module.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (std::optional<GlobalAccess> access = widths.describe(op))
        reportAccess(op, *access);
      if (auto alloc = dyn_cast<ttg::LocalAllocOp>(op))
        reportShared(op, shared.of(alloc), getSharedUse(alloc));
      else if (auto conversion = dyn_cast<ttg::ConvertLayoutOp>(op))
        reportConversion(conversion);
      else if (int64_t bytes = shared.scratchOf(op))
        reportShared(op, bytes, {op->getName().getStringRef(), 1});
    });
  }
};

} // namespace
