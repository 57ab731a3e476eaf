// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file | FileCheck %s

// A product of rows that x chooses and columns that y chooses: both ids are those of a place in the group.
// CHECK-LABEL: @rows_by_columns(
// CHECK:         %[[NX:.*]] = tt.get_num_programs x : i32
// CHECK:         %[[COLUMNS:.*]] = arith.extui %[[NX]] : i32 to i64
// CHECK:         %[[NY:.*]] = tt.get_num_programs y : i32
// CHECK:         %[[ROWS:.*]] = arith.extui %[[NY]] : i32 to i64
// CHECK:         %[[IX:.*]] = tt.get_program_id x : i32
// CHECK:         %[[X:.*]] = arith.extui %[[IX]] : i32 to i64
// CHECK:         %[[IY:.*]] = tt.get_program_id y : i32
// CHECK:         %[[Y:.*]] = arith.extui %[[IY]] : i32 to i64
// CHECK:         %[[GROUP:.*]] = arith.constant 4 : i64
// CHECK:         %[[NUMBER:.*]] = arith.divui %[[Y]], %[[GROUP]] : i64
// CHECK:         %[[FIRST:.*]] = arith.muli %[[NUMBER]], %[[GROUP]] : i64
// CHECK:         %[[ROW:.*]] = arith.subi %[[Y]], %[[FIRST]] : i64
// CHECK:         %[[BEFORE:.*]] = arith.muli %[[ROW]], %[[COLUMNS]] : i64
// CHECK:         %[[PLACE:.*]] = arith.addi %[[BEFORE]], %[[X]] : i64
// CHECK:         %[[LEFT:.*]] = arith.subi %[[ROWS]], %[[FIRST]] : i64
// CHECK:         %[[SOME:.*]] = arith.minui %[[LEFT]], %[[GROUP]] : i64
// CHECK:         %[[HEIGHT:.*]] = arith.maxsi %[[SOME]], %{{.*}} : i64
// CHECK:         %[[NEWX:.*]] = arith.divui %[[PLACE]], %[[HEIGHT]] : i64
// CHECK:         %[[INROW:.*]] = arith.remui %[[PLACE]], %[[HEIGHT]] : i64
// CHECK:         %[[NEWY:.*]] = arith.addi %[[FIRST]], %[[INROW]] : i64
// CHECK:         %[[A64:.*]] = arith.trunci %[[NEWX]] : i64 to i32
// CHECK:         %[[A:.*]] = arith.andi %[[A64]], %c2147483647_i32
// CHECK:         %[[B64:.*]] = arith.trunci %[[NEWY]] : i64 to i32
// CHECK:         %[[B:.*]] = arith.andi %[[B64]], %c65535_i32
// CHECK:         tt.splat %[[A]] : i32
// CHECK:         tt.splat %[[B]] : i32
// CHECK-NOT:     tt.get_program_id
tt.func public @rows_by_columns(%n: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
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
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// Pointers that move from one iteration to the next depend on what they began with.
// CHECK-LABEL: @pointers_that_move(
// CHECK:         arith.remui
tt.func public @pointers_that_move(%n: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %step = arith.constant dense<16> : tensor<16x16xi32>
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_first = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_first = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %r:3 = scf.for %i = %zero to %n step %one iter_args(%a_ptrs = %a_first, %b_ptrs = %b_first, %acc = %init)
      -> (tensor<16x16x!tt.ptr<f16>>, tensor<16x16x!tt.ptr<f16>>, tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    %a_next = tt.addptr %a_ptrs, %step : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
    %b_next = tt.addptr %b_ptrs, %step : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
    scf.yield %a_next, %b_next, %next : tensor<16x16x!tt.ptr<f16>>, tensor<16x16x!tt.ptr<f16>>, tensor<16x16xf32>
  }
  %c = arith.truncf %r#2 : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_first, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}

// -----

// Pointers that change places depend on both ids after an iteration.
// CHECK-LABEL: @pointers_that_change_places(
// CHECK-NOT:     arith.remui
tt.func public @pointers_that_change_places(%n: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_first = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_first = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %r:3 = scf.for %i = %zero to %n step %one iter_args(%a_ptrs = %a_first, %b_ptrs = %b_first, %acc = %init)
      -> (tensor<16x16x!tt.ptr<f16>>, tensor<16x16x!tt.ptr<f16>>, tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %b_ptrs, %a_ptrs, %next : tensor<16x16x!tt.ptr<f16>>, tensor<16x16x!tt.ptr<f16>>, tensor<16x16xf32>
  }
  %c = arith.truncf %r#2 : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_first, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}
