// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// The mask of a bound that is a multiple of 16 is the same over 16 elements, which is as wide as an access gets.
// CHECK-LABEL: @divisible_bound(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @divisible_bound(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32 {tt.divisibility = 16 : i32},
                         %n: i32 {tt.divisibility = 16 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The mask of a bound that is a multiple of 4 is as wide as four floats are.
// CHECK-LABEL: @divisible_by_4_f32(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @divisible_by_4_f32(%ptrs: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf32>, %start: i32 {tt.divisibility = 16 : i32},
                            %n: i32 {tt.divisibility = 4 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f32>>
  tt.return
}

// -----

// The same mask is half as wide as the halves it covers.
// CHECK-LABEL: @divisible_by_4_f16(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @divisible_by_4_f16(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf16>, %start: i32 {tt.divisibility = 16 : i32},
                            %n: i32 {tt.divisibility = 4 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Sixteen bytes make one access, so a bound that is a multiple of 8 is worth a branch.
// CHECK-LABEL: @divisible_by_8_i8(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @divisible_by_8_i8(%ptrs: tensor<4096x!tt.ptr<i8>> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32},
                           %value: tensor<4096xi8>, %start: i32 {tt.divisibility = 16 : i32},
                           %n: i32 {tt.divisibility = 8 : i32}) {
  %range = tt.make_range {end = 4096 : i32, start = 0 : i32} : tensor<4096xi32>
  %starts = tt.splat %start : i32 -> tensor<4096xi32>
  %index = arith.addi %starts, %range : tensor<4096xi32>
  %bound = tt.splat %n : i32 -> tensor<4096xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<4096xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<4096x!tt.ptr<i8>>
  tt.return
}

// -----

// A double has two elements to an access: a bound that is a multiple of 2 is enough.
// CHECK-LABEL: @divisible_by_2_f64(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @divisible_by_2_f64(%ptrs: tensor<1024x!tt.ptr<f64>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf64>, %start: i32 {tt.divisibility = 16 : i32},
                            %n: i32 {tt.divisibility = 2 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f64>>
  tt.return
}

// -----

// Booleans are moved as bytes.
// CHECK-LABEL: @booleans(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @booleans(%ptrs: tensor<4096x!tt.ptr<i1>> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<4096xi1>, %start: i32 {tt.divisibility = 16 : i32},
                  %n: i32 {tt.divisibility = 16 : i32}) {
  %range = tt.make_range {end = 4096 : i32, start = 0 : i32} : tensor<4096xi32>
  %starts = tt.splat %start : i32 -> tensor<4096xi32>
  %index = arith.addi %starts, %range : tensor<4096xi32>
  %bound = tt.splat %n : i32 -> tensor<4096xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<4096xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<4096x!tt.ptr<i1>>
  tt.return
}

// -----

// Pointers that are aligned to one element make no wide access, whatever the mask.
// CHECK-LABEL: @unaligned(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @unaligned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 2 : i32},
                   %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Pointers that are aligned to two elements do gain.
// CHECK-LABEL: @aligned_to_4_bytes(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @aligned_to_4_bytes(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
                            %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Pointers that are not contiguous make no wide access.
// CHECK-LABEL: @gathered(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @gathered(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is one scalar in every lane does not narrow the access.
// CHECK-LABEL: @same_in_every_lane(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @same_in_every_lane(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf16>, %flag: i1) {
  %mask = tt.splat %flag : i1 -> tensor<1024xi1>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
