// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A constant in the index is added to the base.
// CHECK-LABEL: @constant_offset(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[BASE:.*]] = arith.addi %[[START]], %c7_i32 : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[BASE]], %c1023_i32 : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[BASE]] : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @constant_offset(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %sevens = arith.constant dense<7> : tensor<1024xi32>
  %partial = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.addi %partial, %sevens : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index multiplied by a constant takes steps of that size.
// CHECK-LABEL: @multiplied_by_constant(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[BASE:.*]] = arith.muli %[[START]], %c3_i32 : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[BASE]], %c3069_i32 : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[BASE]] : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @multiplied_by_constant(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %threes = arith.constant dense<3> : tensor<1024xi32>
  %partial = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.muli %partial, %threes : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index multiplied by a negative constant counts down.
// CHECK-LABEL: @negative_multiplier(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sge, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c-2046_i32 : i32
// CHECK:       arith.cmpi sle, %[[LAST]], %[[START]] : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @negative_multiplier(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %factors = arith.constant dense<-2> : tensor<1024xi32>
  %scaled = arith.muli %factors, %range : tensor<1024xi32>
  %index = arith.addi %starts, %scaled : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sge, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A constant bound is a constant of the condition.
// CHECK-LABEL: @constant_bound(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %c5000_i32 : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @constant_bound(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = arith.constant dense<5000> : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A conjunct that is constantly true adds nothing to the condition.
// CHECK-LABEL: @true_conjunct(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}} : tensor<1024xi1>
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %{{.*}}, %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @true_conjunct(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %all = arith.constant dense<true> : tensor<1024xi1>
  %inside = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %mask = arith.andi %inside, %all : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
