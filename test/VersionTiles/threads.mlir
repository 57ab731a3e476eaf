// RUN: graft-opt %s -graft-version-tiles | FileCheck %s --check-prefixes=CHECK,MANY
// RUN: graft-opt %s -graft-version-tiles=threads=128 | FileCheck %s --check-prefixes=CHECK,MANY
// RUN: graft-opt %s -graft-version-tiles=threads=64 | FileCheck %s --check-prefixes=CHECK,FEW

// With 128 threads a tile of 128 has one element a thread and is left alone; with 64 it has two.
// CHECK-LABEL: @tile_of_128(
// MANY-NOT:    scf.if
// FEW:         scf.if
// CHECK:       tt.return
tt.func @tile_of_128(%ptrs: tensor<128x!tt.ptr<f16>> {tt.contiguity = 128 : i32, tt.divisibility = 16 : i32},
                     %value: tensor<128xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
  %starts = tt.splat %start : i32 -> tensor<128xi32>
  %index = arith.addi %starts, %range : tensor<128xi32>
  %bound = tt.splat %n : i32 -> tensor<128xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<128xi32>
  tt.store %ptrs, %value, %mask : tensor<128x!tt.ptr<f16>>
  tt.return
}
