// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A quotient grows with what is divided, so the last element tells, as long as the divisor is positive. The condition is computed
// for any divisor: it may not divide by zero, nor the smallest number by -1.
// CHECK-LABEL: @rows_of_elements(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[WIDTH:arg[0-9]+]]: i32, %[[HEIGHT:arg[0-9]+]]: i32)
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK-DAG:   arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK-DAG:   arith.cmpi sge, %[[WIDTH]], %c1_i32 : i32
// CHECK-DAG:   %[[POSITIVE:.*]] = arith.maxsi %[[WIDTH]], %c1_i32 : i32
// CHECK:       %[[ROW:.*]] = arith.divsi %[[LAST]], %[[POSITIVE]] : i32
// CHECK:       arith.cmpi slt, %[[ROW]], %[[HEIGHT]] : i32
// CHECK:       scf.if
tt.func @rows_of_elements(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %start: i32, %width: i32, %height: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %widths = tt.splat %width : i32 -> tensor<1024xi32>
  %row = arith.divsi %index, %widths : tensor<1024xi32>
  %bound = tt.splat %height : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %row, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A constant divisor that is positive needs no check, and quotients are divided again in their order.
// CHECK-LABEL: @groups_of_pairs(
// CHECK-NOT:   arith.maxsi
// CHECK:       %[[PAIR:.*]] = arith.divui %{{.*}}, %c2_i32{{.*}} : i32
// CHECK:       %[[GROUP:.*]] = arith.divui %[[PAIR]], %c64_i32{{.*}} : i32
// CHECK:       arith.cmpi ult, %[[GROUP]], %{{.*}} : i32
// CHECK:       scf.if
tt.func @groups_of_pairs(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %two = arith.constant dense<2> : tensor<1024xi32>
  %size = arith.constant dense<64> : tensor<1024xi32>
  %pair = arith.divui %index, %two : tensor<1024xi32>
  %group = arith.divui %pair, %size : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ult, %group, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Divided with signs and compared without: a negative quotient is a large number, and the first element may be it.
// CHECK-LABEL: @mixed_signs(
// CHECK-NOT:   scf.if
tt.func @mixed_signs(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %value: tensor<1024xf16>, %start: i32, %width: i32, %height: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %widths = tt.splat %width : i32 -> tensor<1024xi32>
  %row = arith.divsi %index, %widths : tensor<1024xi32>
  %bound = tt.splat %height : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ult, %row, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
