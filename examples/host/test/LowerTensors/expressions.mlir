// RUN: host-opt %s -host-lower-tensors | FileCheck %s

// CHECK: llvm.mlir.global internal constant @host_data

// A root that two loops read is computed once.
// CHECK-LABEL: llvm.func @twice
// CHECK-COUNT-1: arith.divf
// CHECK-NOT: arith.divf
tt.func public @twice(%p: !tt.ptr<f32>, %a: f32) {
  %range = tt.make_range {start = 0 : i32, end = 8 : i32} : tensor<8xi32>
  %first = tt.splat %p : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>
  %q = tt.addptr %first, %range : tensor<8x!tt.ptr<f32>>, tensor<8xi32>
  %x = tt.load %q : tensor<8x!tt.ptr<f32>>
  %d = tt.splat %a : f32 -> tensor<8xf32>
  %y = arith.divf %x, %d : tensor<8xf32>
  tt.store %q, %y : tensor<8x!tt.ptr<f32>>
  tt.store %q, %y : tensor<8x!tt.ptr<f32>>
  tt.return
}

// Shapes move positions, not elements.
// CHECK-LABEL: llvm.func internal @turned
// CHECK: scf.for %[[I:.*]] =
// CHECK: scf.for %[[J:.*]] =
// CHECK: arith.muli %[[J]], %c4_i64
// CHECK: arith.addi %{{.*}}, %[[I]]
tt.func @turned(%x: tensor<8x4xi32>) -> tensor<4x8xi32> {
  %y = tt.trans %x {order = array<i32: 1, 0>} : tensor<8x4xi32> -> tensor<4x8xi32>
  tt.return %y : tensor<4x8xi32>
}

// A constant with several values lies in the module.
// CHECK-LABEL: llvm.func internal @table
// CHECK: llvm.mlir.addressof @host_data
tt.func @table() -> tensor<4xi32> {
  %t = arith.constant dense<[4, 2, 7, 1]> : tensor<4xi32>
  tt.return %t : tensor<4xi32>
}
