// RUN: graft-opt %s -graft-swizzle-programs -split-input-file -verify-diagnostics
// RUN: graft-opt %s -graft-swizzle-programs -split-input-file | FileCheck %s

// The order is that of the hardware where programs are few or all operands fit in the cache.
// CHECK-LABEL: @tested_at_run_time(
// CHECK-SAME:    %[[FROM:[a-z0-9_]+]]: i32, %[[TO:[a-z0-9_]+]]: i32
// CHECK:         %[[NX:.*]] = tt.get_num_programs x : i32
// CHECK:         %[[NY:.*]] = tt.get_num_programs y : i32
// CHECK:         %[[X:.*]] = tt.get_program_id x : i32
// CHECK:         %[[Y:.*]] = tt.get_program_id y : i32
// CHECK:         %[[TOOWIDE:.*]] = arith.cmpi ule, %c134217728_i32, %[[NX]] : i32
// CHECK:         %[[COLUMNS:.*]] = arith.extui %[[NX]] : i32 to i64
// CHECK:         %[[ROWS:.*]] = arith.extui %[[NY]] : i32 to i64
// CHECK:         %[[PROGRAMS:.*]] = arith.muli %[[COLUMNS]], %[[ROWS]] : i64
// CHECK:         %[[FEW:.*]] = arith.cmpi ule, %[[PROGRAMS]], %c264_i64 : i64
// CHECK:         %[[INCOLUMNS:.*]] = arith.muli %[[COLUMNS]], %c1024_i64 : i64
// CHECK:         %[[INROWS:.*]] = arith.muli %[[ROWS]], %c512_i64 : i64
// CHECK:         %[[BYTES:.*]] = arith.addi %[[INCOLUMNS]], %[[INROWS]] : i64
// CHECK:         %[[TO64:.*]] = arith.extsi %[[TO]] : i32 to i64
// CHECK:         %[[FROM64:.*]] = arith.extsi %[[FROM]] : i32 to i64
// CHECK:         %[[SPAN:.*]] = arith.subi %[[TO64]], %[[FROM64]] : i64
// CHECK:         %[[ROUNDED:.*]] = arith.addi %[[SPAN]], %c2_i64 : i64
// CHECK:         %[[POSITIVE:.*]] = arith.maxsi %[[ROUNDED]], %c0_i64 : i64
// CHECK:         %[[COUNT:.*]] = arith.divui %[[POSITIVE]], %c3_i64 : i64
// CHECK:         %[[TIMES:.*]] = arith.minui %[[COUNT]], %c52428801_i64 : i64
// CHECK:         %[[SOME:.*]] = arith.minui %[[BYTES]], %c52428801_i64 : i64
// CHECK:         %[[ALL:.*]] = arith.muli %[[SOME]], %[[TIMES]] : i64
// CHECK:         %[[FITS:.*]] = arith.cmpi ule, %[[ALL]], %c52428800_i64 : i64
// CHECK:         %[[SMALL:.*]] = arith.ori %[[FEW]], %[[FITS]] : i1
// CHECK:         %[[KEPT:.*]] = arith.ori %[[TOOWIDE]], %[[SMALL]] : i1
// CHECK:         %[[PLACE:.*]]:2 = scf.if %[[KEPT]] -> (i32, i32) {
// CHECK-NEXT:    scf.yield %[[X]], %[[Y]] : i32, i32
// CHECK-NEXT:    } else {
// CHECK:         %[[A0:.*]] = arith.divui %[[Y]], %c16_i32 : i32
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 16 rows where there are more than 264 and their operands have more than 52428800 bytes}}
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 16 rows where there are more than 264 and their operands have more than 52428800 bytes}}
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 32 rows where there are more than 264 and their operands have more than 52428800 bytes}}
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 2 rows where there are more than 264 and their operands have more than 52428800 bytes}}
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264}}
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
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}
