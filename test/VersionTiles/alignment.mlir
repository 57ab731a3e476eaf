// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// Pointers that may be unaligned are tested, and taken for aligned where they are.
// CHECK-LABEL: @unaligned(
// CHECK-SAME:  %[[P:arg[0-9]+]]: !tt.ptr<f16>, %[[START:arg[0-9]+]]: i32
// CHECK:       %[[WIDE:.*]] = arith.extsi %[[START]] : i32 to i64
// CHECK:       %[[BYTES:.*]] = arith.muli %[[WIDE]], %c2_i64{{.*}} : i64
// CHECK:       %[[BASE:.*]] = tt.ptr_to_int %[[P]]
// CHECK:       %[[ADDRESS:.*]] = arith.addi %[[BASE]], %[[BYTES]] : i64
// CHECK:       %[[REST:.*]] = arith.andi %[[ADDRESS]], %c15_i64{{.*}} : i64
// CHECK:       arith.cmpi eq, %[[REST]], %c0_i64{{.*}} : i64
// CHECK:       scf.if
// CHECK:         %[[ALIGNED:.*]] = tt.addptr {{.*}}tt.divisibility = dense<16> : tensor<1xi32>
// CHECK:         tt.store %[[ALIGNED]], %{{[^,]+}} {tt.versioned_by_graft} : tensor
// CHECK:       } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @unaligned(%p: !tt.ptr<f16>, %start: i32, %n: i32, %value: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %ptrs = tt.addptr %base, %index : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Elements of four bytes gain nothing.
// CHECK-LABEL: @four_bytes(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @four_bytes(%p: !tt.ptr<f32>, %start: i32, %n: i32, %value: tensor<1024xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %base = tt.splat %p : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %ptrs = tt.addptr %base, %index : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f32>>
  tt.return
}

// -----

// Elements of one byte cost too much where they are not aligned.
// CHECK-LABEL: @one_byte(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @one_byte(%p: !tt.ptr<i8>, %start: i32, %n: i32, %value: tensor<1024xi8>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %base = tt.splat %p : !tt.ptr<i8> -> tensor<1024x!tt.ptr<i8>>
  %ptrs = tt.addptr %base, %index : tensor<1024x!tt.ptr<i8>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<i8>>
  tt.return
}

// -----

// An access that gains as it is decides: the other pointer may never be aligned.
// CHECK-LABEL: @beside_aligned(
// CHECK-NOT:   tt.ptr_to_int
// CHECK:       scf.if
tt.func @beside_aligned(%p: !tt.ptr<f16>, %q: !tt.ptr<f16> {tt.divisibility = 16 : i32},
                        %start: i32 {tt.divisibility = 16 : i32}, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %from = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %p_ptrs = tt.addptr %from, %index : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %to = tt.splat %q : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %q_ptrs = tt.addptr %to, %index : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %p_ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %q_ptrs, %x, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A reduction could give another result in another layout.
// CHECK-LABEL: @reduction(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @reduction(%p: !tt.ptr<f16>, %q: !tt.ptr<f16>, %start: i32, %n: i32, %zeros: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %ptrs = tt.addptr %base, %index : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  %x = tt.load %ptrs, %mask, %zeros : tensor<1024x!tt.ptr<f16>>
  %sum = "tt.reduce"(%x) <{axis = 0 : i32}> ({
  ^bb0(%a: f16, %b: f16):
    %c = arith.addf %a, %b : f16
    tt.reduce.return %c : f16
  }) : (tensor<1024xf16>) -> f16
  tt.store %q, %sum : !tt.ptr<f16>
  tt.return
}

// -----

// A hint that offsets are neighbours is no proof of which is the first one: 2 * lane - lane is between -1023 and 2046, and begins at 0.
// CHECK-LABEL: @hinted(
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @hinted(%p: !tt.ptr<f16>, %start: i32, %n: i32, %value: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %two = arith.constant dense<2> : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %double = arith.muli %range, %two : tensor<1024xi32>
  %lanes = arith.subi %double, %range {tt.contiguity = dense<1024> : tensor<1xi32>} : tensor<1024xi32>
  %offsets = arith.addi %starts, %lanes : tensor<1024xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %ptrs = tt.addptr %base, %offsets : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The offsets may wrap around although the mask does not: they are no neighbours then.
// CHECK-LABEL: @wrapping(
// CHECK-SAME:  %[[P:arg[0-9]+]]: !tt.ptr<f16>, %[[START:arg[0-9]+]]: i32, %[[AT:arg[0-9]+]]: i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[AT]], %c1023_i32{{.*}} : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[AT]] : i32
// CHECK:       arith.extsi %[[AT]] : i32 to i64
// CHECK:       scf.if
tt.func @wrapping(%p: !tt.ptr<f16>, %start: i32, %at: i32, %n: i32, %value: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %places = tt.splat %at : i32 -> tensor<1024xi32>
  %offsets = arith.addi %places, %range : tensor<1024xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %ptrs = tt.addptr %base, %offsets : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
