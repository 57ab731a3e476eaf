// RUN: graft-opt %s -graft-swizzle-programs -split-input-file -verify-diagnostics
// RUN: graft-opt %s -graft-swizzle-programs -split-input-file | FileCheck %s

// A group is one row, so that the order is that of the hardware, where the grid is one wave or all operands fit in the cache.
// CHECK-LABEL: @tested_at_run_time(
// CHECK-SAME:    %[[FROM:[a-z0-9_]+]]: i32, %[[TO:[a-z0-9_]+]]: i32
// CHECK:         %[[NX:.*]] = tt.get_num_programs x : i32
// CHECK:         %[[COLUMNS:.*]] = arith.extui %[[NX]] : i32 to i64
// CHECK:         %[[NY:.*]] = tt.get_num_programs y : i32
// CHECK:         %[[ROWS:.*]] = arith.extui %[[NY]] : i32 to i64
// CHECK:         %[[IX:.*]] = tt.get_program_id x : i32
// CHECK:         %[[X:.*]] = arith.extui %[[IX]] : i32 to i64
// CHECK:         %[[IY:.*]] = tt.get_program_id y : i32
// CHECK:         %[[Y:.*]] = arith.extui %[[IY]] : i32 to i64
// CHECK:         %[[C16:.*]] = arith.constant 16 : i64
// CHECK:         %[[C1:.*]] = arith.constant 1 : i64
// CHECK:         %[[PROGRAMS:.*]] = arith.muli %[[COLUMNS]], %[[ROWS]] : i64
// CHECK:         %[[WAVE:.*]] = arith.constant 132 : i64
// CHECK:         %[[ISWAVE:.*]] = arith.cmpi ule, %[[PROGRAMS]], %[[WAVE]] : i64
// CHECK:         %[[INCOLUMN:.*]] = arith.constant 1024 : i64
// CHECK:         %[[INCOLUMNS:.*]] = arith.muli %[[COLUMNS]], %[[INCOLUMN]] : i64
// CHECK:         %[[INROW:.*]] = arith.constant 512 : i64
// CHECK:         %[[INROWS:.*]] = arith.muli %[[ROWS]], %[[INROW]] : i64
// CHECK:         %[[BYTES:.*]] = arith.addi %[[INCOLUMNS]], %[[INROWS]] : i64
// CHECK:         %[[ENOUGH:.*]] = arith.constant 52428801 : i64
// CHECK:         %[[TO64:.*]] = arith.extsi %[[TO]] : i32 to i64
// CHECK:         %[[FROM64:.*]] = arith.extsi %[[FROM]] : i32 to i64
// CHECK:         %[[SPAN:.*]] = arith.subi %[[TO64]], %[[FROM64]] : i64
// CHECK:         %[[C2:.*]] = arith.constant 2 : i64
// CHECK:         %[[ROUNDED:.*]] = arith.addi %[[SPAN]], %[[C2]] : i64
// CHECK:         %[[C0:.*]] = arith.constant 0 : i64
// CHECK:         %[[POSITIVE:.*]] = arith.maxsi %[[ROUNDED]], %[[C0]] : i64
// CHECK:         %[[C3:.*]] = arith.constant 3 : i64
// CHECK:         %[[COUNT:.*]] = arith.divui %[[POSITIVE]], %[[C3]] : i64
// CHECK:         %[[TIMES:.*]] = arith.minui %[[COUNT]], %[[ENOUGH]] : i64
// CHECK:         %[[SOME:.*]] = arith.minui %[[BYTES]], %[[ENOUGH]] : i64
// CHECK:         %[[ALL:.*]] = arith.muli %[[SOME]], %[[TIMES]] : i64
// CHECK:         %[[CACHE:.*]] = arith.constant 52428800 : i64
// CHECK:         %[[FITS:.*]] = arith.cmpi ule, %[[ALL]], %[[CACHE]] : i64
// CHECK:         %[[SMALL:.*]] = arith.ori %[[ISWAVE]], %[[FITS]] : i1
// CHECK:         %[[GROUP:.*]] = arith.select %[[SMALL]], %[[C1]], %[[C16]] : i64
// CHECK:         %[[NUMBER:.*]] = arith.divui %[[Y]], %[[GROUP]] : i64
// CHECK:         %[[FIRST:.*]] = arith.muli %[[NUMBER]], %[[GROUP]] : i64
// CHECK:         %[[ROW:.*]] = arith.subi %[[Y]], %[[FIRST]] : i64
// CHECK:         %[[BEFORE:.*]] = arith.muli %[[ROW]], %[[COLUMNS]] : i64
// CHECK:         %[[PLACE:.*]] = arith.addi %[[BEFORE]], %[[X]] : i64
// CHECK:         %[[LEFT:.*]] = arith.subi %[[ROWS]], %[[FIRST]] : i64
// CHECK:         %[[SOMEROWS:.*]] = arith.minui %[[LEFT]], %[[GROUP]] : i64
// CHECK:         %[[HEIGHT:.*]] = arith.maxsi %[[SOMEROWS]], %{{.*}} : i64
// CHECK:         %[[COLUMN:.*]] = arith.divui %[[PLACE]], %[[HEIGHT]] : i64
// CHECK:         %[[INROW:.*]] = arith.remui %[[PLACE]], %[[HEIGHT]] : i64
// CHECK:         %[[NEWROW:.*]] = arith.addi %[[FIRST]], %[[INROW]] : i64
// CHECK:         %[[NEWX32:.*]] = arith.trunci %[[COLUMN]] : i64 to i32
// CHECK:         %[[NEWX:.*]] = arith.andi %[[NEWX32]], %c2147483647_i32
// CHECK:         %[[NEWY32:.*]] = arith.trunci %[[NEWROW]] : i64 to i32
// CHECK:         %[[NEWY:.*]] = arith.andi %[[NEWY32]], %c65535_i32
// CHECK:         tt.splat %[[NEWY]] : i32 -> tensor<16x16xi32>
// CHECK:         tt.splat %[[NEWX]] : i32 -> tensor<16x32xi32>
// CHECK-NOT:     tt.get_program_id
tt.func public @tested_at_run_time(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %three = arith.constant 3 : i32
  %init = arith.constant dense<0.0> : tensor<16x32xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x32x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<16x16xi32>
  %cols = tt.splat %x : i32 -> tensor<16x32xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x32x!tt.ptr<f16>>, tensor<16x32xi32>
  %sum = scf.for %i = %n to %k step %three iter_args(%acc = %init) -> (tensor<16x32xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x32x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 16 rows where there are more than 132 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x32xf16> -> tensor<16x32xf32>
    scf.yield %next : tensor<16x32xf32>
  }
  tt.return
}

// -----

// Tiles of 128 x 256 whose rows are those of the grid: G0 is 16.
// CHECK-LABEL: @wide_tiles(
tt.func public @wide_tiles(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %init = arith.constant dense<0.0> : tensor<128x256xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<128x64x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<64x256x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<128x64xi32>
  %cols = tt.splat %x : i32 -> tensor<64x256xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<128x64x!tt.ptr<f16>>, tensor<128x64xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<64x256x!tt.ptr<f16>>, tensor<64x256xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<128x256xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<128x64x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<64x256x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 16 rows where there are more than 132 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<128x64xf16> * tensor<64x256xf16> -> tensor<128x256xf32>
    scf.yield %next : tensor<128x256xf32>
  }
  tt.return
}

// -----

// The same with columns for rows: G0 is 8.
tt.func public @high_tiles(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %init = arith.constant dense<0.0> : tensor<128x256xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<128x64x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<64x256x!tt.ptr<f16>>
  %rows = tt.splat %x : i32 -> tensor<128x64xi32>
  %cols = tt.splat %y : i32 -> tensor<64x256xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<128x64x!tt.ptr<f16>>, tensor<128x64xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<64x256x!tt.ptr<f16>>, tensor<64x256xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<128x256xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<128x64x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<64x256x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 132 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<128x64xf16> * tensor<64x256xf16> -> tensor<128x256xf32>
    scf.yield %next : tensor<128x256xf32>
  }
  tt.return
}

// -----

// Columns that cost sixteen times a row: G0 is 46.
tt.func public @low_rows(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %init = arith.constant dense<0.0> : tensor<16x256xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x64x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<64x256x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<16x64xi32>
  %cols = tt.splat %x : i32 -> tensor<64x256xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x64x!tt.ptr<f16>>, tensor<16x64xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<64x256x!tt.ptr<f16>>, tensor<64x256xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x256xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x64x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<64x256x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 32 rows where there are more than 132 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x64xf16> * tensor<64x256xf16> -> tensor<16x256xf32>
    scf.yield %next : tensor<16x256xf32>
  }
  tt.return
}

// -----

// Rows that cost sixteen times a column: G0 is 2.9.
tt.func public @high_rows(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %init = arith.constant dense<0.0> : tensor<256x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<256x64x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<64x16x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<256x64xi32>
  %cols = tt.splat %x : i32 -> tensor<64x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<256x64x!tt.ptr<f16>>, tensor<256x64xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<64x16x!tt.ptr<f16>>, tensor<64x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<256x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<256x64x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<64x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 2 rows where there are more than 132 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<256x64xf16> * tensor<64x16xf16> -> tensor<256x16xf32>
    scf.yield %next : tensor<256x16xf32>
  }
  tt.return
}

// -----

// A loop whose step is not a constant: operands are not counted.
tt.func public @step(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<16x16xi32>
  %cols = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %n iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 132}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// A loop whose end is loaded.
tt.func public @loaded_end(%q: !tt.ptr<i32>, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %end = tt.load %q : !tt.ptr<i32>
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<16x16xi32>
  %cols = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %end step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 132}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}
