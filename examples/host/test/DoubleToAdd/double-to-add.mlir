// RUN: host-opt %s -host-double-to-add | FileCheck %s

// Twice an integer is a sum, of scalars and of tensors.
// CHECK-LABEL: @doubles
// CHECK-NOT: arith.muli
// CHECK: arith.addi %arg0, %arg0 : i32
// CHECK: arith.addi %arg1, %arg1 : tensor<64xi8>
tt.func @doubles(%x: i32, %t: tensor<64xi8>) -> (i32, tensor<64xi8>) {
  %two = arith.constant 2 : i32
  %twos = arith.constant dense<2> : tensor<64xi8>
  %y = arith.muli %x, %two : i32
  %u = arith.muli %t, %twos : tensor<64xi8>
  tt.return %y, %u : i32, tensor<64xi8>
}

// Three times, twice in some elements only, and twice a floating-point number stay products.
// CHECK-LABEL: @products
// CHECK-NOT: arith.addi
// CHECK: arith.muli %arg0
// CHECK: arith.muli %arg1
// CHECK: arith.mulf %arg2
tt.func @products(%x: i32, %t: tensor<2xi32>, %f: f32) -> (i32, tensor<2xi32>, f32) {
  %three = arith.constant 3 : i32
  %mixed = arith.constant dense<[2, 3]> : tensor<2xi32>
  %two = arith.constant 2.0 : f32
  %y = arith.muli %x, %three : i32
  %u = arith.muli %t, %mixed : tensor<2xi32>
  %g = arith.mulf %f, %two : f32
  tt.return %y, %u, %g : i32, tensor<2xi32>, f32
}
