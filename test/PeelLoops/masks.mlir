// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// Loads and stores under masks of their own are whole together.
// CHECK-LABEL: @two_masks(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32, %{{.*}}, %[[M:arg[0-9]+]]: i32)
// CHECK:       %[[N64:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK:       arith.subi %[[N64]], %{{.*}} : i64
// CHECK:       %[[M64:.*]] = arith.extsi %[[M]] : i32 to i64
// CHECK:       arith.subi %[[M64]], %{{.*}} : i64
// CHECK:       scf.for
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK:       scf.for
// CHECK:       %[[Y:.*]] = tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[Y]], %{{[^,]+}} : tensor
tt.func @two_masks(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32,
                   %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32}, %m: i32) {
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
    %more = arith.subi %m, %done : i32
    %limit = tt.splat %more : i32 -> tensor<1024xi32>
    %second = arith.cmpi slt, %range, %limit : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %others, %x, %second : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A mask that gains nothing goes with one that does: those of stores through pointers of which nothing is known.
// CHECK-LABEL: @without_gain(
// CHECK:       scf.for
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK:       scf.for
// CHECK:       %[[Y:.*]] = tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[Y]], %{{[^,]+}} : tensor
tt.func @without_gain(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %m: i32) {
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
    %more = arith.subi %m, %done : i32
    %limit = tt.splat %more : i32 -> tensor<1024xi32>
    %second = arith.cmpi slt, %range, %limit : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x, %second : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// Where none gains, each says so.
// CHECK-LABEL: @none_gains(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @none_gains(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %values: tensor<1024xf16>) {
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
    %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %values, %mask : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) -> tensor<1024xf16>
    // expected-remark@below {{graft-peel-loops: mask kept: the access is no wider without it}}
    tt.store %out, %values, %mask : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// An atomic operation loses its mask with the load beside it.
// CHECK-LABEL: @atomic(
// CHECK:       scf.for
// CHECK:       tt.atomic_rmw {{.*}} : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>) ->
// CHECK:       scf.for
// CHECK:       tt.atomic_rmw {{.*}} : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) ->
tt.func @atomic(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %values: tensor<1024xf16>) {
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
    %old = tt.atomic_rmw fadd, relaxed, gpu, %out, %values, %mask : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) -> tensor<1024xf16>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A selection by the mask takes its first operand in whole tiles.
// CHECK-LABEL: @select(
// CHECK:       scf.for
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK:       scf.for
// CHECK:       arith.select
tt.func @select(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %values: tensor<1024xf16>) {
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
    %clean = arith.select %mask, %x, %values : tensor<1024xi1>, tensor<1024xf16>
    tt.store %out, %clean : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A part of the mask that the loop does not change and that is the same over vectors stays.
// CHECK-LABEL: @wide_part(
// CHECK-SAME:  %[[FLAGS:arg[0-9]+]]: tensor<1024xi1> {{.*}}) {
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}}, %[[FLAGS]] {tt.versioned_by_graft} : tensor
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @wide_part(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32,
                   %flags: tensor<1024xi1> {tt.constancy = 8 : i32}) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %inside = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %mask = arith.andi %inside, %flags : tensor<1024xi1>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// One that narrows the access keeps it narrow.
// CHECK-LABEL: @narrow_part(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @narrow_part(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %m: i32, %start: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %fixed = arith.cmpi slt, %index, %limit : tensor<1024xi32>
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %inside = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %mask = arith.andi %inside, %fixed : tensor<1024xi1>
    // expected-remark@below {{graft-peel-loops: mask kept: what narrows the access does not change in the loop}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// So does one that depends on data.
// CHECK-LABEL: @data(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @data(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %flags: tensor<1024xi1>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %inside = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %mask = arith.andi %inside, %flags : tensor<1024xi1>
    // expected-remark@below {{graft-peel-loops: mask kept: the mask is not a bound on scalars plus a range: a block argument}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// So does one whose bound is not affine in the iteration.
// CHECK-LABEL: @not_affine_part(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @not_affine_part(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %square = arith.muli %done, %done : i32
    %more = arith.subi %m, %square : i32
    %limit = tt.splat %more : i32 -> tensor<1024xi32>
    %inside = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %below = arith.cmpi slt, %range, %limit : tensor<1024xi32>
    %mask = arith.andi %inside, %below : tensor<1024xi1>
    // expected-remark@below {{graft-peel-loops: mask kept: the bound is not affine in the iteration}}
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
