//===- SharedUse.cpp - what is shared memory allocated for? ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/SharedUse.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "triton/Dialect/TritonNvidiaGPU/IR/Dialect.h"

using namespace mlir;
using namespace mlir::graft;
namespace ttg = mlir::triton::gpu;
namespace ttng = mlir::triton::nvidia_gpu;

namespace {

/// Everything that is done with an allocation.
struct Uses {
  bool isBarrier = false;
  bool isFactor = false;
  bool isCopiedTo = false;
  bool isCopiedFrom = false;
  bool isIndexed = false;
};

} // namespace

/// Appends what stands for the same memory behind *use* to *views*.
static void followViews(OpOperand &use, SmallVectorImpl<Value> &views) {
  Operation *user = use.getOwner();
  if (isa<ttg::MemDescIndexOp, ttg::MemDescSubsliceOp, ttg::MemDescTransOp,
          ttg::MemDescReshapeOp, ttg::MemDescReinterpretOp>(user)) {
    views.push_back(user->getResult(0));
  } else if (auto loop = dyn_cast<scf::ForOp>(user)) {
    if (BlockArgument argument = loop.getTiedLoopRegionIterArg(&use))
      views.push_back(argument);
  } else if (isa<ttg::WarpSpecializePartitionsOp>(user)) {
    for (Region &partition : user->getRegions())
      views.push_back(partition.getArgument(use.getOperandNumber()));
  }
}

/// Notes in *uses* what *use* does with the memory.
static void noteUse(OpOperand &use, Uses &uses) {
  Operation *user = use.getOwner();
  Value memory = use.get();
  uses.isIndexed |= isa<ttg::MemDescIndexOp>(user);
  uses.isBarrier |= isa<ttng::InitBarrierOp>(user);
  uses.isCopiedFrom |=
      isa<ttng::AsyncTMACopyLocalToGlobalOp, ttng::AsyncTMAReduceOp,
          ttng::AsyncTMAScatterOp>(user);
  uses.isFactor |=
      isa<ttng::WarpGroupDotOp, ttng::TCGen5MMAOp, ttng::TCGen5MMAScaledOp>(
          user);
  if (auto load = dyn_cast<ttg::LocalLoadOp>(user))
    uses.isFactor |=
        isa<ttg::DotOperandEncodingAttr>(load.getType().getEncoding());
  if (auto copy = dyn_cast<ttg::AsyncCopyGlobalToLocalOp>(user))
    uses.isCopiedTo |= copy.getResult() == memory;
  if (auto copy = dyn_cast<ttng::AsyncTMACopyGlobalToLocalOp>(user))
    uses.isCopiedTo |= copy.getResult() == memory;
  if (auto gather = dyn_cast<ttng::AsyncTMAGatherOp>(user))
    uses.isCopiedTo |= gather.getResult() == memory;
}

SharedUse graft::getSharedUse(ttg::LocalAllocOp alloc) {
  Uses uses;
  SmallVector<Value> views{alloc.getResult()};
  llvm::SmallDenseSet<Value> seen;
  while (!views.empty()) {
    Value view = views.pop_back_val();
    if (!seen.insert(view).second)
      continue;
    for (OpOperand &use : view.getUses()) {
      noteUse(use, uses);
      followViews(use, views);
    }
  }
  int64_t stages =
      uses.isCopiedTo && uses.isIndexed ? alloc.getType().getShape()[0] : 1;
  if (uses.isBarrier)
    return {"barriers", 1};
  if (uses.isFactor)
    return {"an operand of a dot product", stages};
  if (uses.isCopiedTo)
    return {"a load", stages};
  if (uses.isCopiedFrom)
    return {"a store", 1};
  return {"an exchange between threads", 1};
}
