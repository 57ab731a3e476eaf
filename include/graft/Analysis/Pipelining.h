//===- Pipelining.h - which loops are pipelined? ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What Triton makes of a loop later, so that passes over TTIR are not in its
// way. It software-pipelines a loop that holds no other, if that was asked for
// by `tl.range(num_stages=...)` or the loop holds a dot product. Loads become
// asynchronous copies there, some iterations ahead of their use.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_PIPELINING_H
#define GRAFT_ANALYSIS_PIPELINING_H

#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::graft {

/// The least that one asynchronous copy can move, in bits (PTX ISA, cp.async).
inline constexpr int64_t minCopyBits = 32;

/// Whether *scope* is or holds a dot product.
bool holdsDot(Operation *scope);

/// Whether *loop* is to be software-pipelined, were it not for loops inside.
bool isPipelined(LoopLikeOpInterface loop);

/// Why the loop around *op*, which may be in a branch there, is to stay as it
/// is: it is to be pipelined, or it or a loop around it is to be warp-
/// specialized or flattened. Empty if nothing speaks against changing it.
StringRef getPipelining(Operation *op);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_PIPELINING_H
