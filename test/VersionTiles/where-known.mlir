// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A scalar that is computed behind the first access, but could have been before it, moves in front of the branch.
// CHECK-LABEL: @moved(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32)
// CHECK:       %[[LIMIT:.*]] = arith.addi %[[N]], %[[M]] : i32
// CHECK:       arith.cmpi slt, %{{.*}}, %[[LIMIT]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:     arith.addi
// CHECK:         tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } else {
tt.func @moved(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 2 masks}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %limit = arith.addi %n, %m : i32
  %limits = tt.splat %limit : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limits : tensor<1024xi32>
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound that is read behind the first access is known too late.
// CHECK-LABEL: @read_later(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:         %[[SECOND:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[SECOND]] : tensor
// CHECK-NEXT:  } else {
tt.func @read_later(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %start: i32, %n: i32, %limits: !tt.ptr<i32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %limit = tt.load %limits : !tt.ptr<i32>
  %all = tt.splat %limit : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %all : tensor<1024xi32>
  // expected-remark@below {{mask kept: its condition is known only after the tile's first access}}
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A division does not move: where it was not executed before, its divisor may be zero.
// CHECK-LABEL: @division_stays(
// CHECK-NOT:   arith.divsi
// CHECK:       scf.if
// CHECK:         arith.divsi
tt.func @division_stays(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %limit = arith.divsi %n, %m : i32
  %limits = tt.splat %limit : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limits : tensor<1024xi32>
  // expected-remark@below {{mask kept: its condition is known only after the tile's first access}}
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// At most sixteen operations move.
// CHECK-LABEL: @seventeen_scalars(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-COUNT-17: arith.addi
// CHECK:       } else {
tt.func @seventeen_scalars(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                           %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %t0 = arith.addi %n, %m : i32
  %t1 = arith.addi %t0, %m : i32
  %t2 = arith.addi %t1, %m : i32
  %t3 = arith.addi %t2, %m : i32
  %t4 = arith.addi %t3, %m : i32
  %t5 = arith.addi %t4, %m : i32
  %t6 = arith.addi %t5, %m : i32
  %t7 = arith.addi %t6, %m : i32
  %t8 = arith.addi %t7, %m : i32
  %t9 = arith.addi %t8, %m : i32
  %t10 = arith.addi %t9, %m : i32
  %t11 = arith.addi %t10, %m : i32
  %t12 = arith.addi %t11, %m : i32
  %t13 = arith.addi %t12, %m : i32
  %t14 = arith.addi %t13, %m : i32
  %t15 = arith.addi %t14, %m : i32
  %t16 = arith.addi %t15, %m : i32
  %limits = tt.splat %t16 : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limits : tensor<1024xi32>
  // expected-remark@below {{mask kept: its condition is known only after the tile's first access}}
  tt.store %ptrs, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
}
