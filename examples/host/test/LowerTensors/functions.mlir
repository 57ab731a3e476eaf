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
