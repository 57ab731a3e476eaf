// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// Regression: with k = a = c = -32768 the bound is 2^31, which i32 does not hold: whether it does is asked.
// CHECK-LABEL: @ends_of_types(
// CHECK:       %[[MOST:.*]] = arith.constant 2147483647 : i64
// CHECK-NEXT:  arith.cmpi sle, %{{.*}}, %[[MOST]] : i64
// CHECK-NOT:   arith.cmpi sge
// CHECK:       scf.for
// CHECK:       scf.for
tt.func public @ends_of_types(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                              %lower: i16, %upper: i16, %a: i16, %c: i16) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %one = arith.constant 1 : i16
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %lower to %upper step %one : i16 {
    %k32 = arith.extsi %k : i16 to i32
    %a32 = arith.extsi %a : i16 to i32
    %c32 = arith.extsi %c : i16 to i32
    %sum = arith.addi %k32, %a32 : i32
    %product = arith.muli %sum, %c32 : i32
    %bound = tt.splat %product : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %ptrs, %x, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A bound with a promise says nothing in front of the loop if the access may not be reached.
// CHECK-LABEL: @promise(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func public @promise(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %n: i32, %m: i32, %count: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %end = arith.addi %n, %m overflow<nsw> : i32
  scf.for %k = %zero to %count step %one : i32 {
    %left = arith.subi %end, %k : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    scf.if %guard {
      // expected-remark@below {{mask kept: the bound may have no value where the access is not reached}}
      %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
      // expected-remark@below {{mask kept: the bound may have no value where the access is not reached}}
      tt.store %ptrs, %x, %mask : tensor<1024x!tt.ptr<f16>>
    }
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// Without the promise it does.
// CHECK-LABEL: @no_promise(
// CHECK:       scf.for
// CHECK:       scf.for
tt.func public @no_promise(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                           %n: i32, %m: i32, %count: i32, %guard: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %end = arith.addi %n, %m : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %left = arith.subi %end, %k : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    scf.if %guard {
      %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
      tt.store %ptrs, %x, %mask : tensor<1024x!tt.ptr<f16>>
    }
  } {tt.num_stages = 3 : i32}
  tt.return
}
