// RUN: host-opt %s -host-lower-tensors | FileCheck %s

// A loop carries scalars as arguments and tensors in a buffer; a tensor that
// goes where it came from is written in place.
// CHECK-LABEL: llvm.func @sum
// CHECK: %[[ACC:.*]] = llvm.alloca
// CHECK: scf.for %{{.*}} = %{{.*}} iter_args(%{{.*}} = %{{.*}}) -> (i32)
// CHECK:   scf.for %[[I:.*]] =
// CHECK:     %[[PLACE:.*]] = llvm.getelementptr inbounds %[[ACC]][%[[I]]]
// CHECK:     llvm.load %[[PLACE]]
// CHECK:     %[[SUM:.*]] = arith.addf
// CHECK:     %[[PLACE:.*]] = llvm.getelementptr inbounds %[[ACC]][%[[I]]]
// CHECK:     llvm.store %[[SUM]], %[[PLACE]]
tt.func public @sum(%p: !tt.ptr<f32>, %n: i32) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %range = tt.make_range {start = 0 : i32, end = 8 : i32} : tensor<8xi32>
  %first = tt.splat %p : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>
  %q = tt.addptr %first, %range : tensor<8x!tt.ptr<f32>>, tensor<8xi32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero, %k = %c0) -> (tensor<8xf32>, i32) : i32 {
    %next = arith.addf %acc, %one : tensor<8xf32>
    %more = arith.addi %k, %i : i32
    scf.yield %next, %more : tensor<8xf32>, i32
  }
  tt.store %q, %r#0 : tensor<8x!tt.ptr<f32>>
  tt.return
}

// Two tensors that change places go through a third buffer.
// CHECK-LABEL: llvm.func internal @swap
// CHECK-DAG: %[[A:.*]] = llvm.alloca
// CHECK-DAG: %[[B:.*]] = llvm.alloca
// CHECK-DAG: %[[C:.*]] = llvm.alloca
// CHECK: scf.for
// CHECK-COUNT-3: scf.for
// CHECK: llvm.return
tt.func @swap(%x: tensor<8xi32>, %y: tensor<8xi32>, %n: i32) -> (tensor<8xi32>, tensor<8xi32>) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (tensor<8xi32>, tensor<8xi32>) : i32 {
    scf.yield %b, %a : tensor<8xi32>, tensor<8xi32>
  }
  tt.return %r#0, %r#1 : tensor<8xi32>, tensor<8xi32>
}

// What a branch gives goes to a buffer in each of its regions.
// CHECK-LABEL: llvm.func internal @either
// CHECK: scf.if
// CHECK:   scf.for
// CHECK: } else {
// CHECK:   scf.for
tt.func @either(%c: i1, %x: tensor<8xi32>, %y: tensor<8xi32>) -> tensor<8xi32> {
  %r = scf.if %c -> (tensor<8xi32>) {
    scf.yield %x : tensor<8xi32>
  } else {
    %z = arith.addi %x, %y : tensor<8xi32>
    scf.yield %z : tensor<8xi32>
  }
  tt.return %r : tensor<8xi32>
}

// A return in the middle is a block of its own; a tensor is passed in a buffer.
// CHECK-LABEL: llvm.func @early
// CHECK: cf.cond_br %{{.*}}, ^[[OUT:bb[0-9]+]], ^[[COPY:bb[0-9]+]]
// CHECK: ^[[COPY]]:
// CHECK: scf.for
// CHECK: cf.br ^[[ON:bb[0-9]+]]
// CHECK: ^[[OUT]]:
// CHECK: llvm.return
// CHECK: ^[[ON]]:
// CHECK: scf.for
tt.func public @early(%c: i1, %p: !tt.ptr<i32>) {
  %range = tt.make_range {start = 0 : i32, end = 8 : i32} : tensor<8xi32>
  cf.cond_br %c, ^out, ^on(%range : tensor<8xi32>)
^out:
  tt.return
^on(%t: tensor<8xi32>):
  %first = tt.splat %p : !tt.ptr<i32> -> tensor<8x!tt.ptr<i32>>
  %q = tt.addptr %first, %range : tensor<8x!tt.ptr<i32>>, tensor<8xi32>
  tt.store %q, %t : tensor<8x!tt.ptr<i32>>
  tt.return
}
