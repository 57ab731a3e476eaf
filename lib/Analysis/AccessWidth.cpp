//===- AccessWidth.cpp - how wide is a global access? ---------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Follows the patterns of third_party/nvidia/lib/TritonNVIDIAGPUToLLVM/
// LoadStoreOpToLLVM.cpp in Triton 3.9, one function here for a family there.
// test/unit/passes/test_access_widths.py compares what this says with the
// PTX.
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/AccessWidth.h"
#include "triton/Dialect/TritonGPU/Transforms/Utility.h"
#include "triton/Dialect/TritonNvidiaGPU/IR/Dialect.h"
#include "triton/Dialect/TritonNvidiaGPU/Transforms/TMAUtilities.h"
#include "triton/Tools/LayoutUtils.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;
namespace ttg = mlir::triton::gpu;
namespace ttng = mlir::triton::nvidia_gpu;

/// What the hardware moves at once for one thread, in bits (PTX ISA, ld.v4).
static constexpr int64_t accessBits = 128;
/// The same for plain loads and stores from Blackwell on (PTX ISA, ld.v8). No
/// layout is chosen for it, so it is not what other accesses fall short of.
static constexpr int64_t wideAccessBits = 256;

/// The rows that one instruction gathers or scatters (PTX ISA, tile::gather4).
static constexpr int64_t gatheredRows = 4;

/// In memory a boolean is a byte.
static int64_t getBits(Type type) {
  if (isa<tt::PointerType>(type))
    return 64;
  return std::max(8u, type.getIntOrFloatBitWidth());
}

int64_t GlobalAccess::getBytes() const {
  return elements * getBits(elementType) / 8;
}

/// Takes *elements* for a bound of *access*.
static void limit(GlobalAccess &access, StringRef cause, int64_t elements) {
  access.elements = std::min(access.elements, elements);
  access.limits.push_back({cause, elements});
}

/// *access* with the bounds that tell why it is not wider.
static GlobalAccess finish(GlobalAccess access) {
  access.most = std::max(access.most, access.elements);
  llvm::erase_if(access.limits, [&](const WidthLimit &limit) {
    return limit.elements >= access.most;
  });
  llvm::stable_sort(access.limits, [](const auto &a, const auto &b) {
    return a.elements < b.elements;
  });
  return access;
}

/// An access to a single element.
static GlobalAccess scalar(StringRef kind, Type elementType) {
  return {kind, elementType, 1, 1, {}};
}

AccessWidths::AccessWidths(ModuleOp module, int64_t ptxVersion)
    : axisInfo(module), capability(getNVIDIAComputeCapability(module)),
      ptxVersion(ptxVersion) {}

//===----------------------------------------------------------------------===//
// Through pointers
//===----------------------------------------------------------------------===//

GlobalAccess AccessWidths::fromPointers(StringRef kind, Value pointers,
                                        Value mask, int64_t maxBits) {
  Type elementType =
      cast<tt::PointerType>(getElementTypeOrSelf(pointers)).getPointeeType();
  auto type = dyn_cast<RankedTensorType>(pointers.getType());
  if (!type)
    return scalar(kind, elementType);
  int64_t bits = getBits(elementType);
  GlobalAccess access{kind, elementType, maxBits / bits, accessBits / bits, {}};
  // The fastest dimension of the layout is the one that vectors run along.
  ttg::LinearEncodingAttr layout = ttg::toLinearEncoding(type);
  unsigned dim = layout.getOrder()[0];
  tt::AxisInfo *info = axisInfo.getAxisInfo(pointers);
  int64_t contiguity = info ? info->getContiguity(dim) : 1;
  int64_t aligned = axisInfo.getAlignment(pointers);
  int64_t perThread = layout.getContigPerThread()[dim];
  if (mask)
    limit(access, "mask alignment", axisInfo.getMaskAlignment(mask));
  limit(access, "contiguity", contiguity);
  // Neither says anything new where it is no tighter than what it follows
  // from: alignment is that of a run of contiguous elements, and the layout is
  // chosen to fit the pointers.
  if (aligned < contiguity)
    limit(access, "pointer alignment", aligned);
  if (perThread < std::min(aligned, contiguity))
    limit(access, "elements per thread", perThread);
  return access;
}

GlobalAccess AccessWidths::describe(tt::AtomicRMWOp op) {
  GlobalAccess access =
      fromPointers("atomic", op.getPtr(), op.getMask(), accessBits);
  if (!isa<RankedTensorType>(op.getPtr().getType()))
    return access;
  Type type = access.elementType;
  bool isVector = capability >= 90 && ptxVersion >= 81 &&
                  op.getAtomicRmwOp() == tt::RMWOp::FADD &&
                  (type.isF16() || type.isBF16() || type.isF32());
  if (!isVector)
    limit(access, "operation", type.isF16() ? 2 : 1);
  return access;
}

GlobalAccess AccessWidths::describe(ttg::AsyncCopyGlobalToLocalOp op) {
  GlobalAccess access =
      fromPointers("async copy", op.getSrc(), op.getMask(), accessBits);
  // The operation may know more than the analysis does.
  if (int64_t hint = op.getContiguity(); hint > access.elements) {
    access.elements = access.most;
    access.limits.clear();
    limit(access, "contiguity hint", hint);
  }
  MLIRContext *context = op.getContext();
  tt::LinearLayout source =
      ttg::toLinearLayout(op.getSrc().getType())
          .removeZeroBasesAlongDim(StringAttr::get(context, "register"));
  tt::LinearLayout toShared =
      source.invertAndCompose(ttg::toLinearLayout(op.getResult().getType()));
  auto [elements, permutation] =
      tt::largestVectorisation(context, toShared, getBits(access.elementType),
                               static_cast<int>(access.elements));
  if (elements < access.elements)
    limit(access, "shared memory layout", elements);
  return access;
}

//===----------------------------------------------------------------------===//
// Through descriptors
//===----------------------------------------------------------------------===//

/// A copy between global memory and the shared memory of type *shared*.
static GlobalAccess fromBox(StringRef kind, ttg::MemDescType shared,
                            ttg::TMAMode mode) {
  int64_t elements = llvm::product_of(
      ttng::getTMABlockShape(shared, /*packedSize=*/true, mode));
  return {kind, shared.getElementType(), elements, elements, {}};
}

/// The same for a gather or scatter of rows.
static GlobalAccess fromRows(StringRef kind, ttg::MemDescType shared) {
  int64_t columns =
      ttng::getTMABlockShape(shared, /*packedSize=*/true, ttg::TMAMode::Tiled)
          .back();
  int64_t elements = gatheredRows * columns;
  return {kind, shared.getElementType(), elements, elements, {}};
}

/// What *op* does, if it is a TMA operation.
static std::optional<GlobalAccess> describeTMA(Operation *op) {
  using Result = std::optional<GlobalAccess>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([](ttng::AsyncTMACopyGlobalToLocalOp copy) -> Result {
        bool isTiled =
            !isa<ttng::TensorDescIm2ColType>(copy.getDesc().getType());
        return fromBox("TMA load", copy.getResult().getType(),
                       isTiled ? ttg::TMAMode::Tiled : ttg::TMAMode::Im2Col);
      })
      .Case([](ttng::AsyncTMACopyLocalToGlobalOp copy) -> Result {
        return fromBox("TMA store", copy.getSrc().getType(),
                       ttg::TMAMode::Tiled);
      })
      .Case([](ttng::AsyncTMAReduceOp reduce) -> Result {
        return fromBox("TMA reduction", reduce.getSrc().getType(),
                       ttg::TMAMode::Tiled);
      })
      .Case([](ttng::AsyncTMAGatherOp gather) -> Result {
        return fromRows("TMA gather", gather.getResult().getType());
      })
      .Case([](ttng::AsyncTMAScatterOp scatter) -> Result {
        return fromRows("TMA scatter", scatter.getSrc().getType());
      })
      .Default(Result());
}

std::optional<GlobalAccess> AccessWidths::describe(Operation *op) {
  int64_t maxBits =
      capability >= 100 && ptxVersion >= 88 ? wideAccessBits : accessBits;
  if (auto load = dyn_cast<tt::LoadOp>(op))
    return finish(fromPointers("load", load.getPtr(), load.getMask(), maxBits));
  if (auto store = dyn_cast<tt::StoreOp>(op))
    return finish(
        fromPointers("store", store.getPtr(), store.getMask(), maxBits));
  if (auto atomic = dyn_cast<tt::AtomicRMWOp>(op))
    return finish(describe(atomic));
  if (isa<tt::AtomicCASOp, tt::AtomicLoadOp, tt::AtomicStoreOp,
          tt::AtomicPollOp>(op))
    return scalar("atomic",
                  cast<tt::PointerType>(getElementTypeOrSelf(op->getOperand(0)))
                      .getPointeeType());
  if (auto copy = dyn_cast<ttg::AsyncCopyGlobalToLocalOp>(op))
    return finish(describe(copy));
  return describeTMA(op);
}
