// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// A bound that shrinks with the square of the iteration is not known to be whole between two whole iterations.
// CHECK-LABEL: @square(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @square(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %k : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A bound that is read from memory can be anything.
// CHECK-LABEL: @loaded(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @loaded(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %limits: !tt.ptr<i32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %at = tt.addptr %limits, %k : !tt.ptr<i32>, i32
    %left = tt.load %at : !tt.ptr<i32>
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %start = arith.muli %k, %size : i32
    %starts = tt.splat %start : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// So can one that the loop carries and multiplies.
// CHECK-LABEL: @doubled(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @doubled(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %end = scf.for %k = %zero to %count step %one iter_args(%left = %n) -> (i32) : i32 {
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %left, %left : i32
    scf.yield %next : i32
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// An unsigned comparison is not one of the numbers that are computed in 64 bits.
// CHECK-LABEL: @unsigned(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @unsigned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi ult, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A remainder of the iteration goes up and down.
// CHECK-LABEL: @remainder(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @remainder(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %turn = arith.remsi %k, %size : i32
    %done = arith.muli %turn, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
