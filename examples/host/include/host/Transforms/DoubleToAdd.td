//===- DoubleToAdd.td -------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_TRANSFORMS_DOUBLETOADD_TD
#define HOST_TRANSFORMS_DOUBLETOADD_TD

include "mlir/Pass/PassBase.td"

def HostDoubleToAdd : Pass<"host-double-to-add", "mlir::ModuleOp"> {
  let summary = "Add an integer to itself instead of multiplying it by two";
  let description = [{
    `arith.muli %x, 2` becomes `arith.addi %x, %x`, on integers and on tensors of
    them, in any width: both are the same modulo 2^width. Expects constants on
    the right, where the canonicalizer puts them.

    Place in the pipeline: in the stage `ttir`, after the canonicalizer.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

#endif // HOST_TRANSFORMS_DOUBLETOADD_TD
