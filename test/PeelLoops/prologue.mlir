// RUN: graft-opt %s -graft-peel-loops -common-canonicalizer -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -common-canonicalizer -common-cse -split-input-file -verify-diagnostics

// All iterations are whole, all but the last, or none: what holds in the first and in the last of so many holds between them.
// CHECK-LABEL: @remaining(
// CHECK-SAME:  %[[N32:arg[0-9]+]]: i32, %[[UPPER:arg[0-9]+]]: i32)
// CHECK:       %[[UPPER64:.*]] = arith.extsi %[[UPPER]] : i32 to i64
// CHECK-NEXT:  %[[COUNT:.*]] = arith.maxsi %[[UPPER64]], %c0_i64 : i64
// CHECK-NEXT:  %[[BEFORE:.*]] = arith.subi %[[COUNT]], %c1_i64 : i64
// CHECK-NEXT:  %[[LAST:.*]] = arith.maxsi %[[BEFORE]], %c0_i64 : i64
// CHECK-NEXT:  %[[N:.*]] = arith.extsi %[[N32]] : i32 to i64
// CHECK-NEXT:  %[[LAST_DONE:.*]] = arith.muli %[[LAST]], %c1024_i64 : i64
// CHECK:       %[[LAST_LEFT:.*]] = arith.subi %[[N]], %[[LAST_DONE]] : i64
// CHECK:       %[[LAST_INSIDE:.*]] = arith.cmpi sgt, %[[LAST_LEFT]], %c1023_i64 : i64
// CHECK:       %[[LAST_WHOLE:.*]] = arith.andi %{{.*}}, %[[LAST_INSIDE]] : i1
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.select %[[LAST_WHOLE]], %[[COUNT]], %[[LAST]] : i64
// CHECK:       %[[FIRST_INSIDE:.*]] = arith.cmpi sgt, %[[N]], %c1023_i64 : i64
// CHECK:       %[[FIRST_WHOLE:.*]] = arith.andi %{{.*}}, %[[FIRST_INSIDE]] : i1
// CHECK-NEXT:  %[[END_BEFORE:.*]] = arith.subi %[[WHOLE]], %c1_i64 : i64
// CHECK-NEXT:  %[[END:.*]] = arith.maxsi %[[END_BEFORE]], %c0_i64 : i64
// CHECK-NEXT:  %[[END_DONE:.*]] = arith.muli %[[END]], %c1024_i64 : i64
// CHECK:       %[[END_LEFT:.*]] = arith.subi %[[N]], %[[END_DONE]] : i64
// CHECK:       %[[END_INSIDE:.*]] = arith.cmpi sgt, %[[END_LEFT]], %c1023_i64 : i64
// CHECK:       %[[END_WHOLE:.*]] = arith.andi %{{.*}}, %[[END_INSIDE]] : i1
// CHECK-NEXT:  %[[BOTH:.*]] = arith.andi %[[FIRST_WHOLE]], %[[END_WHOLE]] : i1
// CHECK-NEXT:  %[[RUNS:.*]] = arith.cmpi sgt, %[[COUNT]], %c0_i64 : i64
// CHECK-NEXT:  %[[KNOWN:.*]] = arith.select %[[RUNS]], %[[BOTH]], %false : i1
// CHECK-NEXT:  %[[NUMBER:.*]] = arith.select %[[KNOWN]], %[[WHOLE]], %c0_i64 : i64
// CHECK-NEXT:  %[[INSIDE:.*]] = arith.minsi %[[NUMBER]], %[[UPPER64]] : i64
// CHECK-NEXT:  %[[MIDDLE64:.*]] = arith.maxsi %[[INSIDE]], %c0_i64 : i64
// CHECK-NEXT:  %[[MIDDLE:.*]] = arith.trunci %[[MIDDLE64]] : i64 to i32
// CHECK-NEXT:  scf.for %{{.*}} = %c0_i32 to %[[MIDDLE]] step %c1_i32
// CHECK-NEXT:  tt.load %{{[^,]+}} : tensor
// CHECK:       } {tt.num_stages = 3 : i32}
// CHECK-NEXT:  scf.for %{{.*}} = %[[MIDDLE]] to %[[UPPER]] step %c1_i32
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

// A loop over the row itself counts its iterations by rounding up, and begins the second loop at a multiple of its step.
// CHECK-LABEL: @stepping(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[N64:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK-NEXT:  %[[SPAN:.*]] = arith.maxsi %[[N64]], %c0_i64 : i64
// CHECK-NEXT:  %[[ROUNDED:.*]] = arith.addi %[[SPAN]], %c1023_i64 : i64
// CHECK-NEXT:  %[[COUNT:.*]] = arith.divui %[[ROUNDED]], %c1024_i64 : i64
// CHECK-NEXT:  %[[BEFORE:.*]] = arith.subi %[[COUNT]], %c1_i64 : i64
// CHECK-NEXT:  %[[LAST:.*]] = arith.maxsi %[[BEFORE]], %c0_i64 : i64
// CHECK-NEXT:  %[[FIRST_LANE:.*]] = arith.muli %[[LAST]], %c1024_i64 : i64
// CHECK-NEXT:  %[[LAST_LANE:.*]] = arith.addi %[[FIRST_LANE]], %c1023_i64 : i64
// CHECK-NEXT:  arith.cmpi sle, %[[LAST_LANE]], %c2147483647_i64 : i64
// CHECK:       arith.cmpi slt, %[[LAST_LANE]], %[[N64]] : i64
// CHECK:       %[[NUMBER:.*]] = arith.select %{{.*}}, %{{.*}}, %c0_i64 : i64
// CHECK-NEXT:  %[[STEPS:.*]] = arith.muli %[[NUMBER]], %c1024_i64 : i64
// CHECK-NEXT:  %[[INSIDE:.*]] = arith.minsi %[[STEPS]], %[[N64]] : i64
// CHECK-NEXT:  %[[MIDDLE64:.*]] = arith.maxsi %[[INSIDE]], %c0_i64 : i64
// CHECK-NEXT:  %[[MIDDLE:.*]] = arith.trunci %[[MIDDLE64]] : i64 to i32
// CHECK-NEXT:  scf.for %{{.*}} = %c0_i32 to %[[MIDDLE]] step %c1024_i32
// CHECK:       scf.for %{{.*}} = %[[MIDDLE]] to %[[N]] step %c1024_i32
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

// A loop need not begin at 0: iterations are counted from its lower bound.
// CHECK-LABEL: @lower_bound(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32, %[[LOWER:arg[0-9]+]]: i32)
// CHECK-DAG:   %[[UPPER64:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK-DAG:   %[[LOWER64:.*]] = arith.extsi %[[LOWER]] : i32 to i64
// CHECK:       %[[SPAN:.*]] = arith.subi %[[UPPER64]], %[[LOWER64]] : i64
// CHECK-NEXT:  %[[POSITIVE:.*]] = arith.maxsi %[[SPAN]], %c0_i64 : i64
// CHECK-NEXT:  %[[ROUNDED:.*]] = arith.addi %[[POSITIVE]], %c1023_i64 : i64
// CHECK-NEXT:  %[[COUNT:.*]] = arith.divui %[[ROUNDED]], %c1024_i64 : i64
// CHECK:       %[[LAST:.*]] = arith.maxsi %{{.*}}, %c0_i64 : i64
// CHECK-NEXT:  %[[STEPS:.*]] = arith.muli %[[LAST]], %c1024_i64 : i64
// CHECK-NEXT:  %[[AT:.*]] = arith.addi %[[LOWER64]], %[[STEPS]] : i64
// CHECK-NEXT:  arith.addi %[[AT]], %c1023_i64 : i64
// CHECK:       %[[NUMBER:.*]] = arith.select %{{.*}}, %{{.*}}, %c0_i64 : i64
// CHECK-NEXT:  %[[ALL:.*]] = arith.muli %[[NUMBER]], %c1024_i64 : i64
// CHECK-NEXT:  %[[BOUNDARY:.*]] = arith.addi %[[LOWER64]], %[[ALL]] : i64
// CHECK-NEXT:  %[[INSIDE:.*]] = arith.minsi %[[BOUNDARY]], %[[UPPER64]] : i64
// CHECK-NEXT:  %[[MIDDLE64:.*]] = arith.maxsi %[[INSIDE]], %[[LOWER64]] : i64
// CHECK-NEXT:  %[[MIDDLE:.*]] = arith.trunci %[[MIDDLE64]] : i64 to i32
// CHECK-NEXT:  scf.for %{{.*}} = %[[LOWER]] to %[[MIDDLE]] step
// CHECK:       scf.for %{{.*}} = %[[MIDDLE]] to %[[N]] step
tt.func @lower_bound(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %lower: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  scf.for %k = %lower to %n step %size : i32 {
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

// A counter that the loop carries grows by its step in each iteration.
// CHECK-LABEL: @carried(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32, %[[UPPER:arg[0-9]+]]: i32)
// CHECK:       %[[BEFORE:.*]] = arith.subi %{{.*}}, %c1_i64 : i64
// CHECK-NEXT:  %[[LAST:.*]] = arith.maxsi %[[BEFORE]], %c0_i64 : i64
// CHECK-DAG:   %[[N64:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK-DAG:   %[[GROWN:.*]] = arith.muli %[[LAST]], %c-1024_i64 : i64
// CHECK:       %[[LEFT:.*]] = arith.addi %[[N64]], %[[GROWN]] : i64
// CHECK:       arith.cmpi sgt, %[[LEFT]], %c1023_i64 : i64
// CHECK:       %[[REACHED:.*]] = scf.for %{{.*}} = %{{.*}} to %[[MIDDLE:.*]] step %{{.*}} iter_args(%{{.*}} = %[[N]]) -> (i32)
// CHECK:       scf.for %{{.*}} = %[[MIDDLE]] to %[[UPPER]] step %{{.*}} iter_args(%{{.*}} = %[[REACHED]]) -> (i32)
tt.func @carried(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %out: tensor<1024x!tt.ptr<f16>>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 1024 : i32
  %less = arith.constant -1024 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %end = scf.for %k = %zero to %count step %one iter_args(%left = %n) -> (i32) : i32 {
    %bound = tt.splat %left : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %out, %x : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %left, %less : i32
    scf.yield %next : i32
  } {tt.num_stages = 3 : i32}
  tt.return
}
