//===- LowerTensors.td ------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_TRANSFORMS_LOWERTENSORS_TD
#define HOST_TRANSFORMS_LOWERTENSORS_TD

include "mlir/Pass/PassBase.td"

def HostLowerTensors : Pass<"host-lower-tensors", "mlir::ModuleOp"> {
  let summary = "Turn tensors into loops over scalars and buffers";
  let description = [{
    Turns each `tt.func` into an `llvm.func` without tensors. A tensor that
    several operations read at some cost, or that memory decides, becomes a
    buffer on the stack; any other is an expression, which is evaluated in the
    loop that consumes it. Operations that have no meaning on a processor, and
    those that this pass does not know, are errors.

    Leaves on the module `host.scratch`, the bytes of stack that the kernel
    takes at most for its buffers.

    Place in the pipeline: the stage `tthir`.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect",
    "mlir::LLVM::LLVMDialect", "mlir::scf::SCFDialect"
  ];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256",
           "Bits of a vector register, for products and libmvec; 0: none">,
    Option<"vectorMath", "vector-math", "bool", "false",
           "Whether glibc's libmvec is there at run time">,
    Option<"checkBounds", "check-bounds", "bool", "false",
           "Check each access against the buffers of the launch">,
    Option<"checkRaces", "check-races", "bool", "false",
           "Report each access, to find two programs that meet in one place">
  ];
}

#endif // HOST_TRANSFORMS_LOWERTENSORS_TD
