// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file -verify-diagnostics
// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file | FileCheck %s

// A reduction through a descriptor is an atomic.
// CHECK-LABEL: @reduction(
// CHECK-NOT:     arith.maxsi
tt.func public @reduction(%n: i32, %k: i32, %p: !tt.ptr<f16>, %d: !tt.tensordesc<16x16xf32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  // expected-remark@below {{graft-swizzle-programs: order kept: a program could notice it by tt.descriptor_reduce}}
  tt.descriptor_reduce add, %d[%zero, %zero], %init : !tt.tensordesc<16x16xf32>, tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %row : i32 -> tensor<16x16xi32>
  %cols = tt.splat %col : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.print "sum: " {hex = false, isSigned = array<i32: 0>} : %sum : tensor<16x16xf32>
  tt.return
}

// -----

// Assembly that is not pure.
// CHECK-LABEL: @assembly(
// CHECK-NOT:     arith.maxsi
tt.func public @assembly(%n: i32, %k: i32, %p: !tt.ptr<f16>, %d: !tt.tensordesc<16x16xf32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  // expected-remark@below {{graft-swizzle-programs: order kept: a program could notice it by tt.elementwise_inline_asm}}
  %t = tt.elementwise_inline_asm "mov.u32 $0, %smid;" {constraints = "=r,r", packed_element = 1 : i32, pure = false} %init : tensor<16x16xf32> -> tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %row : i32 -> tensor<16x16xi32>
  %cols = tt.splat %col : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.print "sum: " {hex = false, isSigned = array<i32: 0>} : %sum : tensor<16x16xf32>
  tt.return
}

// -----

// Assembly that is.
// CHECK-LABEL: @pure_assembly(
// CHECK:         arith.maxsi
tt.func public @pure_assembly(%n: i32, %k: i32, %p: !tt.ptr<f16>, %d: !tt.tensordesc<16x16xf32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %t = tt.elementwise_inline_asm "mov.u32 $0, %smid;" {constraints = "=r,r", packed_element = 1 : i32, pure = true} %init : tensor<16x16xf32> -> tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %row : i32 -> tensor<16x16xi32>
  %cols = tt.splat %col : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 4 rows}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.print "sum: " {hex = false, isSigned = array<i32: 0>} : %sum : tensor<16x16xf32>
  tt.return
}

// -----

// An operation of which nothing is known here.
// CHECK-LABEL: @other_dialect(
// CHECK-NOT:     arith.maxsi
tt.func public @other_dialect(%n: i32, %k: i32, %p: !tt.ptr<f16>, %d: !tt.tensordesc<16x16xf32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  // expected-remark@below {{graft-swizzle-programs: order kept: a program could notice it by ttg.warp_id}}
  %t = ttg.warp_id
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %row : i32 -> tensor<16x16xi32>
  %cols = tt.splat %col : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.print "sum: " {hex = false, isSigned = array<i32: 0>} : %sum : tensor<16x16xf32>
  tt.return
}

// -----

// What is assumed, asserted, printed and waited for within a program tells it nothing of others.
// CHECK-LABEL: @harmless(
// CHECK:         arith.maxsi
tt.func public @harmless(%n: i32, %k: i32, %p: !tt.ptr<f16>, %d: !tt.tensordesc<16x16xf32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %is = arith.cmpi slt, %x, %n : i32
  llvm.intr.assume %is : i1
  tt.assert %is, "in bounds" : i1
  ttg.barrier all
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %row : i32 -> tensor<16x16xi32>
  %cols = tt.splat %col : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 4 rows}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.print "sum: " {hex = false, isSigned = array<i32: 0>} : %sum : tensor<16x16xf32>
  tt.return
}
