//===- Passes.h - the list of all passes ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_PASSES_H
#define GRAFT_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace mlir::graft {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "graft/Transforms/Passes.h.inc"

} // namespace mlir::graft

#endif // GRAFT_TRANSFORMS_PASSES_H
