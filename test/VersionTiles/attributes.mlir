// RUN: graft-opt %s -graft-version-tiles | FileCheck %s

// Attributes of the module, the function and its arguments stay.
// CHECK:       module @kernel attributes {some.test = "kept", ttg.maxnreg = 64 : i32} {
// CHECK-LABEL: tt.func public @attributes(
// CHECK-SAME:  {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32}
// CHECK-SAME:  attributes {noinline = false}
// CHECK:       scf.if
module @kernel attributes {some.test = "kept", ttg.maxnreg = 64 : i32} {
  tt.func public @attributes(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %start: i32, %n: i32) attributes {noinline = false} {
    %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
    %starts = tt.splat %start : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    tt.return
  }
}
