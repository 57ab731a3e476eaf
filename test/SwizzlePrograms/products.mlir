// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file | FileCheck %s

// A product of rows that x chooses and columns that y chooses: both ids are those of a place in the group.
// CHECK-LABEL: @rows_by_columns(
// CHECK:         %[[COLUMNS:.*]] = tt.get_num_programs x : i32
// CHECK:         %[[ROWS:.*]] = tt.get_num_programs y : i32
// CHECK:         %[[X:.*]] = tt.get_program_id x : i32
// CHECK:         %[[Y:.*]] = tt.get_program_id y : i32
// CHECK:         %[[TOOWIDE:.*]] = arith.cmpi ule, %c536870912_i32, %[[COLUMNS]] : i32
// CHECK:         %[[PLACE:.*]]:2 = scf.if %[[TOOWIDE]] -> (i32, i32) {
// CHECK-NEXT:    scf.yield %[[X]], %[[Y]] : i32, i32
// CHECK-NEXT:    } else {
// CHECK:         %[[NUMBER:.*]] = arith.divui %[[Y]], %c4_i32 : i32
// CHECK:         %[[FIRST:.*]] = arith.muli %[[NUMBER]], %c4_i32 : i32
// CHECK:         %[[INGROUP:.*]] = arith.subi %[[Y]], %[[FIRST]] : i32
// CHECK:         %[[BEFORE:.*]] = arith.muli %[[INGROUP]], %[[COLUMNS]] : i32
// CHECK:         %[[AT:.*]] = arith.addi %[[BEFORE]], %[[X]] : i32
// CHECK:         %[[END:.*]] = arith.addi %[[FIRST]], %c4_i32 : i32
// CHECK:         %[[FULL:.*]] = arith.cmpi ule, %[[END]], %[[ROWS]] : i32
// CHECK:         %[[NEW:.*]]:2 = scf.if %[[FULL]] -> (i32, i32) {
// CHECK:         %[[FULLX:.*]] = arith.divui %[[AT]], %c4_i32 : i32
// CHECK:         %[[FULLROW:.*]] = arith.remui %[[AT]], %c4_i32 : i32
// CHECK:         %[[FULLY:.*]] = arith.addi %[[FIRST]], %[[FULLROW]] : i32
// CHECK-NEXT:    scf.yield %[[FULLX]], %[[FULLY]] : i32, i32
// CHECK-NEXT:    } else {
// CHECK:         %[[HEIGHT:.*]] = arith.subi %[[ROWS]], %[[FIRST]] : i32
// CHECK:         %[[LASTX:.*]] = arith.divui %[[AT]], %[[HEIGHT]] : i32
// CHECK:         %[[LASTROW:.*]] = arith.remui %[[AT]], %[[HEIGHT]] : i32
// CHECK:         %[[LASTY:.*]] = arith.addi %[[FIRST]], %[[LASTROW]] : i32
// CHECK-NEXT:    scf.yield %[[LASTX]], %[[LASTY]] : i32, i32
// CHECK-NEXT:    }
// CHECK-NEXT:    scf.yield %[[NEW]]#0, %[[NEW]]#1 : i32, i32
// CHECK-NEXT:    }
// CHECK:         %[[NEWX:.*]] = arith.andi %[[PLACE]]#0, %c2147483647_i32 : i32
// CHECK:         %[[NEWY:.*]] = arith.andi %[[PLACE]]#1, %c65535_i32 : i32
// CHECK:         tt.splat %[[NEWX]] : i32
// CHECK:         tt.splat %[[NEWY]] : i32
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
