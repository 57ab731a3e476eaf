// RUN: graft-opt %s -graft-version-tiles=max-size=9 | FileCheck %s --check-prefixes=CHECK,SMALL
// RUN: graft-opt %s -graft-version-tiles=max-size=9 -verify-diagnostics
// RUN: graft-opt %s -graft-version-tiles='max-size=10 threads=128' | FileCheck %s --check-prefixes=CHECK,LARGE

// The module is nine operations, the code to duplicate one of them.
// CHECK-LABEL: @store(
// SMALL-NOT:   scf.if
// LARGE:       scf.if
// CHECK:       tt.return
tt.func @store(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{not versioned: it takes 1 operations more, and 0 are left to the kernel's max-size=9}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
