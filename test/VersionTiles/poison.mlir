// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s

// A sum that promises not to overflow may have no value where the access is not reached: the branch stays inside.
// CHECK-LABEL: @promise_inside(
// CHECK:       scf.if %arg4
// CHECK:         arith.addi %{{.*}} overflow<nsw> : i32
// CHECK:         scf.if
tt.func public @promise_inside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %n: i32, %start: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  scf.if %guard {
    %end = arith.addi %n, %start overflow<nsw> : i32
    %bound = tt.splat %end : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// The same where it is computed in front of the guard, which nothing looks at there.
// CHECK-LABEL: @promise_in_front(
// CHECK:       arith.addi %{{.*}} overflow<nsw> : i32
// CHECK-NOT:   scf.if
// CHECK:       scf.if %arg4
// CHECK:         scf.if
tt.func public @promise_in_front(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %n: i32, %start: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %end = arith.addi %n, %start overflow<nsw> : i32
  scf.if %guard {
    %bound = tt.splat %end : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// Without a promise the sum moves, and the branch with it.
// CHECK-LABEL: @sum(
// CHECK:       arith.addi %arg2, %arg3 : i32
// CHECK:       scf.if
// CHECK:         scf.if %arg4
// CHECK:       } else {
// CHECK:         scf.if %arg4
tt.func public @sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32, %start: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  scf.if %guard {
    %end = arith.addi %n, %start : i32
    %bound = tt.splat %end : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// A shift by an argument may be one by too many bits; by a constant in range it moves.
// CHECK-LABEL: @shift(
// CHECK:       scf.if %arg4
// CHECK:         arith.shrsi
// CHECK:         scf.if
tt.func public @shift(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %n: i32, %start: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  scf.if %guard {
    %end = arith.shrsi %n, %start : i32
    %bound = tt.splat %end : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// CHECK-LABEL: @shift_in_range(
// CHECK:       arith.shrsi
// CHECK:       scf.if
// CHECK:         scf.if %arg4
tt.func public @shift_in_range(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %n: i32, %start: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %three = arith.constant 3 : i32
  scf.if %guard {
    %end = arith.shrsi %n, %three : i32
    %bound = tt.splat %end : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}
