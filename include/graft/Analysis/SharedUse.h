//===- SharedUse.h - what is shared memory allocated for? -------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_SHAREDUSE_H
#define GRAFT_ANALYSIS_SHAREDUSE_H

#include "triton/Dialect/TritonGPU/IR/Dialect.h"

namespace mlir::graft {

/// What an allocation is for, and in how many stages it is filled: 1 unless it
/// holds one tensor for each stage of a software pipeline.
struct SharedUse {
  StringRef purpose;
  int64_t stages;
};

/// What *alloc*, an operation in TTGIR, is for, told by who uses it.
SharedUse getSharedUse(triton::gpu::LocalAllocOp alloc);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_SHAREDUSE_H
