//===- Accesses.cpp - masked accesses and their widths --------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Accesses.h"

#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// The widest global access of the targets, in bits (PTX ISA, ld.global.v4).
static constexpr int64_t maxAccessBits = 128;

Value graft::getPointers(Operation *op) {
  return TypeSwitch<Operation *, Value>(op)
      .Case<tt::LoadOp, tt::StoreOp, tt::AtomicRMWOp>(
          [](auto access) { return access.getPtr(); })
      .Default(Value());
}

Value graft::getMask(Operation *op) {
  return TypeSwitch<Operation *, Value>(op)
      .Case<tt::LoadOp, tt::StoreOp, tt::AtomicRMWOp>(
          [](auto access) { return access.getMask(); })
      .Default(Value());
}

Value graft::getTensorMask(Operation *op) {
  Value mask = getMask(op);
  return mask && isa<RankedTensorType>(mask.getType()) ? mask : Value();
}

void graft::setMask(Operation *op, Value mask) {
  auto set = [&](MutableOperandRange operand) {
    mask ? operand.assign(mask) : operand.clear();
  };
  if (auto load = dyn_cast<tt::LoadOp>(op)) {
    if (!mask)
      load.getOtherMutable().clear();
    set(load.getMaskMutable());
  } else if (auto store = dyn_cast<tt::StoreOp>(op)) {
    set(store.getMaskMutable());
  } else {
    set(cast<tt::AtomicRMWOp>(op).getMaskMutable());
  }
}

/// The largest power of two that divides *number*. Hints of a kernel may claim
/// any number of neighbours, and a vector of another width would begin in one
/// run of them and end in the next.
static int64_t getPowerOfTwo(int64_t number) {
  return number > 0 ? int64_t(1) << llvm::countr_zero(uint64_t(number)) : 1;
}

unsigned graft::getFastestDim(const tt::AxisInfo &pointers) {
  ArrayRef<int64_t> contiguity = pointers.getContiguity();
  return llvm::max_element(contiguity) - contiguity.begin();
}

int64_t graft::getPointerWidth(Value pointers, int64_t threads,
                               tt::ModuleAxisInfoAnalysis &axisInfo) {
  auto type = cast<RankedTensorType>(pointers.getType());
  tt::AxisInfo *info = axisInfo.getAxisInfo(pointers);
  if (!info || info->getRank() != type.getRank())
    return 1;
  unsigned dim = getFastestDim(*info);
  int64_t bits = std::max(8u, tt::getPointeeBitWidth(type));
  int64_t aligned = getPowerOfTwo(info->getDivisibility(dim)) * 8 / bits;
  return std::max<int64_t>(
      1, std::min({maxAccessBits / bits, aligned,
                   getPowerOfTwo(info->getContiguity(dim)),
                   getPowerOfTwo(type.getNumElements()) / threads}));
}

int64_t graft::getConstancy(Value value, unsigned dim,
                            tt::ModuleAxisInfoAnalysis &axisInfo) {
  tt::AxisInfo *info = axisInfo.getAxisInfo(value);
  return info && int(dim) < info->getRank()
             ? getPowerOfTwo(info->getConstancy(dim))
             : 1;
}

int64_t graft::getConstancy(const MaskPart &part, unsigned dim,
                            tt::ModuleAxisInfoAnalysis &axisInfo) {
  if (!part.dims[dim])
    return std::numeric_limits<int64_t>::max();
  return getConstancy(part.value, *part.dims[dim], axisInfo);
}

TileCondition Access::getCondition() const {
  TileCondition condition;
  for (const MaskPart *part : parts)
    condition.append(*part->condition);
  if (alignment)
    condition.alignments.push_back(*alignment);
  return condition;
}

/// When *pointers*, one-dimensional, are neighbours that begin at a multiple of
/// the width that they would have if they did, in a CTA of *threads*. Nothing
/// if they have it already, or for elements of another size than two bytes:
/// smaller ones cost more than a hundredth where pointers are not aligned, and
/// larger ones gain nothing (Passes.td).
static std::optional<Alignment>
getAlignment(Value pointers, int64_t threads,
             tt::ModuleAxisInfoAnalysis &axisInfo) {
  auto type = cast<RankedTensorType>(pointers.getType());
  auto sum = pointers.getDefiningOp<tt::AddPtrOp>();
  tt::AxisInfo *info = axisInfo.getAxisInfo(pointers);
  if (!sum || !info || type.getRank() != 1 ||
      tt::getPointeeBitWidth(type) != 16 ||
      info->getContiguity(0) != type.getNumElements())
    return std::nullopt;
  auto base = sum.getPtr().getDefiningOp<tt::SplatOp>();
  std::optional<Run> run = getRun(sum.getOffset());
  int64_t width = std::min(maxAccessBits / 16, type.getNumElements() / threads);
  if (!base || !run || width <= getPointerWidth(pointers, threads, axisInfo))
    return std::nullopt;
  return Alignment{base.getSrc(), std::move(*run), 2, 2 * width};
}

std::optional<Access> graft::getGain(Operation *op, ArrayRef<MaskPart> parts,
                                     int64_t threads, bool mayAlign,
                                     tt::ModuleAxisInfoAnalysis &axisInfo,
                                     std::string &why) {
  why = "the access is no wider without it";
  tt::AxisInfo *pointers = axisInfo.getAxisInfo(getPointers(op));
  if (!pointers || !isa<tt::LoadOp, tt::StoreOp>(op))
    return std::nullopt;
  unsigned dim = getFastestDim(*pointers);
  int64_t pointerWidth = getPointerWidth(getPointers(op), threads, axisInfo);
  int64_t before =
      std::min(pointerWidth, getConstancy(getMask(op), dim, axisInfo));
  Access access{op, {}, std::nullopt, 1};
  if (mayAlign)
    access.alignment = getAlignment(getPointers(op), threads, axisInfo);
  if (access.alignment)
    pointerWidth = access.alignment->bytes / access.alignment->elementBytes;
  int64_t after = pointerWidth;
  for (const MaskPart &part : parts) {
    int64_t constancy = getConstancy(part, dim, axisInfo);
    bool isUniform = llvm::none_of(part.dims, [](auto d) { return bool(d); });
    if (part.condition && (constancy < pointerWidth || isUniform)) {
      access.parts.push_back(&part);
    } else if (constancy < after) {
      after = constancy;
      if (after <= before)
        why = part.why;
    }
  }
  if (after <= before)
    return std::nullopt;
  access.widening = after / before;
  return access;
}
