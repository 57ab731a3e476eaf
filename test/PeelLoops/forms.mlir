// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// What is left of a row, from one iteration to the next.
// CHECK-LABEL: @remaining(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @remaining(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
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
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A bound that the loop does not change is not what it peels for: version-tiles branches in front of it.
// CHECK-LABEL: @unchanging(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @unchanging(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32, %start: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  scf.for %k = %zero to %count step %one : i32 {
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// An index that goes along the row.
// CHECK-LABEL: @stepping(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @stepping(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %out: tensor<1024x!tt.ptr<f16>>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %n step %size : i32 {
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

// An index that is computed from the number of the iteration.
// CHECK-LABEL: @numbered(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @numbered(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %first = arith.muli %k, %size : i32
    %starts = tt.splat %first : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A bound that belongs to the row.
// CHECK-LABEL: @inclusive(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @inclusive(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi sle, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A bound on the left.
// CHECK-LABEL: @reversed(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @reversed(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %n, %done : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi sgt, %bound, %range : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A lower bound, though no iteration is taken for whole where the first is not.
// CHECK-LABEL: @lower(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @lower(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %out: tensor<1024x!tt.ptr<f16>>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %n step %size : i32 {
    %starts = tt.splat %k : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi sge, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// An index that is extended to 64 bits, and a bound of 32.
// CHECK-LABEL: @extended(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @extended(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %out: tensor<1024x!tt.ptr<f16>>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %n step %size : i32 {
    %starts = tt.splat %k : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %wide = arith.extsi %index : tensor<1024xi32> to tensor<1024xi64>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %limit = arith.extsi %bound : tensor<1024xi32> to tensor<1024xi64>
    %mask = arith.cmpi slt, %wide, %limit : tensor<1024xi64>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A number of the iteration that is extended to 64 bits before it is multiplied.
// CHECK-LABEL: @extended_scalar(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @extended_scalar(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %size64 = arith.constant 1024 : i64
  %range64 = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %k64 = arith.extsi %k : i32 to i64
    %done = arith.muli %k64, %size64 : i64
    %n64 = arith.extsi %n : i32 to i64
    %left = arith.subi %n64, %done : i64
    %bound = tt.splat %left : i64 -> tensor<1024xi64>
    %mask = arith.cmpi slt, %range64, %bound : tensor<1024xi64>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// An index that begins at what the loop carries.
// CHECK-LABEL: @carried(
// CHECK:       %[[END:.*]] = scf.for {{.*}} iter_args(
// CHECK:       tt.load %{{[^,]+}} : tensor
// CHECK:       scf.yield
// CHECK:       scf.for {{.*}} iter_args(%{{.*}} = %[[END]])
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @carried(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %end = scf.for %k = %zero to %count step %one iter_args(%at = %n) -> (i32) : i32 {
    %starts = tt.splat %at : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %count : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %size, %at : i32
    scf.yield %next : i32
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// A difference of two numbers that change.
// CHECK-LABEL: @difference(
// CHECK:       scf.for
// CHECK-NOT:   tt.load {{.*}}, %{{.*}} : tensor
// CHECK:       %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @difference(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %zero to %count step %one : i32 {
    %done = arith.muli %k, %size : i32
    %twice = arith.addi %done, %done : i32
    %less = arith.subi %twice, %done : i32
    %left = arith.subi %n, %less : i32
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
