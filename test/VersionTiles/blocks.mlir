// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// Regression: a bound that is computed behind the first branch and used in another block follows the branch that takes it in.
// CHECK-LABEL: @bound_from_another_block(
// CHECK:       %[[M:.*]] = scf.if %{{.*}} -> (i32) {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } else {
// CHECK:       cf.cond_br
// CHECK:       ^bb1:
// CHECK:         %[[SECOND:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:         arith.cmpi slt, %{{.*}}, %[[M]] : i32
// CHECK:         scf.if
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    } else {
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[SECOND]] : tensor
tt.func @bound_from_another_block(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                  %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %m = arith.addi %n, %start : i32
  cf.cond_br %flag, ^bb1, ^bb2
^bb1:
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limit : tensor<1024xi32>
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
^bb2:
  tt.return
}

// -----

// Regression: a mask that is computed behind the first branch and used in another block goes there.
// CHECK-LABEL: @mask_from_another_block(
// CHECK:       %[[SECOND:.*]] = scf.if %{{.*}} -> (tensor<1024xi1>) {
// CHECK:       ^bb1:
// CHECK:         scf.if
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    } else {
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[SECOND]] : tensor
tt.func @mask_from_another_block(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limit : tensor<1024xi32>
  cf.cond_br %flag, ^bb1, ^bb2
^bb1:
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
^bb2:
  tt.return
}

// -----

// Regression: the order in which blocks are written down does not matter.
// CHECK-LABEL: @blocks_in_another_order(
// CHECK:       scf.if
// CHECK:       scf.if
tt.func @blocks_in_another_order(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  cf.br ^bb2
^bb1:
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limit : tensor<1024xi32>
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
^bb2:
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %m = arith.addi %n, %start : i32
  cf.cond_br %flag, ^bb1, ^bb3
^bb3:
  tt.return
}
