// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// A loop that is not pipelined is left to version-tiles, without a remark.
// CHECK-LABEL: @plain(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @plain(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
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
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// Of a nest, the outer loop is not the one that is pipelined.
// CHECK-LABEL: @outer(
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @outer(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
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
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    scf.for %j = %zero to %count step %one : i32 {
      tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    }
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A while loop inside counts too.
// CHECK-LABEL: @while_inside(
// CHECK:       scf.for
// CHECK:       scf.while
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @while_inside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    scf.while : () -> () {
      scf.condition(%flag)
    } do {
      scf.yield
    }
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A loop without masks has nothing to lose.
// CHECK-LABEL: @without_masks(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @without_masks(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %x = tt.load %ptrs : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A mask of which no part is a bound says nothing of iterations.
// CHECK-LABEL: @argument(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @argument(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %mask: tensor<1024xi1>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A scalar mask narrows nothing.
// CHECK-LABEL: @scalar(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @scalar(%pointer: !tt.ptr<f16>, %value: f16, %n: i32, %count: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %mask = arith.cmpi slt, %k, %n : i32
    tt.store %pointer, %value, %mask : !tt.ptr<f16>
  } {tt.num_stages = 3 : i32}
  tt.return
}
