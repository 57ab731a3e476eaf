// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A product in front of the branch goes along with the sum behind it, into both sides.
// CHECK-LABEL: @product_in_front(
// CHECK-NOT:   arith.mulf
// CHECK:       scf.if
// CHECK:         %[[X:.*]] = tt.load
// CHECK:         %[[P:.*]] = arith.mulf
// CHECK:         arith.addf %[[P]], %[[X]]
// CHECK:       } else {
// CHECK:         %[[Y:.*]] = tt.load
// CHECK:         %[[Q:.*]] = arith.mulf
// CHECK:         arith.addf %[[Q]], %[[Y]]
tt.func @product_in_front(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %a: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %p = arith.mulf %a, %a : tensor<1024xf16>
  // expected-remark@below {{versioned 1 mask}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %sum = arith.addf %p, %x : tensor<1024xf16>
  tt.store %ptrs, %sum, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// What else uses the product goes along, too, and so does what spreads it.
// CHECK-LABEL: @spread(
// CHECK-NOT:   arith.mulf
// CHECK:       scf.if
// CHECK:         arith.mulf
// CHECK:         tt.splat
// CHECK:         math.exp
// CHECK:       } else {
// CHECK:         arith.mulf
// CHECK:         tt.splat
// CHECK:         math.exp
tt.func @spread(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %a: f16, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %p = arith.mulf %a, %a : f16
  %lanes = tt.splat %p : f16 -> tensor<1024xf16>
  %exp = math.exp %lanes : tensor<1024xf16>
  // expected-remark@below {{versioned 1 mask}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %sum = arith.subf %x, %lanes : tensor<1024xf16>
  %both = arith.addf %sum, %exp : tensor<1024xf16>
  tt.store %ptrs, %both, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A product that no sum takes in stays.
// CHECK-LABEL: @no_sum(
// CHECK:       arith.mulf
// CHECK:       scf.if
// CHECK-NOT:     arith.mulf
tt.func @no_sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %a: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %p = arith.mulf %a, %a : tensor<1024xf16>
  // expected-remark@below {{versioned 1 mask}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %most = arith.maxnumf %p, %x : tensor<1024xf16>
  tt.store %ptrs, %most, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// One that is stored in front of the branch cannot go along.
// CHECK-LABEL: @stored(
// CHECK-NOT:   scf.if
tt.func @stored(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %a: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %p = arith.mulf %a, %a : tensor<1024xf16>
  tt.store %ptrs, %p : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{not versioned: a sum in it takes in a product in front of it that has other uses}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %sum = arith.addf %p, %x : tensor<1024xf16>
  tt.store %ptrs, %sum, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A selection between a product and a sum keeps its mask; another one loses it.
// CHECK-LABEL: @selections(
// CHECK:       scf.if
// CHECK:         %[[P:.*]] = arith.mulf
// CHECK-NEXT:    %[[S:.*]] = arith.select %{{.*}}, %[[P]]
// CHECK-NEXT:    %[[SUM:.*]] = arith.addf %[[S]]
// CHECK-NOT:     arith.select
// CHECK:       } else {
tt.func @selections(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %zero: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %p = arith.mulf %x, %x : tensor<1024xf16>
  %s = arith.select %mask, %p, %zero : tensor<1024xi1>, tensor<1024xf16>
  %sum = arith.addf %s, %zero : tensor<1024xf16>
  %t = arith.select %mask, %sum, %zero : tensor<1024xi1>, tensor<1024xf16>
  tt.store %ptrs, %t, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
