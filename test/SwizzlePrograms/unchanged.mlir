// RUN: graft-opt %s -graft-swizzle-programs -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-swizzle-programs -split-input-file 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Without a product there is nothing that programs share.
// CHECK-LABEL: @no_product(
// CHECK-NOT:     arith.remui
tt.func public @no_product(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = arith.addf %acc, %acc : tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// Programs that group themselves: both factors depend on both ids.
// CHECK-LABEL: @both_factors_by_both_ids(
// CHECK-NOT:     arith.remui
tt.func public @both_factors_by_both_ids(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %u = arith.addi %x, %y : i32
  %v = arith.subi %x, %y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %u : i32 -> tensor<16x16xi32>
  %ys = tt.splat %v : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// Both factors depend on one id.
// CHECK-LABEL: @one_id_alone(
// CHECK-NOT:     arith.remui
tt.func public @one_id_alone(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// What a branch gives depends on its condition, too.
// CHECK-LABEL: @by_a_branch(
// CHECK-NOT:     arith.remui
tt.func public @by_a_branch(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %is = arith.cmpi slt, %y, %n : i32
  %u = scf.if %is -> (i32) {
    scf.yield %x : i32
  } else {
    scf.yield %zero : i32
  }
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %u : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// An atomic may tell in which order programs run.
// REMARK:      remark: graft-swizzle-programs: order kept: a program could notice it by tt.atomic_rmw
// CHECK-LABEL: @with_an_atomic(
// CHECK-NOT:     arith.remui
tt.func public @with_an_atomic(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %old = tt.atomic_rmw add, acq_rel, gpu, %counter, %one, %true : (!tt.ptr<i32>, i32, i1) -> i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// Who asks how many programs there are may divide work by their numbers.
// REMARK:      remark: graft-swizzle-programs: order kept: a program could notice it by tt.get_num_programs
// CHECK-LABEL: @with_the_number_of_programs(
// CHECK-NOT:     arith.remui
tt.func public @with_the_number_of_programs(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %count = tt.get_num_programs x : i32
  tt.store %counter, %count : !tt.ptr<i32>
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// Who waits may wait for another program.
// REMARK:      remark: graft-swizzle-programs: order kept: a program could notice it by scf.while
// CHECK-LABEL: @with_a_wait(
// CHECK-NOT:     arith.remui
tt.func public @with_a_wait(%n: i32, %p: !tt.ptr<f16>, %counter: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  scf.while : () -> () {
    %seen = tt.load %counter : !tt.ptr<i32>
    %waits = arith.cmpi ne, %seen, %zero : i32
    scf.condition(%waits)
  } do {
    scf.yield
  }
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}
