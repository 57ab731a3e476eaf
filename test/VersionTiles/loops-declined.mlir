// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A loop that is to be software-pipelined stays one block, which is what that takes.
// CHECK-LABEL: @num_stages(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @num_stages(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{not versioned: the loop around it is to be software-pipelined}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A loop that is to be warp-specialized stays one block, which is what that takes.
// CHECK-LABEL: @warp_specialize(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @warp_specialize(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{not versioned: the loop around it is to be warp-specialized}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.warp_specialize}
  tt.return
}

// -----

// A loop that holds a dot product is to be pipelined too.
// CHECK-LABEL: @dot(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @dot(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %n: i32, %a: tensor<64x64xf16>, %b: tensor<64x64xf16>,
             %zeros: tensor<64x64xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %sum = scf.for %i = %zero to %n step %step iter_args(%acc = %zeros) -> (tensor<64x64xf32>) : i32 {
    %product = tt.dot %a, %b, %acc : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{not versioned: the loop around it holds a dot product}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    scf.yield %product : tensor<64x64xf32>
  }
  tt.return
}

// -----

// A loop with a dot product is not duplicated either.
// CHECK-LABEL: @dot_duplicated(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @dot_duplicated(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32, %a: tensor<64x64xf16>,
                        %b: tensor<64x64xf16>, %acc: tensor<64x64xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{not versioned: the code to duplicate holds a dot product}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %count step %step : i32 {
    %product = tt.dot %a, %b, %acc : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
  }
  tt.return
}

// -----

// A loop that is to be warp-specialized is not duplicated.
// CHECK-LABEL: @warp_specialize_duplicated(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @warp_specialize_duplicated(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                    %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %count step %step : i32 {
    // expected-remark@below {{not versioned: the code to duplicate is to be warp-specialized}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.warp_specialize}
  tt.return
}

// -----

// A dot product before the first access is neither in the way nor duplicated.
// CHECK-LABEL: @dot_before(
// CHECK:       tt.dot
// CHECK-NOT:   tt.dot
// CHECK:       scf.if
tt.func @dot_before(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %start: i32, %n: i32, %a: tensor<64x64xf16>, %b: tensor<64x64xf16>,
                    %acc: tensor<64x64xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %product = tt.dot %a, %b, %acc : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An invariant mask leaves the loop to be pipelined on both sides.
// CHECK-LABEL: @pipelined_duplicated(
// CHECK:       scf.if
// CHECK:         tt.num_stages = 3
// CHECK:       } else {
// CHECK:         tt.num_stages = 3
tt.func @pipelined_duplicated(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                              %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  // expected-remark@below {{versioned 1 mask}}
  scf.for %i = %zero to %count step %step : i32 {
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// An access in a branch is in the loop too.
// CHECK-LABEL: @in_a_branch(
// CHECK:       scf.if
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @in_a_branch(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %value: tensor<1024xf16>, %n: i32, %choice: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    scf.if %choice {
      %square = arith.muli %i, %i : i32
      %starts = tt.splat %square : i32 -> tensor<1024xi32>
      %index = arith.addi %starts, %range : tensor<1024xi32>
      %bound = tt.splat %n : i32 -> tensor<1024xi32>
      %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
      // expected-remark@below {{not versioned: the loop around it is to be software-pipelined}}
      tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    }
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// What graft-peel-loops has left is hardly ever whole.
// CHECK-LABEL: @peeled(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @peeled(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %begin: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %step = arith.constant 1024 : i32
  scf.for %i = %begin to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{not versioned: the loop around it takes what graft-peel-loops has left}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
  tt.return
}

// -----

// With one stage a loop is not pipelined.
// CHECK-LABEL: @one_stage(
// CHECK:       scf.for
// CHECK:       scf.if
tt.func @one_stage(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %begin: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %step = arith.constant 1024 : i32
  scf.for %i = %begin to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{versioned 1 mask}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 1 : i32}
  tt.return
}
