// RUN: host-opt %s -host-lower-tensors{vector-bits=128} | FileCheck %s

// The first step takes four elements of the source, which is no buffer. Later
// ones go by halves, and by pairs where a half is shorter than a vector. The
// result of the last is the scalar.
// CHECK-LABEL: llvm.func internal @sum
// CHECK:         scf.for %[[I:.*]] = %c0_i64 to %c16_i64
// CHECK-COUNT-4:   arith.mulf
// CHECK-COUNT-3:   arith.addf
// CHECK:         scf.for %[[I:.*]] = %c0_i64 to %c8_i64
// CHECK:           %[[NEXT:.*]] = arith.muli %c1_i64, %c8_i64
// CHECK:           arith.addi %[[NEXT]], %[[I]]
// CHECK:           arith.addf
// CHECK:         scf.for %{{.*}} = %c0_i64 to %c4_i64
// CHECK:           arith.addf
// CHECK:         scf.for %[[I:.*]] = %c0_i64 to %c2_i64
// CHECK:           %[[FIRST:.*]] = arith.muli %[[I]], %c2_i64
// CHECK:           arith.addi %[[FIRST]], %c0_i64
// CHECK:           %[[SECOND:.*]] = arith.muli %[[I]], %c2_i64
// CHECK:           arith.addi %[[SECOND]], %c1_i64
// CHECK:           arith.addf
// CHECK-NOT:     scf.for
// CHECK:         %[[SUM:.*]] = arith.addf
// CHECK-NEXT:    llvm.store %[[SUM]]
tt.func @sum(%x: tensor<64xf32>) -> f32 {
  %y = arith.mulf %x, %x : tensor<64xf32>
  %s = "tt.reduce"(%y) <{axis = 0 : i32}> ({
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tt.reduce.return %c : f32
  }) : (tensor<64xf32>) -> f32
  tt.return %s : f32
}

// Four elements need no scratch memory: the two buffers are the results.
// CHECK-LABEL: llvm.func internal @short
// CHECK-COUNT-2: llvm.alloca
// CHECK-NOT:     llvm.alloca
// CHECK:         scf.for %{{.*}} = %c0_i64 to %c8_i64
// CHECK-NOT:     scf.for
// CHECK-COUNT-3: arith.cmpf
// CHECK-COUNT-2: llvm.store
tt.func @short(%x: tensor<8x4xf32>, %i: tensor<8x4xi32>) -> (tensor<8xf32>, tensor<8xi32>) {
  %m:2 = "tt.reduce"(%x, %i) <{axis = 1 : i32}> ({
  ^bb0(%a: f32, %n: i32, %b: f32, %k: i32):
    %g = arith.cmpf ogt, %a, %b : f32
    %v = arith.select %g, %a, %b : f32
    %w = arith.select %g, %n, %k : i32
    tt.reduce.return %v, %w : f32, i32
  }) : (tensor<8x4xf32>, tensor<8x4xi32>) -> (tensor<8xf32>, tensor<8xi32>)
  tt.return %m#0, %m#1 : tensor<8xf32>, tensor<8xi32>
}

// A scan from the end combines with the element after.
// CHECK-LABEL: llvm.func internal @scan
// CHECK:         scf.for %[[ROW:.*]] = %c0_i64 to %c7_i64
// CHECK:           scf.for
// CHECK:             %[[AFTER:.*]] = arith.subi %c7_i64, %[[ROW]]
// CHECK:             %[[HERE:.*]] = arith.addi %[[AFTER]], %c-1_i64
// CHECK:             arith.addi
tt.func @scan(%x: tensor<8x4xi32>) -> tensor<8x4xi32> {
  %s = "tt.scan"(%x) <{axis = 0 : i32, reverse = true}> ({
  ^bb0(%a: i32, %b: i32):
    %c = arith.addi %a, %b : i32
    tt.scan.return %c : i32
  }) : (tensor<8x4xi32>) -> tensor<8x4xi32>
  tt.return %s : tensor<8x4xi32>
}

// What has no bin, or is masked, is counted in one more.
// CHECK-LABEL: llvm.func internal @histogram
// CHECK:         arith.cmpi ult, %[[BIN:.*]], %c16_i64
// CHECK:         %[[COUNTED:.*]] = arith.andi
// CHECK:         arith.select %[[COUNTED]], %[[BIN]], %c16_i64
tt.func @histogram(%x: tensor<64xi32>, %mask: tensor<64xi1>) -> tensor<16xi32> {
  %h = tt.histogram %x, %mask : tensor<64xi32> -> tensor<16xi32>
  tt.return %h : tensor<16xi32>
}

// A region that is mapped may branch.
// CHECK-LABEL: llvm.func internal @map
// CHECK:         scf.for
// CHECK:           scf.execute_region -> f32 {
// CHECK:             cf.cond_br
// CHECK:             scf.yield
tt.func @map(%x: tensor<8xf32>) -> tensor<8xf32> {
  %zero = arith.constant 0.0 : f32
  %y = "tt.map_elementwise"(%x) <{pack = 1 : i32}> ({
  ^bb0(%a: f32):
    %g = arith.cmpf ogt, %a, %zero : f32
    cf.cond_br %g, ^bb1, ^bb2(%a : f32)
  ^bb1:
    %d = arith.addf %a, %a : f32
    cf.br ^bb2(%d : f32)
  ^bb2(%r: f32):
    tt.map_elementwise.return %r : f32
  }) : (tensor<8xf32>) -> tensor<8xf32>
  tt.return %y : tensor<8xf32>
}

// A running sum of numbers that are computed with as fp32 stays one.
// CHECK-LABEL: llvm.func internal @scan_narrow
// CHECK:         scf.for
// CHECK:           %[[BEFORE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK:           %[[AFTER:.*]] = arith.addf %[[BEFORE]], %{{.*}} : f32
// CHECK-NEXT:      llvm.store %[[AFTER]], %{{.*}} : f32, !llvm.ptr
tt.func @scan_narrow(%x: tensor<8xbf16>) -> tensor<8xbf16> {
  %s = "tt.scan"(%x) <{axis = 0 : i32, reverse = false}> ({
  ^bb0(%a: bf16, %b: bf16):
    %c = arith.addf %a, %b : bf16
    tt.scan.return %c : bf16
  }) : (tensor<8xbf16>) -> tensor<8xbf16>
  tt.return %s : tensor<8xbf16>
}
