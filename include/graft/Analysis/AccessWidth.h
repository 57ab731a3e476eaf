//===- AccessWidth.h - how wide is a global access? -------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// How many elements one instruction of one thread moves to or from global
// memory, as Triton's lowering for NVIDIA GPUs decides it, and what keeps it
// from moving more. For TMA, whose instructions move a box of elements at once,
// the box.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_ACCESSWIDTH_H
#define GRAFT_ANALYSIS_ACCESSWIDTH_H

#include "mlir/IR/BuiltinOps.h"
#include "triton/Analysis/AxisInfo.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "triton/Dialect/TritonGPU/IR/Dialect.h"
#include <optional>

namespace mlir::graft {

/// A bound on the width of an access, in elements, and where it comes from.
struct WidthLimit {
  StringRef cause;
  int64_t elements;
};

/// An operation that reads or writes global memory.
struct GlobalAccess {
  StringRef kind;
  Type elementType;
  /// What one instruction moves, in elements.
  int64_t elements;
  /// What it could move if nothing limited it, in elements.
  int64_t most;
  /// The bounds below `most`, the tightest first.
  SmallVector<WidthLimit> limits;

  int64_t getBytes() const;
};

/// Describes the accesses of a module in TTGIR.
class AccessWidths {
public:
  /// *ptxVersion* is that of the PTX to be made, times ten.
  AccessWidths(ModuleOp module, int64_t ptxVersion);

  /// What *op* does; nothing if it does not access global memory.
  std::optional<GlobalAccess> describe(Operation *op);

private:
  GlobalAccess describe(triton::AtomicRMWOp op);
  GlobalAccess describe(triton::gpu::AsyncCopyGlobalToLocalOp op);

  /// An access to *pointers*, a pointer or a tensor of them, under *mask*,
  /// which may be null, with at most *maxBits* at once.
  GlobalAccess fromPointers(StringRef kind, Value pointers, Value mask,
                            int64_t maxBits);

  triton::ModuleAxisInfoAnalysis axisInfo;
  int64_t capability;
  int64_t ptxVersion;
};

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_ACCESSWIDTH_H
