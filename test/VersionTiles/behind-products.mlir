// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// What follows a loop with a dot product is versioned though an access in the loop, under the same mask, would be.
// CHECK-LABEL: @same_mask(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-NOT:   scf.if
// CHECK:       scf.for
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @same_mask(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %i: i32, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>,
                   %sums: tensor<64x64x!tt.ptr<f32>>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    // expected-remark@below {{graft-version-tiles: not versioned: the code to duplicate holds a dot product}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %sum : tensor<64x64x!tt.ptr<f32>>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So it is where the mask in the loop is another one.
// CHECK-LABEL: @own_mask(
// CHECK:       scf.for
// CHECK-NOT:   scf.if
// CHECK:       scf.yield
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @own_mask(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %i: i32, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>,
                  %sums: tensor<64x64x!tt.ptr<f32>>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    %from = tt.splat %j : i32 -> tensor<1024xi32>
    %at = arith.addi %from, %range : tensor<1024xi32>
    %inside = arith.cmpi slt, %at, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-version-tiles: not versioned: the loop around it holds a dot product}}
    tt.store %ptrs, %value, %inside : tensor<1024x!tt.ptr<f16>>
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %sum : tensor<64x64x!tt.ptr<f32>>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Behind two such loops the branch is behind both, and each says why it is not versioned.
// CHECK-LABEL: @two_loops(
// CHECK:       scf.for
// CHECK-NOT:   scf.if
// CHECK:       scf.for
// CHECK-NOT:   scf.if
// CHECK:       scf.yield
// CHECK:       scf.if
tt.func @two_loops(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %i: i32, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>,
                   %sums: tensor<64x64x!tt.ptr<f32>>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    // expected-remark@below {{graft-version-tiles: not versioned: the code to duplicate holds a dot product}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %sum : tensor<64x64x!tt.ptr<f32>>
  %other = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    // expected-remark@below {{graft-version-tiles: not versioned: the code to duplicate holds a dot product}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %other : tensor<64x64x!tt.ptr<f32>>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An access in front of the loop is not versioned: what follows it would have to be duplicated.
// CHECK-LABEL: @in_front(
// CHECK-NOT:   scf.if
// CHECK:       scf.for
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @in_front(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %i: i32, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>,
                  %sums: tensor<64x64x!tt.ptr<f32>>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: not versioned: the code to duplicate holds a dot product}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %sum : tensor<64x64x!tt.ptr<f32>>
  tt.return
}

// -----

// One behind it is not either then, though it would be alone.
// CHECK-LABEL: @in_front_and_behind(
// CHECK-NOT:   scf.if
// CHECK:       scf.for
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @in_front_and_behind(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %i: i32, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>,
                             %sums: tensor<64x64x!tt.ptr<f32>>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: not versioned: the code to duplicate holds a dot product}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %sum : tensor<64x64x!tt.ptr<f32>>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Without an access in the loop or in front of it, the branch is behind it.
// CHECK-LABEL: @behind(
// CHECK:       scf.for
// CHECK-NOT:   scf.if
// CHECK:       scf.yield
// CHECK:       scf.if
tt.func @behind(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %i: i32, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>,
                %sums: tensor<64x64x!tt.ptr<f32>>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.store %sums, %sum : tensor<64x64x!tt.ptr<f32>>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
