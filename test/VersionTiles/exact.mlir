// RUN: graft-opt %s -graft-version-tiles=exact=true -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles=exact=true -split-input-file -verify-diagnostics

// What is only added is rounded as before, whatever becomes of blocks.
// CHECK-LABEL: @sum(
// CHECK:       scf.if
tt.func @sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %a: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %y = arith.addf %x, %a : tensor<1024xf16>
  tt.store %ptrs, %y, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A product and a sum may become one operation.
// CHECK-LABEL: @product_and_sum(
// CHECK-NOT:   scf.if
// expected-remark@below {{graft-version-tiles: left alone for exact bits: a product and a sum may become one operation or stay two}}
tt.func @product_and_sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %a: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %y = arith.mulf %x, %a : tensor<1024xf16>
  %z = arith.addf %y, %a : tensor<1024xf16>
  tt.store %ptrs, %z, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The order of a sum over a tile belongs to its layout; that of a maximum does not matter.
// CHECK-LABEL: @reduction(
// CHECK-NOT:   scf.if
// expected-remark@below {{left alone for exact bits: the order of a reduction or a dot product may change}}
tt.func @reduction(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: !tt.ptr<f16>, %zero: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask, %zero : tensor<1024x!tt.ptr<f16>>
  %y = "tt.reduce"(%x) <{axis = 0 : i32}> ({
  ^bb0(%l: f16, %r: f16):
    %s = arith.addf %l, %r : f16
    tt.reduce.return %s : f16
  }) : (tensor<1024xf16>) -> f16
  tt.store %out, %y : !tt.ptr<f16>
  tt.return
}

// -----

// CHECK-LABEL: @maximum(
// CHECK:       scf.if
tt.func @maximum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: !tt.ptr<f16>, %zero: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  %x = tt.load %ptrs, %mask, %zero : tensor<1024x!tt.ptr<f16>>
  %y = "tt.reduce"(%x) <{axis = 0 : i32}> ({
  ^bb0(%l: f16, %r: f16):
    %s = arith.maxnumf %l, %r : f16
    tt.reduce.return %s : f16
  }) : (tensor<1024xf16>) -> f16
  tt.store %out, %y : !tt.ptr<f16>
  tt.return
}
