// RUN: not host-opt %s -host-lower-tensors 2>&1 | FileCheck %s

// CHECK: refused-product.mlir:[[#@LINE+2]]:8: error: tt.dot has no meaning on a processor: the result of a product is f16, f32, f64 or i32
tt.func @bf16(%a: tensor<4x4xbf16>, %c: tensor<4x4xbf16>) -> tensor<4x4xbf16> {
  %d = tt.dot %a, %a, %c : tensor<4x4xbf16> * tensor<4x4xbf16> -> tensor<4x4xbf16>
  tt.return %d : tensor<4x4xbf16>
}
