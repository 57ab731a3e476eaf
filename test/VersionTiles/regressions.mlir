// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// Regression: an atomic operation that loses its mask with the store beside it gets no remark of its own.
// CHECK-LABEL: @atomic_beside_a_store(
// CHECK:       scf.if
tt.func @atomic_beside_a_store(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %value, %mask : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) -> tensor<1024xf16>
  tt.return
}

// -----

// Regression: an index that uses itself twice, seven times over, would be 128 scalars; more than 64 are not looked at.
// CHECK-LABEL: @doubled(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @doubled(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %s0 = arith.addi %starts, %starts : tensor<1024xi32>
  %s1 = arith.addi %s0, %s0 : tensor<1024xi32>
  %s2 = arith.addi %s1, %s1 : tensor<1024xi32>
  %s3 = arith.addi %s2, %s2 : tensor<1024xi32>
  %s4 = arith.addi %s3, %s3 : tensor<1024xi32>
  %s5 = arith.addi %s4, %s4 : tensor<1024xi32>
  %s6 = arith.addi %s5, %s5 : tensor<1024xi32>
  %index = arith.addi %s6, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
