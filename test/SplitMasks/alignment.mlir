// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// An index that begins at a multiple of the vector, a constant, bounds whole vectors.
// CHECK-LABEL: @aligned(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
tt.func @aligned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %offset = arith.constant dense<16> : tensor<1024xi32>
  %index = arith.addi %cols, %offset : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// One that begins elsewhere does not: a vector would lie across the end.
// CHECK-LABEL: @unaligned(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @unaligned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %offset = arith.constant dense<4> : tensor<1024xi32>
  %index = arith.addi %cols, %offset : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A range that begins at 8 is the only tile of its axis, too.
// CHECK-LABEL: @range_from_8(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
tt.func @range_from_8(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1032 : i32, start = 8 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A range that begins at 1 has vectors that lie across the end.
// CHECK-LABEL: @range_from_1(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @range_from_1(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1025 : i32, start = 1 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index that takes steps of two does not go along with the pointers.
// CHECK-LABEL: @strided(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @strided(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %two = arith.constant dense<2> : tensor<1024xi32>
  %index = arith.muli %cols, %two : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index that runs backwards does not either.
// CHECK-LABEL: @backwards(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @backwards(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %last = arith.constant dense<1023> : tensor<1024xi32>
  %index = arith.subi %last, %cols : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
