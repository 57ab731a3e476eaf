//===- SelectIncrement.td ---------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_TRANSFORMS_SELECTINCREMENT_TD
#define HOST_TRANSFORMS_SELECTINCREMENT_TD

include "mlir/Pass/PassBase.td"

def HostSelectIncrement : Pass<"host-select-increment", "mlir::ModuleOp"> {
  let summary = "Use the instruction for one more";
  let description = [{
    `arith.addi %x, 1` becomes `host.increment %x`. Expects constants on the
    right, where the canonicalizer puts them.

    Place in the pipeline: in the last stage. No pass of Triton's knows
    operations of this dialect.
  }];
  let dependentDialects = ["mlir::host::HostDialect"];
}

#endif // HOST_TRANSFORMS_SELECTINCREMENT_TD
