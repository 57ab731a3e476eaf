// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A 64-bit index is tested with 64 bits.
// CHECK-LABEL: @wide_start(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i64, %[[N:arg[0-9]+]]: i64)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi64>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i64 : i64
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i64
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %[[LAST]], %[[N]] : i64
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @wide_start(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %start: i64, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i64 -> tensor<1024xi64>
  %lanes = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  %index = arith.addi %starts, %lanes : tensor<1024xi64>
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index that is sign-extended after the addition must not wrap around at its narrow width.
// CHECK-LABEL: @extsi_after_the_sum(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i64)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi64>
// CHECK:       %[[NARROW:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       arith.cmpi sge, %[[NARROW]], %[[START]] : i32
// CHECK:       %[[WIDE:.*]] = arith.extsi %[[START]] : i32 to i64
// CHECK:       %[[LAST:.*]] = arith.addi %[[WIDE]], %c1023_i64 : i64
// CHECK:       arith.cmpi sge, %[[LAST]], %[[WIDE]] : i64
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N]] : i64
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @extsi_after_the_sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %start: i32, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %narrow = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.extsi %narrow : tensor<1024xi32> to tensor<1024xi64>
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index that is zero-extended after the addition must not wrap around at its narrow width.
// CHECK-LABEL: @extui_after_the_sum(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i64)
// CHECK:       %[[MASK:.*]] = arith.cmpi ult, %{{.*}} : tensor<1024xi64>
// CHECK:       %[[NARROW:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       arith.cmpi uge, %[[NARROW]], %[[START]] : i32
// CHECK:       %[[WIDE:.*]] = arith.extui %[[START]] : i32 to i64
// CHECK:       %[[LAST:.*]] = arith.addi %[[WIDE]], %c1023_i64 : i64
// CHECK:       arith.cmpi uge, %[[LAST]], %[[WIDE]] : i64
// CHECK:       arith.cmpi ult, %[[LAST]], %[[N]] : i64
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @extui_after_the_sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %start: i32, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %narrow = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.extui %narrow : tensor<1024xi32> to tensor<1024xi64>
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %mask = arith.cmpi ult, %index, %bound : tensor<1024xi64>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A scalar that is extended before the addition needs no test at its narrow width.
// CHECK-LABEL: @extsi_before_the_sum(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i64)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi64>
// CHECK-NOT:   arith.cmpi {{.*}} : i32
// CHECK:       %[[WIDE:.*]] = arith.extsi %[[START]] : i32 to i64
// CHECK:       %[[LAST:.*]] = arith.addi %[[WIDE]], %c1023_i64 : i64
// CHECK-NOT:   arith.cmpi {{.*}} : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @extsi_before_the_sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                              %value: tensor<1024xf16>, %start: i32, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %wide = arith.extsi %starts : tensor<1024xi32> to tensor<1024xi64>
  %lanes = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  %index = arith.addi %wide, %lanes : tensor<1024xi64>
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A downward index that is zero-extended must not fall below zero at its narrow width.
// CHECK-LABEL: @extui_of_a_difference(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i64)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi64>
// CHECK:       %[[NARROW:.*]] = arith.addi %[[START]], %c-1023_i32 : i32
// CHECK:       arith.cmpi ule, %[[NARROW]], %[[START]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @extui_of_a_difference(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %start: i32, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %narrow = arith.subi %starts, %range : tensor<1024xi32>
  %index = arith.extui %narrow : tensor<1024xi32> to tensor<1024xi64>
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound that is extended from a scalar is extended in the condition.
// CHECK-LABEL: @extended_bound(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi64>
// CHECK:       %[[BOUND:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK:       arith.cmpi slt, %{{.*}}, %[[BOUND]] : i64
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @extended_bound(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i64, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i64 -> tensor<1024xi64>
  %lanes = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  %index = arith.addi %starts, %lanes : tensor<1024xi64>
  %narrow = tt.splat %n : i32 -> tensor<1024xi32>
  %bound = arith.extsi %narrow : tensor<1024xi32> to tensor<1024xi64>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
