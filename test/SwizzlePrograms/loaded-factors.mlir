// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file | FileCheck %s

// Both factors must be what was loaded, converted or rearranged at most.

// As they were loaded.
// CHECK-LABEL: @as_loaded(
// CHECK:         arith.remui
tt.func public @as_loaded(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Extended.
// CHECK-LABEL: @extended(
// CHECK:         arith.remui
tt.func public @extended(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %a32 = arith.extf %a : tensor<16x16xf16> to tensor<16x16xf32>
    %b32 = arith.extf %b : tensor<16x16xf16> to tensor<16x16xf32>
    %next = tt.dot %a32, %b32, %acc : tensor<16x16xf32> * tensor<16x16xf32> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Transposed.
// CHECK-LABEL: @transposed(
// CHECK:         arith.remui
tt.func public @transposed(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %bt = tt.trans %b {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    %next = tt.dot %a, %bt, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Converted from integers, and transposed.
// CHECK-LABEL: @integers(
// CHECK:         arith.remui
tt.func public @integers(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %bytes = tt.splat %q : !tt.ptr<i8> -> tensor<16x16x!tt.ptr<i8>>
  %c_ptrs = tt.addptr %bytes, %xs : tensor<16x16x!tt.ptr<i8>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %c = tt.load %c_ptrs : tensor<16x16x!tt.ptr<i8>>
    %b = arith.sitofp %c : tensor<16x16xi8> to tensor<16x16xf16>
    %bt = tt.trans %b {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    %next = tt.dot %a, %bt, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Computed from two loads, as dequantised weights are: time goes into that.
// CHECK-LABEL: @dequantised(
// CHECK-NOT:     arith.remui
tt.func public @dequantised(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %bytes = tt.splat %q : !tt.ptr<i8> -> tensor<16x16x!tt.ptr<i8>>
  %c_ptrs = tt.addptr %bytes, %xs : tensor<16x16x!tt.ptr<i8>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %c = tt.load %c_ptrs : tensor<16x16x!tt.ptr<i8>>
    %b = arith.sitofp %c : tensor<16x16xi8> to tensor<16x16xf16>
    %scale = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %w = arith.mulf %b, %scale : tensor<16x16xf16>
    %next = tt.dot %a, %w, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// So the first factor.
// CHECK-LABEL: @dequantised_first_factor(
// CHECK-NOT:     arith.remui
tt.func public @dequantised_first_factor(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %scale = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %w = arith.mulf %a, %scale : tensor<16x16xf16>
    %next = tt.dot %w, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Loaded in the iteration before.
// CHECK-LABEL: @loaded_before(
// CHECK-NOT:     arith.remui
tt.func public @loaded_before(%k: i32, %p: !tt.ptr<f16>, %q: !tt.ptr<i8>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %first = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
  %r:2 = scf.for %i = %zero to %k step %one iter_args(%b = %first, %acc = %init) -> (tensor<16x16xf16>, tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    %later = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    scf.yield %later, %next : tensor<16x16xf16>, tensor<16x16xf32>
  }
  tt.return
}
