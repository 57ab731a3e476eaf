// RUN: host-opt %s -host-scalarize-inductions | FileCheck %s

// A loop that moves a tensor of pointers carries how far it has moved.
// CHECK-LABEL: @moved
// CHECK-SAME: %[[INIT:arg[0-9]+]]: tensor<8x!tt.ptr<f32>>
// CHECK: %[[STEP:.*]] = arith.extsi %arg2 : i32 to i64
// CHECK: %[[LOOP:.*]] = scf.for {{.*}} iter_args(%[[DISTANCE:.*]] = %{{.*}}) -> (i64)
// CHECK: %[[ALL:.*]] = tt.splat %[[DISTANCE]]
// CHECK: tt.addptr %[[INIT]], %[[ALL]]
// CHECK: %[[NEXT:.*]] = arith.addi %[[DISTANCE]], %[[STEP]]
// CHECK: scf.yield %[[NEXT]] : i64
// CHECK: tt.splat %[[LOOP]]
tt.func @moved(%p: tensor<8x!tt.ptr<f32>>, %n: i32, %by: i32) -> tensor<8x!tt.ptr<f32>> {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %step = tt.splat %by : i32 -> tensor<8xi32>
  %end = scf.for %i = %zero to %n step %one iter_args(%q = %p) -> (tensor<8x!tt.ptr<f32>>) : i32 {
    %x = tt.load %q : tensor<8x!tt.ptr<f32>>
    tt.store %q, %x : tensor<8x!tt.ptr<f32>>
    %next = tt.addptr %q, %step : tensor<8x!tt.ptr<f32>>, tensor<8xi32>
    scf.yield %next : tensor<8x!tt.ptr<f32>>
  }
  tt.return %end : tensor<8x!tt.ptr<f32>>
}

// What is added differs from element to element: nothing changes.
// CHECK-LABEL: @each_by_its_own
// CHECK: scf.for {{.*}} -> (tensor<8xi32>)
tt.func @each_by_its_own(%p: tensor<8xi32>, %n: i32) -> tensor<8xi32> {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %steps = tt.make_range {start = 0 : i32, end = 8 : i32} : tensor<8xi32>
  %end = scf.for %i = %zero to %n step %one iter_args(%q = %p) -> (tensor<8xi32>) : i32 {
    %next = arith.addi %q, %steps : tensor<8xi32>
    scf.yield %next : tensor<8xi32>
  }
  tt.return %end : tensor<8xi32>
}

// What is added changes from iteration to iteration: nothing changes.
// CHECK-LABEL: @more_each_time
// CHECK: scf.for {{.*}} -> (tensor<8xi32>)
tt.func @more_each_time(%p: tensor<8xi32>, %n: i32) -> tensor<8xi32> {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %end = scf.for %i = %zero to %n step %one iter_args(%q = %p) -> (tensor<8xi32>) : i32 {
    %step = tt.splat %i : i32 -> tensor<8xi32>
    %next = arith.addi %q, %step : tensor<8xi32>
    scf.yield %next : tensor<8xi32>
  }
  tt.return %end : tensor<8xi32>
}
