// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// A loop that is to be warp-specialized stays one.
// CHECK-LABEL: @warp_specialize(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @warp_specialize(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: not peeled: the loop, or one around it, has tt.warp_specialize}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32, tt.warp_specialize}
  tt.return
}

// -----

// So does one that is to be flattened.
// CHECK-LABEL: @flatten(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @flatten(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: not peeled: the loop, or one around it, has tt.flatten}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.flatten, tt.num_stages = 3 : i32}
  tt.return
}

// -----

// So does one inside a loop that is to be flattened, which takes a nest of two.
// CHECK-LABEL: @outer_flatten(
// CHECK:       scf.for
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @outer_flatten(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %j = %zero to %count step %one : i32 {
    // expected-remark@below {{graft-peel-loops: not peeled: the loop, or one around it, has tt.flatten}}
    scf.for %k = %zero to %count step %one : i32 {
      %done = arith.muli %k, %size : i32
      %left = arith.subi %n, %done : i32
      %bound = tt.splat %left : i32 -> tensor<1024xi32>
      %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
      %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
      tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    } {tt.num_stages = 3 : i32}
  } {tt.flatten}
  tt.return
}

// -----

// In a loop that is not, the inner loop becomes two.
// CHECK-LABEL: @outer_plain(
// CHECK:       scf.for
// CHECK:       scf.for
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @outer_plain(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %j = %zero to %count step %one : i32 {
    // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
    scf.for %k = %zero to %count step %one : i32 {
      %done = arith.muli %k, %size : i32
      %left = arith.subi %n, %done : i32
      %bound = tt.splat %left : i32 -> tensor<1024xi32>
      %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
      %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
      tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    } {tt.num_stages = 3 : i32}
  }
  tt.return
}

// -----

// A step that is not constant may be any.
// CHECK-LABEL: @step(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @step(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %step: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: not peeled: the loop has no constant step, or unsigned bounds}}
  scf.for %k = %zero to %n step %step : i32 {
    %starts = tt.splat %k : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// One of 16 bits has few.
// CHECK-LABEL: @induction_variable_of_16_bits(
// CHECK:       scf.for
// CHECK:       scf.for
// CHECK:       tt.return
tt.func @induction_variable_of_16_bits(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                       %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i16) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %zero16 = arith.constant 0 : i16
  %one16 = arith.constant 1 : i16
  %less = arith.constant -1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %end = scf.for %k = %zero16 to %count step %one16 iter_args(%left = %n) -> (i32) : i16 {
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %left, %less : i32
    scf.yield %next : i32
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// Unsigned bounds of the loop are not extended as signed ones.
// CHECK-LABEL: @unsigned_loop(
// CHECK:       scf.for unsigned
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @unsigned_loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %less = arith.constant -1024 : i32
  // expected-remark@below {{graft-peel-loops: not peeled: the loop has no constant step, or unsigned bounds}}
  %end = scf.for unsigned %k = %zero to %count step %one iter_args(%left = %n) -> (i32) : i32 {
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %left, %less : i32
    scf.yield %next : i32
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A load that its pointers keep from being an asynchronous copy makes the loop wait in any case.
// CHECK-LABEL: @narrow_pointers(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @narrow_pointers(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32,
                         %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 2 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: not peeled: its pointers keep a load in it from being an asynchronous copy}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %y = tt.load %others : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %y : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// Four bytes are enough for one.
// CHECK-LABEL: @pointers_of_4_bytes(
// CHECK:       scf.for
// CHECK:       scf.for
// CHECK:       tt.return
tt.func @pointers_of_4_bytes(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32,
                             %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %y = tt.load %others : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %y : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A load of a scalar, which never is one, does not count.
// CHECK-LABEL: @scalar_load(
// CHECK:       scf.for
// CHECK:       scf.for
// CHECK:       tt.return
tt.func @scalar_load(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %scalar: !tt.ptr<f16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %y = tt.load %scalar : !tt.ptr<f16>
    tt.store %scalar, %y : !tt.ptr<f16>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A mask that is as wide as the pointers gains nothing.
// CHECK-LABEL: @divisible(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @divisible(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: tensor<1024x!tt.ptr<f16>>, %n: i32 {tt.divisibility = 16 : i32}, %count: i32) {
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
