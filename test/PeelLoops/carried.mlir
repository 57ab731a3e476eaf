// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// An index that the loop carries on grows by the same in each iteration.
// CHECK-LABEL: @carried(
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @carried(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %steps = arith.constant dense<1024> : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %size = arith.constant 1024 : i32
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %end = scf.for %k = %zero to %n step %size iter_args(%offs = %range) -> (tensor<1024xi32>) : i32 {
    %mask = arith.cmpi slt, %offs, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %offs, %steps : tensor<1024xi32>
    scf.yield %next : tensor<1024xi32>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// One that grows by what is not known does not.
// CHECK-LABEL: @carried_by_an_argument(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @carried_by_an_argument(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %steps: tensor<1024xi32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %size = arith.constant 1024 : i32
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %end = scf.for %k = %zero to %n step %size iter_args(%offs = %range) -> (tensor<1024xi32>) : i32 {
    %mask = arith.cmpi slt, %offs, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %offs, %steps : tensor<1024xi32>
    scf.yield %next : tensor<1024xi32>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// Below the smaller of two is below both.
// CHECK-LABEL: @minimum(
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
tt.func @minimum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %cap: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %n step %size : i32 {
    %left = arith.subi %n, %k : i32
    %least = arith.minsi %left, %cap : i32
    %bound = tt.splat %least : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// Below the larger of two is below one of them, which is not told here.
// CHECK-LABEL: @maximum(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @maximum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %cap: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %n step %size : i32 {
    %left = arith.subi %n, %k : i32
    %most = arith.maxsi %left, %cap : i32
    %bound = tt.splat %most : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
