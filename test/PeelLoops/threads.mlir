// RUN: graft-opt %s -graft-peel-loops=threads=512 | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: graft-opt %s -graft-peel-loops=threads=1024 | FileCheck %s --check-prefixes=CHECK,SINGLE
// RUN: graft-opt %s -graft-peel-loops=threads=1024 -verify-diagnostics

// Two elements for each thread are twice as wide without the mask; one element is no wider.
// CHECK-LABEL: @loop(
// CHECK:       scf.for
// PAIRS:       scf.for
// SINGLE-NOT:  scf.for
// CHECK:       tt.return
tt.func @loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-peel-loops: mask kept: the access is no wider without it}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
