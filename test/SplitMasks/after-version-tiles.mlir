// RUN: graft-opt %s -graft-version-tiles -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -graft-split-masks -split-input-file -verify-diagnostics

// In a loop, the branch of whole tiles has no masks, and the other one masks that are split.
// CHECK-LABEL: @loop(
// CHECK:       %{{.*}} = arith.cmpi slt, %{{.*}} : tensor
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor
// CHECK:       %[[REST:.*]] = arith.andi %{{.*}} : tensor
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
// CHECK-NEXT:  }
tt.func @loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
    // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// In a grid only the last tile takes the other branch, and its mask stays as it was.
// CHECK-LABEL: @grid(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:  }
tt.func @grid(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %i: i32 {tt.divisibility = 16 : i32}, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The only tile of an axis is not branched on, and is split.
// CHECK-LABEL: @only_tile(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @only_tile(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: mask kept: the mask bounds the only tile of its axis, which is hardly ever whole}}
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Accesses that would be twice as wide are worth neither a branch in the loop nor a second access.
// CHECK-LABEL: @twice_as_wide(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @twice_as_wide(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
                       %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: not versioned: accesses in the loop would be 2 times as wide, less than the 4 that a branch in each iteration is worth}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}
