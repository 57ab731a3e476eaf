// RUN: host-opt %s -host-lower-tensors | FileCheck %s

// A function that a kernel calls gets tensors by address, and an address for
// each result.
// CHECK-LABEL: llvm.func internal @half
// CHECK-SAME: (%[[PROGRAM:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: f32, %[[OUT:.*]]: !llvm.ptr, %[[RATE:.*]]: !llvm.ptr)
// CHECK: llvm.store %arg2, %[[RATE]]
tt.func private @half(%x: tensor<8xf32>, %a: f32) -> (tensor<8xf32>, f32) attributes {noinline = true} {
  %all = tt.splat %a : f32 -> tensor<8xf32>
  %y = arith.mulf %x, %all : tensor<8xf32>
  tt.return %y, %a : tensor<8xf32>, f32
}

// CHECK-LABEL: llvm.func @kernel
// CHECK: llvm.call @half(%arg1, %{{.*}}, %{{.*}}, %{{.*}}, %[[RATE:.*]]) :
// CHECK: llvm.load %[[RATE]]
tt.func public @kernel(%p: !tt.ptr<f32>) {
  %a = arith.constant 0.5 : f32
  %x = arith.constant dense<1.0> : tensor<8xf32>
  %y:2 = tt.call @half(%x, %a) : (tensor<8xf32>, f32) -> (tensor<8xf32>, f32)
  tt.store %p, %y#1 : !tt.ptr<f32>
  tt.return
}

// A program is one thread: a barrier is nothing to it. What is not known is
// the same value each time.
// CHECK-LABEL: llvm.func @waits
// CHECK-NOT: ttg
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK: llvm.store %[[ZERO]]
// CHECK-NOT: ub.poison
// CHECK: llvm.return
tt.func public @waits(%p: !tt.ptr<i32>, %q: !tt.ptr<f32>) {
  ttg.barrier all
  %x = ub.poison : i32
  tt.store %p, %x : !tt.ptr<i32>
  %y = ub.poison : tensor<8xf32>
  %all = tt.splat %q : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>
  tt.store %all, %y : tensor<8x!tt.ptr<f32>>
  tt.return
}
