// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A bound on the left of `sgt` becomes `slt` on the last lane.
// CHECK-LABEL: @bound_sgt_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sgt
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_sgt_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sgt, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `sge` becomes `sle` on the last lane.
// CHECK-LABEL: @bound_sge_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sge
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi sle, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_sge_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sge, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `ugt` becomes `ult` on the last lane.
// CHECK-LABEL: @bound_ugt_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi ugt
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ult, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_ugt_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ugt, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `uge` becomes `ule` on the last lane.
// CHECK-LABEL: @bound_uge_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi uge
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ule, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_uge_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi uge, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `slt` becomes `sgt` on the first lane.
// CHECK-LABEL: @bound_slt_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi sgt, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_slt_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `sle` becomes `sge` on the first lane.
// CHECK-LABEL: @bound_sle_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sle
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi sge, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_sle_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sle, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `ult` becomes `ugt` on the first lane.
// CHECK-LABEL: @bound_ult_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi ult
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ugt, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_ult_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ult, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound on the left of `ule` becomes `uge` on the first lane.
// CHECK-LABEL: @bound_ule_index(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi ule
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi uge, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @bound_ule_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ule, %bound, %index : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
