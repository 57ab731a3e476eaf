// RUN: host-opt %s -host-select-increment | FileCheck %s

// One more has an instruction, which is an operation of our dialect.
// CHECK-LABEL: @more
// CHECK-NOT: arith.addi
// CHECK: host.increment %arg0 : i32
// CHECK: host.increment %arg1 : tensor<64xi32>
tt.func @more(%x: i32, %t: tensor<64xi32>) -> (i32, tensor<64xi32>) {
  %one = arith.constant 1 : i32
  %ones = arith.constant dense<1> : tensor<64xi32>
  %y = arith.addi %x, %one : i32
  %u = arith.addi %t, %ones : tensor<64xi32>
  tt.return %y, %u : i32, tensor<64xi32>
}

// Two more has none.
// CHECK-LABEL: @two_more
// CHECK-NOT: host.increment
// CHECK: arith.addi %arg0
tt.func @two_more(%x: i32) -> i32 {
  %two = arith.constant 2 : i32
  %y = arith.addi %x, %two : i32
  tt.return %y : i32
}
