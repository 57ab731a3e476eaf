// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-swizzle-programs=group=4 -split-input-file 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Rows are the quotient and columns the remainder of one number: it becomes that of another place. Programs of a last row
// that is not full are a group of one row, and keep theirs.
// CHECK-LABEL: @quotient_and_remainder(
// CHECK-SAME:    %[[N:[a-z0-9_]+]]: i32
// CHECK:         %[[ID:.*]] = tt.get_program_id x : i32
// CHECK:         %[[COUNT:.*]] = tt.get_num_programs x : i32
// CHECK:         %[[GIVEN:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK:         %[[POSITIVE:.*]] = arith.maxsi %[[GIVEN]], %c1_i64 : i64
// CHECK:         %[[LIMIT:.*]] = arith.extui %[[COUNT]] : i32 to i64
// CHECK:         %[[WIDE:.*]] = arith.minui %[[POSITIVE]], %[[LIMIT]] : i64
// CHECK:         %[[N32:.*]] = arith.trunci %[[WIDE]] : i64 to i32
// CHECK:         %[[ROW:.*]] = arith.divui %[[ID]], %[[N32]] : i32
// CHECK:         %[[START:.*]] = arith.muli %[[ROW]], %[[N32]] : i32
// CHECK:         %[[COLUMN:.*]] = arith.subi %[[ID]], %[[START]] : i32
// CHECK:         %[[TOOWIDE:.*]] = arith.cmpi ule, %c536870912_i32, %[[N32]] : i32
// CHECK:         %[[PLACE:.*]]:2 = scf.if %[[TOOWIDE]] -> (i32, i32) {
// CHECK-NEXT:    scf.yield %[[COLUMN]], %[[ROW]] : i32, i32
// CHECK-NEXT:    } else {
// CHECK:         %[[NUMBER:.*]] = arith.divui %[[ROW]], %c4_i32 : i32
// CHECK:         %[[FIRST:.*]] = arith.muli %[[NUMBER]], %c4_i32 : i32
// CHECK:         %[[INGROUP:.*]] = arith.subi %[[ROW]], %[[FIRST]] : i32
// CHECK:         %[[BEFORE:.*]] = arith.muli %[[INGROUP]], %[[N32]] : i32
// CHECK:         %[[AT:.*]] = arith.addi %[[BEFORE]], %[[COLUMN]] : i32
// CHECK:         %[[END:.*]] = arith.addi %[[FIRST]], %c4_i32 : i32
// CHECK:         %[[ENDID:.*]] = arith.muli %[[END]], %[[N32]] : i32
// CHECK:         %[[FULL:.*]] = arith.cmpi ule, %[[ENDID]], %[[COUNT]] : i32
// CHECK:         %[[NEW:.*]]:2 = scf.if %[[FULL]] -> (i32, i32) {
// CHECK:         %[[FULLCOLUMN:.*]] = arith.divui %[[AT]], %c4_i32 : i32
// CHECK:         %[[FULLINROW:.*]] = arith.remui %[[AT]], %c4_i32 : i32
// CHECK:         %[[FULLROW:.*]] = arith.addi %[[FIRST]], %[[FULLINROW]] : i32
// CHECK-NEXT:    scf.yield %[[FULLCOLUMN]], %[[FULLROW]] : i32, i32
// CHECK-NEXT:    } else {
// CHECK:         %[[ROWS:.*]] = arith.divui %[[COUNT]], %[[N32]] : i32
// CHECK:         %[[BEHIND:.*]] = arith.cmpi ule, %[[ROWS]], %[[ROW]] : i32
// CHECK:         %[[LEFT:.*]] = arith.subi %[[ROWS]], %[[FIRST]] : i32
// CHECK:         %[[HEIGHT:.*]] = arith.maxsi %[[LEFT]], %{{.*}} : i32
// CHECK:         %[[LASTCOLUMN:.*]] = arith.divui %[[AT]], %[[HEIGHT]] : i32
// CHECK:         %[[LASTINROW:.*]] = arith.remui %[[AT]], %[[HEIGHT]] : i32
// CHECK:         %[[LASTROW:.*]] = arith.addi %[[FIRST]], %[[LASTINROW]] : i32
// CHECK:         %[[NEWCOLUMN:.*]] = arith.select %[[BEHIND]], %[[COLUMN]], %[[LASTCOLUMN]] : i32
// CHECK:         %[[NEWROW:.*]] = arith.select %[[BEHIND]], %[[ROW]], %[[LASTROW]] : i32
// CHECK-NEXT:    scf.yield %[[NEWCOLUMN]], %[[NEWROW]] : i32, i32
// CHECK-NEXT:    }
// CHECK-NEXT:    scf.yield %[[NEW]]#0, %[[NEW]]#1 : i32, i32
// CHECK-NEXT:    }
// CHECK:         %[[NEWSTART:.*]] = arith.muli %[[PLACE]]#1, %[[N32]] : i32
// CHECK:         %[[NEWAT:.*]] = arith.addi %[[NEWSTART]], %[[PLACE]]#0 : i32
// CHECK:         %[[NEWID:.*]] = arith.andi %[[NEWAT]], %c2147483647_i32 : i32
// CHECK:         arith.divsi %[[NEWID]], %[[N]] : i32
// CHECK:         arith.remsi %[[NEWID]], %[[N]] : i32
// CHECK-NOT:     tt.get_program_id
tt.func public @quotient_and_remainder(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// The other way round: which of them is that of the matrix's rows does not matter.
// CHECK-LABEL: @remainder_for_the_rows(
// CHECK:         arith.maxsi
tt.func public @remainder_for_the_rows(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %col : i32 -> tensor<16x16xi32>
  %cols = tt.splat %row : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Unsigned division.
// CHECK-LABEL: @unsigned(
// CHECK:         arith.maxsi
tt.func public @unsigned(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divui %x, %n : i32
  %col = arith.remui %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// The remainder as what is left of the number.
// CHECK-LABEL: @what_is_left(
// CHECK:         arith.maxsi
tt.func public @what_is_left(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %start = arith.muli %n, %row : i32
  %col = arith.subi %x, %start : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// 64-bit numbers: the divisor as it is.
// CHECK-LABEL: @wide(
// CHECK-SAME:    %[[N:[a-z0-9_]+]]: i64
// CHECK:         arith.maxsi %[[N]], %{{.*}} : i64
tt.func public @wide(%n: i64, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %wide = arith.extsi %x : i32 to i64
  %q = arith.divsi %wide, %n : i64
  %r = arith.remsi %wide, %n : i64
  %row = arith.trunci %q : i64 to i32
  %col = arith.trunci %r : i64 to i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A quotient of 64 bits and a remainder of 32 by the same number, which is extended.
// CHECK-LABEL: @two_widths(
// CHECK:         arith.maxsi
tt.func public @two_widths(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %wide = arith.extsi %x : i32 to i64
  %wide_n = arith.extsi %n : i32 to i64
  %q = arith.divsi %wide, %wide_n : i64
  %row = arith.trunci %q : i64 to i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A constant divisor.
// CHECK-LABEL: @constant_divisor(
// CHECK-NEXT:    %[[N:.*]] = arith.constant 24 : i32
// CHECK:         arith.extsi %[[N]] : i32 to i64
tt.func public @constant_divisor(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %c = arith.constant 24 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %c : i32
  %col = arith.remsi %x, %c : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A divisor that is computed from arguments is computed at the beginning.
// CHECK-LABEL: @computed_divisor(
// CHECK-SAME:    %[[N:[a-z0-9_]+]]: i32
// CHECK-NEXT:    %[[C63:.*]] = arith.constant 63 : i32
// CHECK-NEXT:    %[[SUM:.*]] = arith.addi %[[N]], %[[C63]] : i32
// CHECK-NEXT:    %[[C64:.*]] = arith.constant 64 : i32
// CHECK-NEXT:    %[[TILES:.*]] = arith.divsi %[[SUM]], %[[C64]] : i32
// CHECK-NEXT:    tt.get_program_id x
// CHECK:         arith.extsi %[[TILES]] : i32 to i64
tt.func public @computed_divisor(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %c63 = arith.constant 63 : i32
  %c64 = arith.constant 64 : i32
  %up = arith.addi %n, %c63 : i32
  %tiles = arith.divsi %up, %c64 : i32
  %row = arith.divsi %x, %tiles : i32
  %col = arith.remsi %x, %tiles : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A division by an argument may trap, and is not moved: it may stand in a branch that is not taken.
// CHECK-LABEL: @divisor_that_may_trap(
// CHECK-NOT:     arith.maxsi
tt.func public @divisor_that_may_trap(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %tiles = arith.divsi %n, %k : i32
  %row = arith.divsi %x, %tiles : i32
  %col = arith.remsi %x, %tiles : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A sum that must not overflow has no value where it does, and is not moved either.
// CHECK-LABEL: @divisor_that_may_be_poison(
// CHECK-NOT:     arith.maxsi
tt.func public @divisor_that_may_be_poison(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %tiles = arith.addi %n, %one overflow<nsw> : i32
  %row = arith.divsi %x, %tiles : i32
  %col = arith.remsi %x, %tiles : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// Nor is an extension of what must not be negative.
// CHECK-LABEL: @divisor_that_must_not_be_negative(
// CHECK-NOT:     arith.maxsi
tt.func public @divisor_that_must_not_be_negative(%n: i16, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %tiles = arith.extui %n nneg : i16 to i32
  %row = arith.divsi %x, %tiles : i32
  %col = arith.remsi %x, %tiles : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A divisor that is loaded is not known in advance.
// REMARK:      remark: graft-swizzle-programs: order kept: the length of a row is not known in advance
// CHECK-LABEL: @loaded_divisor(
// CHECK-NOT:     arith.maxsi
tt.func public @loaded_divisor(%q: !tt.ptr<i32>, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %tiles = tt.load %q : !tt.ptr<i32>
  %row = arith.divsi %x, %tiles : i32
  %col = arith.remsi %x, %tiles : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A divisor that is not the same for all programs.
// CHECK-LABEL: @divisor_of_the_program(
// CHECK-NOT:     arith.maxsi
tt.func public @divisor_of_the_program(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %tiles = arith.addi %x, %one : i32
  %row = arith.divsi %x, %tiles : i32
  %col = arith.remsi %x, %tiles : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// Quotient and remainder by different numbers.
// CHECK-LABEL: @two_divisors(
// CHECK-NOT:     arith.maxsi
tt.func public @two_divisors(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %k : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A batch in the second dimension of the grid, on which both factors depend, is left alone.
// CHECK-LABEL: @batch(
// CHECK-COUNT-2: arith.maxsi
// CHECK:         tt.get_program_id y
// CHECK-NOT:     arith.maxsi
tt.func public @batch(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %r = arith.addi %row, %y : i32
  %c = arith.addi %col, %y : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %r : i32 -> tensor<16x16xi32>
  %cols = tt.splat %c : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Programs that group themselves: rows and columns both depend on quotient and remainder.
// CHECK-LABEL: @grouped_by_hand(
// CHECK-NOT:     arith.maxsi
tt.func public @grouped_by_hand(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %four = arith.constant 4 : i32
  %size = arith.muli %n, %four : i32
  %group = arith.divsi %x, %size : i32
  %first = arith.muli %group, %four : i32
  %place = arith.remsi %x, %size : i32
  %inside = arith.remsi %place, %four : i32
  %row = arith.addi %first, %inside : i32
  %col = arith.divsi %place, %four : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// A number that is not that of the program, but counts tiles in a loop.
// CHECK-LABEL: @persistent(
// CHECK-NOT:     arith.maxsi
tt.func public @persistent(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %sums = scf.for %tile = %x to %n step %k iter_args(%count = %zero) -> (i32) : i32 {
    scf.yield %tile : i32
  }
  %row = arith.divsi %sums, %n : i32
  %col = arith.remsi %sums, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}

// -----

// What is computed in a branch does not depend on its condition; what leaves it does.
// CHECK-LABEL: @in_a_branch(
// CHECK:         arith.maxsi
tt.func public @in_a_branch(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %is = arith.cmpi slt, %x, %k : i32
  scf.if %is {
    %xf = arith.sitofp %x : i32 to f16
    tt.store %p, %xf : !tt.ptr<f16>
  }
  %row = arith.divsi %x, %n : i32
  %col = arith.remsi %x, %n : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
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
  tt.return
}
