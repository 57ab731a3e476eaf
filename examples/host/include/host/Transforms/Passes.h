//===- Passes.h - the list of all passes ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_TRANSFORMS_PASSES_H
#define HOST_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace mlir::host {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "host/Transforms/Passes.h.inc"

} // namespace mlir::host

#endif // HOST_TRANSFORMS_PASSES_H
