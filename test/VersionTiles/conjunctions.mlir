// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A mask with a lower and an upper bound becomes both tests.
// CHECK-LABEL: @lower_and_upper(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[LO:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}} : tensor<1024xi1>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK-DAG:   arith.cmpi sge, %[[START]], %[[LO]] : i32
// CHECK-DAG:   arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @lower_and_upper(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %lo: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %lows = tt.splat %lo : i32 -> tensor<1024xi32>
  %below = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %above = arith.cmpi sge, %index, %lows : tensor<1024xi32>
  %mask = arith.andi %below, %above : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A conjunct that is the same in every lane becomes a part of the condition as it is.
// CHECK-LABEL: @scalar_conjunct(
// CHECK-SAME:  %[[FLAG:arg[0-9]+]]: i1)
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}} : tensor<1024xi1>
// CHECK:       arith.andi %[[FLAG]], %{{.*}} : i1
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @scalar_conjunct(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %flags = tt.splat %flag : i1 -> tensor<1024xi1>
  %mask = arith.andi %inside, %flags : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A conjunction of three becomes three tests, however it is nested.
// CHECK-LABEL: @three(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32, %[[LO:arg[0-9]+]]: i32, %[[FLAG:arg[0-9]+]]: i1)
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[N]] : i32
// CHECK-DAG:   arith.cmpi sge, %[[START]], %[[LO]] : i32
// CHECK-DAG:   arith.andi %[[FLAG]], %{{.*}} : i1
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @three(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %value: tensor<1024xf16>, %start: i32, %n: i32, %lo: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %lows = tt.splat %lo : i32 -> tensor<1024xi32>
  %below = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %above = arith.cmpi sge, %index, %lows : tensor<1024xi32>
  %flags = tt.splat %flag : i1 -> tensor<1024xi1>
  %rest = arith.andi %above, %flags : tensor<1024xi1>
  %mask = arith.andi %below, %rest : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A part of a conjunction that masks an access of its own loses that mask too.
// CHECK-LABEL: @part_masks_another_access(
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[MASK:.*]] = arith.andi %[[INSIDE]], %{{.*}} : tensor<1024xi1>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %[[PTRS:[^,]+]], %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %[[OTHERS:[^,]+]], %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %[[PTRS]], %{{[a-z0-9]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    tt.store %[[OTHERS]], %{{[a-z0-9]+}}, %[[INSIDE]] : tensor
tt.func @part_masks_another_access(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                   %value: tensor<1024xf16>,
                                   %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                   %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %flags = tt.splat %flag : i1 -> tensor<1024xi1>
  %mask = arith.andi %inside, %flags : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %inside : tensor<1024x!tt.ptr<f16>>
  tt.return
}
