//===- ScalarizeInductions.td -----------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_TRANSFORMS_SCALARIZEINDUCTIONS_TD
#define HOST_TRANSFORMS_SCALARIZEINDUCTIONS_TD

include "mlir/Pass/PassBase.td"

def HostScalarizeInductions : Pass<"host-scalarize-inductions", "mlir::ModuleOp"> {
  let summary = "Let loops carry how far a tensor has moved, not the tensor";
  let description = [{
    A loop that carries a tensor of pointers or integers and adds the same to
    each element in each iteration carries the sum of what was added instead, a
    scalar. The tensor is what it was before the loop, and that much more.
    Addresses that follow one another are then seen to do so.

    Distances of pointers are summed in 64 bits, as they would be one by one.

    Place in the pipeline: before `host-lower-tensors`.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::scf::SCFDialect"];
}

#endif // HOST_TRANSFORMS_SCALARIZEINDUCTIONS_TD
