// RUN: graft-opt %s -graft-split-masks | FileCheck %s --check-prefixes=CHECK,EIGHT
// RUN: graft-opt %s -graft-split-masks=threads=256 | FileCheck %s --check-prefixes=CHECK,FOUR
// RUN: graft-opt %s -graft-split-masks=threads=512 | FileCheck %s --check-prefixes=CHECK,ONE
// RUN: graft-opt %s -graft-split-masks=threads=512 -verify-diagnostics

// More threads have fewer elements each, and shorter vectors; two elements are not worth a second access.
// CHECK-LABEL: @row(
// EIGHT:       arith.constant 8 : i32
// FOUR:        arith.constant 4 : i32
// ONE-NOT:     arith.andi
// CHECK:       tt.return
tt.func @row(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
