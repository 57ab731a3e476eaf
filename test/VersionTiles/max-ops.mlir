// RUN: graft-opt %s -graft-version-tiles=max-ops=1 | FileCheck %s --check-prefixes=CHECK,SMALL
// RUN: graft-opt %s -graft-version-tiles=max-ops=1 -verify-diagnostics
// RUN: graft-opt %s -graft-version-tiles='max-ops=2 threads=128' | FileCheck %s --check-prefixes=CHECK,LARGE
// RUN: graft-opt %s -graft-version-tiles='threads=128 max-ops=3' | FileCheck %s --check-prefixes=CHECK,LARGER

// The code to duplicate is two stores.
// CHECK-LABEL: @two_stores(
// SMALL-NOT:   scf.if
// LARGE:       scf.if
// CHECK:       tt.return
tt.func @two_stores(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{not versioned: the code to duplicate has more than max-ops=1 operations}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// Operations in loops count once each: here a loop, the store in it, and its end.
// CHECK-LABEL: @loop(
// SMALL-NOT:   scf.if
// LARGE-NOT:   scf.if
// LARGER:      scf.if
// CHECK:       tt.return
tt.func @loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  scf.for %i = %zero to %count step %one : i32 {
    // expected-remark@below {{not versioned: the code to duplicate has more than max-ops=1 operations}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}
