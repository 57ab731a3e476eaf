// RUN: host-opt %s -host-lower-tensors{vector-bits=256} | FileCheck %s

// A tile of four rows and two vectors stays in registers. The loop writes where
// it carries the accumulator, so there is one buffer of that size.
// CHECK-LABEL: llvm.func internal @carried
// CHECK-COUNT-1: llvm.alloca %c1024_i64
// CHECK-NOT:     llvm.alloca %c1024_i64
// CHECK:         scf.for %{{.*}} = %c0_i32 to %c4_i32
// CHECK-COUNT-8:   llvm.load {{.*}} -> vector<8xf32>
// CHECK:           scf.for %{{.*}} = %c0_i64 to %c8_i64 {{.*}} -> (vector<8xf32>, {{.*}})
// CHECK-COUNT-2:     llvm.load {{.*}} -> vector<8xf32>
// CHECK-COUNT-8:     llvm.intr.fmuladd
// CHECK-COUNT-8:   llvm.store {{.*}} : vector<8xf32>
tt.func @carried(%a: tensor<16x8xf32>, %b: tensor<8x16xf32>) -> tensor<16x16xf32> {
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %r = scf.for %i = %c0 to %c4 step %c1 iter_args(%c = %zero) -> (tensor<16x16xf32>) : i32 {
    %d = tt.dot %a, %b, %c : tensor<16x8xf32> * tensor<8x16xf32> -> tensor<16x16xf32>
    scf.yield %d : tensor<16x16xf32>
  }
  tt.return %r : tensor<16x16xf32>
}

// An accumulator that somebody else reads stays as it is.
// CHECK-LABEL: llvm.func internal @read
// CHECK-COUNT-3: llvm.alloca %c1024_i64
tt.func @read(%a: tensor<16x8xf32>, %b: tensor<8x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %r:2 = scf.for %i = %c0 to %c4 step %c1 iter_args(%c = %zero, %e = %zero) -> (tensor<16x16xf32>, tensor<16x16xf32>) : i32 {
    %d = tt.dot %a, %b, %c : tensor<16x8xf32> * tensor<8x16xf32> -> tensor<16x16xf32>
    %f = arith.addf %c, %e : tensor<16x16xf32>
    scf.yield %d, %f : tensor<16x16xf32>, tensor<16x16xf32>
  }
  tt.return %r#0, %r#1 : tensor<16x16xf32>, tensor<16x16xf32>
}

// Columns are copied as they lie, and turned in registers: three steps for
// eight vectors.
// CHECK-LABEL: llvm.func internal @turned
// CHECK-COUNT-24: llvm.shufflevector
// CHECK-COUNT-8:  llvm.store {{.*}} : vector<8xf32>
// CHECK:          llvm.intr.fmuladd
tt.func @turned(%a: tensor<16x8xf16>, %b: tensor<8x8xf16>, %c: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %t = tt.trans %b {order = array<i32: 1, 0>} : tensor<8x8xf16> -> tensor<8x8xf16>
  %d = tt.dot %a, %t, %c : tensor<16x8xf16> * tensor<8x8xf16> -> tensor<16x8xf32>
  tt.return %d : tensor<16x8xf32>
}

// fp16 is summed as fp32, and integers as what the result is.
// CHECK-LABEL: llvm.func internal @narrow
// CHECK:         llvm.load {{.*}} -> vector<8xf16>
// CHECK:         arith.extf {{.*}} : vector<8xf16> to vector<8xf32>
// CHECK:         arith.truncf {{.*}} : vector<8xf32> to vector<8xf16>
// CHECK:         arith.extsi {{.*}} : i8 to i32
// CHECK:         arith.muli {{.*}} : vector<8xi32>
tt.func @narrow(%a: tensor<4x4xf16>, %b: tensor<4x8xf16>, %c: tensor<4x8xf16>, %e: tensor<4x4xi8>, %f: tensor<4x8xi8>, %g: tensor<4x8xi32>) -> (tensor<4x8xf16>, tensor<4x8xi32>) {
  %d = tt.dot %a, %b, %c : tensor<4x4xf16> * tensor<4x8xf16> -> tensor<4x8xf16>
  %h = tt.dot %e, %f, %g : tensor<4x4xi8> * tensor<4x8xi8> -> tensor<4x8xi32>
  tt.return %d, %h : tensor<4x8xf16>, tensor<4x8xi32>
}
