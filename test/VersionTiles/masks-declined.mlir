// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A mask on an index equal to a scalar is not a bound.
// CHECK-LABEL: @index_eq(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @index_eq(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi eq, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask on an index other than a scalar is not a bound.
// CHECK-LABEL: @index_ne(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @index_ne(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ne, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound in conjunction with a mask that depends on data is kept: no scalar decides it.
// CHECK-LABEL: @data_dependent_conjunct(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @data_dependent_conjunct(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %start: i32, %n: i32, %flags: tensor<1024xi1>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %mask = arith.andi %inside, %flags : tensor<1024xi1>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: a block argument}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A disjunction of bounds is kept.
// CHECK-LABEL: @disjunction(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @disjunction(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %below = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %above = arith.cmpi sge, %index, %limit : tensor<1024xi32>
  %mask = arith.ori %below, %above : tensor<1024xi1>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.ori}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that comes as an argument is kept.
// CHECK-LABEL: @argument(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func private @argument(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %mask: tensor<1024xi1>) {
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: a block argument}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that a branch chooses is kept.
// CHECK-LABEL: @chosen(
// CHECK:       tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @chosen(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %mask = scf.if %flag -> tensor<1024xi1> {
    scf.yield %inside : tensor<1024xi1>
  } else {
    %outside = arith.cmpi sge, %index, %bound : tensor<1024xi32>
    scf.yield %outside : tensor<1024xi1>
  }
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: scf.if}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A range on both sides of the comparison is not a bound.
// CHECK-LABEL: @range_on_both_sides(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @range_on_both_sides(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bounds = tt.splat %n : i32 -> tensor<1024xi32>
  %bound = arith.subi %bounds, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index read from memory is not scalars plus a range.
// CHECK-LABEL: @loaded_index(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @loaded_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %start: i32, %n: i32, %indices: tensor<1024x!tt.ptr<i32>>) {
  %index = tt.load %indices : tensor<1024x!tt.ptr<i32>>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An index multiplied by two scalars may wrap around in between.
// CHECK-LABEL: @scaled_twice(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @scaled_twice(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %start: i32, %n: i32, %stride: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %strides = tt.splat %stride : i32 -> tensor<1024xi32>
  %scaled = arith.muli %range, %strides : tensor<1024xi32>
  %index = arith.muli %scaled, %strides : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A range by itself is the only tile of its axis: it covers all of it and is whole only by chance.
// CHECK-LABEL: @only_tile(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @only_tile(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %n: i32) {
  %index = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask bounds the only tile of its axis, which is hardly ever whole}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A remainder is not scalars plus a range.
// CHECK-LABEL: @remainder(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @remainder(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %start: i32, %n: i32, %size: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %raw = arith.addi %starts, %range : tensor<1024xi32>
  %sizes = tt.splat %size : i32 -> tensor<1024xi32>
  %index = arith.remsi %raw, %sizes : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// One remark is enough for several accesses under one mask.
// CHECK-LABEL: @one_remark(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @one_remark(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %mask: tensor<1024xi1>) {
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: a block argument}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
