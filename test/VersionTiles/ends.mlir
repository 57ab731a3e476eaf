// RUN: graft-opt %s -graft-version-tiles | FileCheck %s

// The last element of a tile is computed once: to see whether it wraps around, and to compare it with the bound. What is written twice
// counts against the budget of the kernel, although CSE removes it later.
// CHECK-LABEL: @flat(
// CHECK:       tt.make_range
// CHECK-COUNT-2: arith.addi {{.*}} : i32
// CHECK-NOT:   arith.addi {{.*}} : i32
// CHECK:       scf.if
tt.func @flat(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %start: i32, %length: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %rows = arith.addi %starts, %range : tensor<1024xi32>
  %lengths = tt.splat %length : i32 -> tensor<1024xi32>
  %scaled = arith.muli %range, %lengths : tensor<1024xi32>
  %index = arith.addi %rows, %scaled : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// A range of one number, from somewhere else than 0, times a scalar.
// CHECK-LABEL: @one(
// CHECK:       scf.if
tt.func @one(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %length: i32, %n: i32) {
  %single = tt.make_range {end = 8 : i32, start = 7 : i32} : tensor<1xi32>
  %row = tt.splat %length : i32 -> tensor<1xi32>
  %scaled = arith.muli %single, %row : tensor<1xi32>
  %first = tt.broadcast %scaled : tensor<1xi32> -> tensor<1024xi32>
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %tile = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.addi %first, %tile : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
