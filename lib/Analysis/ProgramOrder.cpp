//===- ProgramOrder.cpp - could a program notice when it runs? ------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/ProgramOrder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/RegionGraphTraits.h"
#include "triton/Dialect/TritonGPU/IR/Dialect.h"
#include "llvm/ADT/SCCIterator.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;
namespace ttg = mlir::triton::gpu;

//===----------------------------------------------------------------------===//
// What is allowed
//===----------------------------------------------------------------------===//

static bool isIntegerArithmetic(Operation *op) {
  return isa<arith::AddIOp, arith::AddUIExtendedOp, arith::SubIOp,
             arith::MulIOp, arith::MulSIExtendedOp, arith::MulUIExtendedOp,
             tt::MulhiUIOp, arith::DivSIOp, arith::DivUIOp, arith::CeilDivSIOp,
             arith::CeilDivUIOp, arith::FloorDivSIOp, arith::RemSIOp,
             arith::RemUIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp,
             arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp, arith::MinSIOp,
             arith::MinUIOp, arith::MaxSIOp, arith::MaxUIOp, arith::CmpIOp,
             math::AbsIOp>(op);
}

static bool isFloatArithmetic(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             arith::RemFOp, arith::NegFOp, arith::MinimumFOp, arith::MinNumFOp,
             arith::MaximumFOp, arith::MaxNumFOp, arith::CmpFOp, tt::ClampFOp,
             tt::PreciseDivFOp, tt::PreciseSqrtOp, tt::ApproxDivFOp,
             math::AbsFOp, math::CeilOp, math::CosOp, math::ErfOp, math::Exp2Op,
             math::ExpOp, math::FloorOp, math::FmaOp, math::Log2Op, math::LogOp,
             math::RsqrtOp, math::SinOp, math::SqrtOp>(op);
}

/// Whether *op* gives what it is given another type.
static bool isConversion(Operation *op) {
  return isa<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::ExtFOp,
             arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp,
             arith::FPToUIOp, arith::BitcastOp, arith::IndexCastOp,
             arith::IndexCastUIOp, tt::BitcastOp, tt::FpToFpOp, tt::IntToPtrOp,
             tt::PtrToIntOp>(op);
}

/// Whether *op* makes or rearranges values by its operands and its regions.
static bool isTensorOp(Operation *op) {
  return isa<arith::ConstantOp, arith::SelectOp, ub::PoisonOp, tt::AddPtrOp,
             tt::BroadcastOp, tt::CatOp, tt::DotOp, tt::DotScaledOp,
             tt::ExpandDimsOp, tt::GatherOp, tt::HistogramOp, tt::JoinOp,
             tt::MakeRangeOp, tt::MakeTensorDescOp, tt::MapElementwiseOp,
             tt::MapElementwiseReturnOp, tt::ReduceOp, tt::ReduceReturnOp,
             tt::ReshapeOp, tt::ScanOp, tt::ScanReturnOp, tt::SplatOp,
             tt::SplitOp, tt::TransOp, tt::UnsplatOp>(op);
}

/// Whether *op* is structure, and none that repeats anything until something
/// happens. Of branches see findLoopOfBranches.
static bool isControlFlow(Operation *op) {
  return isa<scf::ForOp, scf::IfOp, scf::YieldOp, cf::BranchOp,
             cf::CondBranchOp, tt::FuncOp, tt::ReturnOp>(op);
}

/// Whether loads with *policy* may take what is in a cache.
static bool isCached(Attribute policy) {
  if (!policy)
    return true;
  auto known = dyn_cast<tt::CachePolicyAttr>(policy);
  if (!known)
    return false;
  switch (known.getCacheModifier()) {
  case tt::CacheModifier::NONE:
  case tt::CacheModifier::CA:
  case tt::CacheModifier::CG:
  case tt::CacheModifier::CS:
    return true;
  default: // `cv` reads anew what others may have written
    return false;
  }
}

/// Whether *op* reads or writes memory as one does where no other program does
/// anything with it. What a store tells others they have to wait for.
static bool isAccess(Operation *op) {
  if (auto load = dyn_cast<tt::LoadOp>(op))
    return !load.getIsVolatile() && isCached(load.getCachePolicyAttr());
  if (auto load = dyn_cast<tt::DescriptorLoadOp>(op))
    return isCached(load.getCachePolicyAttr());
  return isa<tt::StoreOp, tt::DescriptorStoreOp, tt::DescriptorGatherOp,
             tt::DescriptorScatterOp>(op);
}

/// Whether *op* calls a function of NVIDIA's libdevice: their names begin like
/// this, and all they know is their arguments.
static bool isLibraryFunction(Operation *op) {
  auto function = dyn_cast<tt::ExternElementwiseOp>(op);
  return function && function.getPure() &&
         function.getSymbol().starts_with("__nv_");
}

/// Whether *op* is about this program, or about other launches: one that waits
/// for all programs of an earlier launch, or lets a later one start when all
/// programs of this one have, treats those of this one alike.
static bool isAboutNoOtherProgram(Operation *op) {
  return isa<tt::GetProgramIdOp, ttg::BarrierOp, LLVM::AssumeOp,
             tt::GridDependencyWaitOp, tt::GridDependencyLaunchDependentsOp>(
      op);
}

static bool isAllowed(Operation *op) {
  return isIntegerArithmetic(op) || isFloatArithmetic(op) || isConversion(op) ||
         isTensorOp(op) || isControlFlow(op) || isAccess(op) ||
         isLibraryFunction(op) || isAboutNoOtherProgram(op);
}

//===----------------------------------------------------------------------===//
// Loops of branches
//===----------------------------------------------------------------------===//

/// A branch of *region* that belongs to a loop; null if there is none.
static Operation *findLoopOfBranches(Region &region) {
  // Most regions are one block, which has nowhere to branch to.
  if (region.empty() || region.hasOneBlock())
    return nullptr;
  for (auto part = llvm::scc_begin(&region); !part.isAtEnd(); ++part)
    if (part.hasCycle())
      return (*part).front()->getTerminator();
  return nullptr;
}

Operation *graft::findOrderObserver(tt::FuncOp function) {
  Operation *found = nullptr;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isAllowed(op))
      found = op;
    for (Region &region : op->getRegions())
      if (!found)
        found = findLoopOfBranches(region);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}
