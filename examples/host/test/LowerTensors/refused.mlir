// RUN: not host-opt %s -host-lower-tensors 2>&1 | FileCheck %s

// CHECK: refused.mlir:[[#@LINE+3]]:8: error: tt.elementwise_inline_asm has no meaning on a processor: its instructions are those of another chip; write it in Triton
// CHECK-NOT: llvm.func
tt.func @asm(%x: tensor<8xi32>) -> tensor<8xi32> {
  %y = tt.elementwise_inline_asm "shl.b32 $0, $0, 3;" {constraints = "=r,r", packed_element = 1 : i32, pure = true} %x : tensor<8xi32> -> tensor<8xi32>
  tt.return %y : tensor<8xi32>
}
