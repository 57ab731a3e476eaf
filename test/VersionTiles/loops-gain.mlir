// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// In a loop, accesses that are twice as wide are not worth a branch in each iteration.
// CHECK-LABEL: @twice(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @twice(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
               %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: not versioned: accesses in the loop would be 2 times as wide, less than the 4 that a branch in each iteration is worth}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// Four times as wide is worth it.
// CHECK-LABEL: @four_times(
// CHECK:       scf.for
// CHECK:       scf.if
// CHECK:       tt.return
tt.func @four_times(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 8 : i32},
                    %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// A bound that is a multiple of 2 makes eight elements four times as wide.
// CHECK-LABEL: @bound_of_pairs(
// CHECK:       scf.for
// CHECK:       scf.if
// CHECK:       tt.return
tt.func @bound_of_pairs(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %n: i32 {tt.divisibility = 2 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// One that is a multiple of 4 makes them twice as wide.
// CHECK-LABEL: @bound_of_fours(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @bound_of_fours(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %n: i32 {tt.divisibility = 4 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: not versioned: accesses in the loop would be 2 times as wide, less than the 4 that a branch in each iteration is worth}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// One access that gains enough takes the others along.
// CHECK-LABEL: @one_enough(
// CHECK:       scf.for
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @one_enough(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
                    %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %others, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// A branch in front of the loop is taken once: there twice as wide is worth it.
// CHECK-LABEL: @in_front(
// CHECK:       scf.if
// CHECK:       scf.for
tt.func @in_front(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
                  %value: tensor<1024xf16>, %n: i32, %i: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  scf.for %j = %zero to %n step %step : i32 {
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// So is one beside loops.
// CHECK-LABEL: @without_loop(
// CHECK:       scf.if
tt.func @without_loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
                      %value: tensor<1024xf16>, %n: i32, %i: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A condition of the outer loop is taken again in each of its iterations.
// CHECK-LABEL: @outer(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @outer(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
               %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    scf.for %j = %zero to %n step %step : i32 {
      // expected-remark@below {{graft-version-tiles: not versioned: accesses in the loop would be 2 times as wide, less than the 4 that a branch in each iteration is worth}}
      tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    }
  }
  tt.return
}
