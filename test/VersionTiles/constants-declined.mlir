// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A range with a constant offset is the only tile of its axis.
// CHECK-LABEL: @constant_start(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @constant_start(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %eights = arith.constant dense<8> : tensor<1024xi32>
  %index = arith.addi %range, %eights : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask bounds the only tile of its axis, which is hardly ever whole}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is a constant other than true is kept.
// CHECK-LABEL: @constant_false(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @constant_false(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>) {
  %mask = arith.constant dense<false> : tensor<1024xi1>
  // expected-remark@below {{mask kept: the mask is a constant that is not true everywhere}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A constant that is not true everywhere stays, in conjunction with a bound that goes.
// CHECK-LABEL: @false_conjunct(
// CHECK:       %[[NONE:.*]] = arith.constant dense<false>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[NONE]] {tt.versioned_by_graft} : tensor
tt.func @false_conjunct(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %none = arith.constant dense<false> : tensor<1024xi1>
  %inside = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %mask = arith.andi %inside, %none : tensor<1024xi1>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Steps that do not fit the type of the index may wrap around more than once, which no test of the last lane finds.
// CHECK-LABEL: @steps_too_large(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{.*}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @steps_too_large(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %factors = arith.constant dense<4194304> : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %scaled = arith.muli %range, %factors : tensor<1024xi32>
  %index = arith.addi %starts, %scaled : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: arith.cmpi}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A constant bound that the first tile reaches leaves no tile whole, as where a length of 1 is specialised.
tt.func @bound_within_the_first_tile(%p: !tt.ptr<f16> {tt.divisibility = 16 : i32}) {
  %c1024 = arith.constant 1024 : i32
  %bound = arith.constant dense<1> : tensor<1024xi32>
  %pid = tt.get_program_id x : i32
  %start = arith.muli %pid, %c1024 : i32
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %range = tt.make_range {start = 0 : i32, end = 1024 : i32} : tensor<1024xi32>
  %offs = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %offs, %bound : tensor<1024xi32>
  %ps = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %ptrs = tt.addptr %ps, %offs : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  // expected-remark@below {{mask kept: the mask bounds the only tile of its axis, which is hardly ever whole}}
  %v = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
