//===- Passes.h - the list of all passes ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_LOWERING_PASSES_H
#define HOST_LOWERING_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace mlir::host {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "host/Lowering/Passes.h.inc"

} // namespace mlir::host

#endif // HOST_LOWERING_PASSES_H
