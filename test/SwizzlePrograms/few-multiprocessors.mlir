// RUN: graft-opt %s -graft-swizzle-programs='multiprocessors=8 l2-bytes=4096' -split-input-file -verify-diagnostics

// G0 is 2.8 for square tiles.
tt.func public @square_tiles(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
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
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 2 rows where there are more than 16 and their operands have more than 4096 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// And 1.4 where a row costs four times a column.
tt.func public @high_rows(%n: i32, %k: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %init = arith.constant dense<0.0> : tensor<64x16xf32>
  %a_base = tt.splat %p : !tt.ptr<f16> -> tensor<64x16x!tt.ptr<f16>>
  %b_base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %rows = tt.splat %y : i32 -> tensor<64x16xi32>
  %cols = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %a_base, %rows : tensor<64x16x!tt.ptr<f16>>, tensor<64x16xi32>
  %b_ptrs = tt.addptr %b_base, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<64x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<64x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: order kept: a group is one row}}
    %next = tt.dot %a, %b, %acc : tensor<64x16xf16> * tensor<16x16xf16> -> tensor<64x16xf32>
    scf.yield %next : tensor<64x16xf32>
  }
  tt.return
}
