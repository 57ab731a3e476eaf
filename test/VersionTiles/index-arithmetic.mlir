// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// An index with two scalars becomes a test on their sum.
// CHECK-LABEL: @several_scalars(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[OFFSET:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[BASE:.*]] = arith.addi %[[START]], %[[OFFSET]] : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[BASE]], %c1023_i32 : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[BASE]] : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @several_scalars(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %offset: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %offsets = tt.splat %offset : i32 -> tensor<1024xi32>
  %partial = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.addi %partial, %offsets : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A subtracted scalar is subtracted from the base.
// CHECK-LABEL: @subtracted_scalar(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[OFFSET:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[BASE:.*]] = arith.subi %[[START]], %[[OFFSET]] : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[BASE]], %c1023_i32 : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @subtracted_scalar(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                           %value: tensor<1024xf16>, %start: i32, %offset: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %offsets = tt.splat %offset : i32 -> tensor<1024xi32>
  %partial = arith.addi %starts, %range : tensor<1024xi32>
  %index = arith.subi %partial, %offsets : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A subtracted range counts down: the first lane decides an upper bound, the last must not wrap around.
// CHECK-LABEL: @subtracted_range(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c-1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sle, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @subtracted_range(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.subi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A subtracted range under a lower bound becomes a test of the last lane.
// CHECK-LABEL: @subtracted_range_lower_bound(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi uge, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c-1023_i32 : i32
// CHECK:       arith.cmpi ule, %[[LAST]], %[[START]] : i32
// CHECK:       arith.cmpi uge, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @subtracted_range_lower_bound(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                      %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.subi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi uge, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A range that does not start at zero has a first lane of its own.
// CHECK-LABEL: @range_starts_later(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sgt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c2047_i32 : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[FIRST:.*]] = arith.addi %[[START]], %c1024_i32 : i32
// CHECK:       arith.cmpi sgt, %[[FIRST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @range_starts_later(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 2048 : i32, start = 1024 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sgt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A product of scalars is one scalar.
// CHECK-LABEL: @product_of_scalars(
// CHECK-SAME:  %[[PID:arg[0-9]+]]: i32, %[[SIZE:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[START:.*]] = arith.muli %[[PID]], %[[SIZE]] : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @product_of_scalars(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf16>, %pid: i32, %size: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %pids = tt.splat %pid : i32 -> tensor<1024xi32>
  %sizes = tt.splat %size : i32 -> tensor<1024xi32>
  %starts = arith.muli %pids, %sizes : tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound made of several scalars is computed once, for the condition.
// CHECK-LABEL: @arithmetic_in_the_bound(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[BOUND:.*]] = arith.subi %[[N]], %[[M]] : i32
// CHECK:       arith.cmpi slt, %{{.*}}, %[[BOUND]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @arithmetic_in_the_bound(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %start: i32, %m: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %ms = tt.splat %m : i32 -> tensor<1024xi32>
  %ns = tt.splat %n : i32 -> tensor<1024xi32>
  %bound = arith.subi %ns, %ms : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
