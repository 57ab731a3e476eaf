// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// Numbers of 64 bits are tested to be so small that sums of them are numbers, too.
// CHECK-LABEL: @bounds(
// CHECK:       arith.constant 1099511627776 : i64
// CHECK:       arith.constant -1099511627776 : i64
// CHECK:       scf.for %{{.*}} = %{{.*}} to %[[MIDDLE:.*]] step %{{.*}}  : i64 {
// CHECK:       tt.load %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for %{{.*}} = %[[MIDDLE]] to
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @bounds(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %out: tensor<1024x!tt.ptr<f16>>, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %wide = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  %zero = arith.constant 0 : i64
  %size = arith.constant 1024 : i64
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %n step %size : i64 {
    %starts = tt.splat %k : i64 -> tensor<1024xi64>
    %index = arith.addi %starts, %wide : tensor<1024xi64>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A product of two of them may be none.
// CHECK-LABEL: @product(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @product(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i64, %m: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %wide = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  %zero = arith.constant 0 : i64
  %size = arith.constant 1024 : i64
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  scf.for %k = %zero to %n step %size : i64 {
    %start = arith.muli %k, %m : i64
    %starts = tt.splat %start : i64 -> tensor<1024xi64>
    %index = arith.addi %starts, %wide : tensor<1024xi64>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
