// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A mask on a signed index below a bound becomes a test of the last lane.
// CHECK-LABEL: @slt(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @slt(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on a signed index that may reach its bound becomes a test of the last lane.
// CHECK-LABEL: @sle(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sle
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi sle, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @sle(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sle, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on an unsigned index below a bound becomes a test of the last lane.
// CHECK-LABEL: @ult(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi ult
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ult, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @ult(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ult, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on an unsigned index that may reach its bound becomes a test of the last lane.
// CHECK-LABEL: @ule(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi ule
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ule, %[[LAST]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @ule(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ule, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on a signed index above a bound becomes a test of the first lane; the last one must not wrap around.
// CHECK-LABEL: @sgt(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sgt
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi sgt, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @sgt(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sgt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on a signed index that may start at its bound becomes a test of the first lane; the last one must not wrap around.
// CHECK-LABEL: @sge(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi sge
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi sge, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @sge(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sge, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on an unsigned index above a bound becomes a test of the first lane; the last one must not wrap around.
// CHECK-LABEL: @ugt(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi ugt
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ugt, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @ugt(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ugt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on an unsigned index that may start at its bound becomes a test of the first lane; the last one must not wrap around.
// CHECK-LABEL: @uge(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi uge
// CHECK:       %[[LAST:.*]] = arith.addi %[[START]], %c1023_i32 : i32
// CHECK:       %[[NO_WRAP:.*]] = arith.cmpi uge, %[[LAST]], %[[START]] : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi uge, %[[START]], %[[N]] : i32
// CHECK:       %[[WHOLE:.*]] = arith.andi %[[NO_WRAP]], %[[INSIDE]] : i1
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @uge(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi uge, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The opposite of a bound is a bound.
// CHECK-LABEL: @negated(
// CHECK:       %[[LAST:.*]] = arith.addi %[[START:.*]], %c1023_i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       arith.cmpi slt, %[[LAST]], %[[N:.*]] : i32
// CHECK:       scf.if
tt.func @negated(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %outside = arith.cmpi sge, %index, %bound : tensor<1024xi32>
  %true = arith.constant dense<true> : tensor<1024xi1>
  %mask = arith.xori %outside, %true : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// What differs from something that is not true everywhere is not its opposite.
// CHECK-LABEL: @exclusive(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @exclusive(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %start: i32, %n: i32, %some: tensor<1024xi1>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %outside = arith.cmpi sge, %index, %bound : tensor<1024xi32>
  %mask = arith.xori %outside, %some : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
