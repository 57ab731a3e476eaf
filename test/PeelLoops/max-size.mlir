// RUN: graft-opt %s -graft-peel-loops=max-size=20 | FileCheck %s --check-prefixes=CHECK,SMALL
// RUN: graft-opt %s -graft-peel-loops=max-size=20 -verify-diagnostics
// RUN: graft-opt %s -graft-peel-loops='max-size=23 threads=128' | FileCheck %s --check-prefixes=CHECK,LARGE

// The module is fifteen operations, eight of them a loop.
// CHECK-LABEL: @loop(
// CHECK:       scf.for
// SMALL-NOT:   scf.for
// LARGE:       scf.for
// CHECK:       tt.return
tt.func @loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: not peeled: it takes 8 operations more, and 5 are left to the kernel's max-size=20}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
