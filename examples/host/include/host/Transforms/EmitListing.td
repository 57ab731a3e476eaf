//===- EmitListing.td -------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_TRANSFORMS_EMITLISTING_TD
#define HOST_TRANSFORMS_EMITLISTING_TD

include "mlir/Pass/PassBase.td"

def HostEmitListing : Pass<"host-emit-listing", "mlir::ModuleOp"> {
  let summary = "Write the listing of the module";
  let description = [{
    Writes each function as a kernel and each operation as an instruction, with
    its attributes and the type of its result, into the attribute `host.listing`
    of the module. An operation without an instruction is an error.

    Place in the pipeline: last. backend/compiler.py takes the text.
  }];
  let dependentDialects = ["mlir::host::HostDialect"];
}

#endif // HOST_TRANSFORMS_EMITLISTING_TD
