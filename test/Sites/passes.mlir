// RUN: graft-opt %s -graft-swizzle-programs='group=4 skip-sites=1' -graft-peel-loops=skip-sites=1 -graft-version-tiles=skip-sites=1 \
// RUN:   | FileCheck %s
// RUN: graft-opt %s -graft-swizzle-programs='group=4 skip-sites=1' -graft-peel-loops=skip-sites=1 -graft-version-tiles=skip-sites=1 \
// RUN:   -verify-diagnostics

// Each pass leaves the only place that it has here. What stands in front of it is numbered for each anew.
// CHECK-LABEL: @product(
// CHECK-NOT:   arith.divui
// CHECK:       tt.dot
tt.func @product(%n: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: site 1 is skipped}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// CHECK-LABEL: @loop(
// CHECK-COUNT-1: scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: site 1 is skipped}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: site 1 is skipped}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
