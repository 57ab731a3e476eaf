// RUN: not host-opt %s -host-lower-tensors 2>&1 | FileCheck %s

// CHECK: refused-pack.mlir:[[#@LINE+2]]:8: error: tt.map_elementwise has no meaning on a processor: it takes 4 elements at a time, and the last dimension has 2; pass a pack that divides it
tt.func @pack(%x: tensor<8x2xi32>) -> tensor<8x2xi32> {
  %y = "tt.map_elementwise"(%x) <{pack = 4 : i32}> ({
  ^bb0(%a: i32, %b: i32, %c: i32, %d: i32):
    tt.map_elementwise.return %a, %b, %c, %d : i32, i32, i32, i32
  }) : (tensor<8x2xi32>) -> tensor<8x2xi32>
  tt.return %y : tensor<8x2xi32>
}
