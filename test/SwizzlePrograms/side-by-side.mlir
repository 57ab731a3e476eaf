// RUN: graft-opt %s -graft-swizzle-programs -split-input-file -verify-diagnostics
// RUN: graft-opt %s -graft-swizzle-programs -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-swizzle-programs=group=8 -split-input-file | FileCheck %s --check-prefix=GIVEN

// Where the programs of a row read what lies side by side in memory, a group is chosen for long rows only. One that is given is
// used for all.

// What the programs of a row read of row-major A are lines below each other.
// CHECK-LABEL: @rows_of_a(
// CHECK:         arith.remui
// GIVEN-LABEL: @rows_of_a(
// GIVEN:         arith.remui
tt.func public @rows_of_a(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Of row-major B, pieces of the same lines.
// CHECK-LABEL: @columns_of_b(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @columns_of_b(
// GIVEN:         arith.remui
tt.func public @columns_of_b(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Of column-major A, pieces of the same lines.
// CHECK-LABEL: @rows_of_column_major_a(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @rows_of_column_major_a(
// GIVEN:         arith.remui
tt.func public @rows_of_column_major_a(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %rights, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %downs : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Of column-major B, lines below each other.
// CHECK-LABEL: @columns_of_column_major_b(
// CHECK:         arith.remui
// GIVEN-LABEL: @columns_of_column_major_b(
// GIVEN:         arith.remui
tt.func public @columns_of_column_major_b(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %rights, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %downs : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// The same of matrices that are loaded as they lie and transposed then.
// CHECK-LABEL: @rows_of_transposed_a(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @rows_of_transposed_a(
// GIVEN:         arith.remui
tt.func public @rows_of_transposed_a(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %at = tt.trans %a {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %at, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// And of the other factor.
// CHECK-LABEL: @columns_of_transposed_b(
// CHECK:         arith.remui
// GIVEN-LABEL: @columns_of_transposed_b(
// GIVEN:         arith.remui
tt.func public @columns_of_transposed_b(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %bt = tt.trans %b {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %bt, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Transposed twice is not transposed.
// CHECK-LABEL: @columns_of_b_transposed_twice(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @columns_of_b_transposed_twice(
// GIVEN:         arith.remui
tt.func public @columns_of_b_transposed_twice(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %bt = tt.trans %b {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    %btt = tt.trans %bt {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a, %btt, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// What is converted after it was loaded lies as it did.
// CHECK-LABEL: @columns_of_converted_b(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @columns_of_converted_b(
// GIVEN:         arith.remui
tt.func public @columns_of_converted_b(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %a32 = arith.extf %a : tensor<16x16xf16> to tensor<16x16xf32>
    %b32 = arith.extf %b : tensor<16x16xf16> to tensor<16x16xf32>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a32, %b32, %acc : tensor<16x16xf32> * tensor<16x16xf32> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// On a 1-D grid.
// CHECK-LABEL: @columns_of_b_by_one_number(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @columns_of_b_by_one_number(
// GIVEN:         arith.remui
tt.func public @columns_of_b_by_one_number(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %id = tt.get_program_id x : i32
  %y = arith.divsi %id, %n : i32
  %x = arith.remsi %id, %n : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// The other way round.
// CHECK-LABEL: @rows_of_a_by_one_number(
// CHECK:         arith.remui
// GIVEN-LABEL: @rows_of_a_by_one_number(
// GIVEN:         arith.remui
tt.func public @rows_of_a_by_one_number(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %id = tt.get_program_id x : i32
  %y = arith.divsi %id, %n : i32
  %x = arith.remsi %id, %n : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Nothing is known of a matrix with two strides.
// CHECK-LABEL: @columns_of_b_with_two_strides(
// CHECK:         arith.remui
// GIVEN-LABEL: @columns_of_b_with_two_strides(
// GIVEN:         arith.remui
tt.func public @columns_of_b_with_two_strides(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %others = tt.splat %k : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %places = arith.muli %rights, %others : tensor<16x16xi32>
  %offsets = arith.addi %lines, %places : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// Pointers that move from one iteration to the next.
// CHECK-LABEL: @columns_of_b_by_pointers_that_move(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @columns_of_b_by_pointers_that_move(
// GIVEN:         arith.remui
tt.func public @columns_of_b_by_pointers_that_move(%n: i32, %k: i32, %length: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %range = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %down = tt.expand_dims %range {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %right = tt.expand_dims %range {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %downs = tt.broadcast %down : tensor<16x1xi32> -> tensor<16x16xi32>
  %rights = tt.broadcast %right : tensor<1x16xi32> -> tensor<16x16xi32>
  %lengths = tt.splat %length : i32 -> tensor<16x16xi32>
  %lines = arith.muli %downs, %lengths : tensor<16x16xi32>
  %offsets = arith.addi %lines, %rights : tensor<16x16xi32>
  %base = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %tile = tt.addptr %base, %offsets : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %a_places = tt.splat %y : i32 -> tensor<16x16xi32>
  %b_places = tt.splat %x : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %tile, %a_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %tile, %b_places : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %r:3 = scf.for %i = %zero to %k step %one iter_args(%a_at = %a_ptrs, %b_at = %b_ptrs, %acc = %init)
      -> (tensor<16x16x!tt.ptr<f16>>, tensor<16x16x!tt.ptr<f16>>, tensor<16x16xf32>) : i32 {
    %a = tt.load %a_at : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_at : tensor<16x16x!tt.ptr<f16>>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    %a_next = tt.addptr %a_at, %lengths : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
    %b_next = tt.addptr %b_at, %lengths : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
    scf.yield %a_next, %b_next, %next : tensor<16x16x!tt.ptr<f16>>, tensor<16x16x!tt.ptr<f16>>, tensor<16x16xf32>
  }
  tt.return
}

// -----

// What a descriptor describes is row-major.
// CHECK-LABEL: @rows_of_a_by_descriptors(
// CHECK:         arith.remui
// GIVEN-LABEL: @rows_of_a_by_descriptors(
// GIVEN:         arith.remui
tt.func public @rows_of_a_by_descriptors(%n: i32, %k: i32, %u: !tt.tensordesc<16x16xf16>, %v: !tt.tensordesc<16x16xf16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.descriptor_load %u[%x, %i] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    %b = tt.descriptor_load %v[%i, %y] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// So it is for the columns of the other factor.
// CHECK-LABEL: @columns_of_b_by_descriptors(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @columns_of_b_by_descriptors(
// GIVEN:         arith.remui
tt.func public @columns_of_b_by_descriptors(%n: i32, %k: i32, %u: !tt.tensordesc<16x16xf16>, %v: !tt.tensordesc<16x16xf16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.descriptor_load %u[%y, %i] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    %b = tt.descriptor_load %v[%i, %x] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// And transposed, column-major.
// CHECK-LABEL: @rows_of_transposed_a_by_descriptors(
// CHECK:         arith.cmpi ule, %{{.*}}, %c46_i32 : i32
// GIVEN-LABEL: @rows_of_transposed_a_by_descriptors(
// GIVEN:         arith.remui
tt.func public @rows_of_transposed_a_by_descriptors(%n: i32, %k: i32, %u: !tt.tensordesc<16x16xf16>, %v: !tt.tensordesc<16x16xf16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.descriptor_load %u[%i, %x] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    %b = tt.descriptor_load %v[%i, %y] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    %at = tt.trans %a {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes and a row has at least 47}}
    %next = tt.dot %at, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}

// -----

// So it is there.
// CHECK-LABEL: @columns_of_transposed_b_by_descriptors(
// CHECK:         arith.remui
// GIVEN-LABEL: @columns_of_transposed_b_by_descriptors(
// GIVEN:         arith.remui
tt.func public @columns_of_transposed_b_by_descriptors(%n: i32, %k: i32, %u: !tt.tensordesc<16x16xf16>, %v: !tt.tensordesc<16x16xf16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.descriptor_load %u[%y, %i] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    %b = tt.descriptor_load %v[%x, %i] : !tt.tensordesc<16x16xf16> -> tensor<16x16xf16>
    %bt = tt.trans %b {order = array<i32: 1, 0>} : tensor<16x16xf16> -> tensor<16x16xf16>
    // expected-remark@below {{graft-swizzle-programs: programs run in groups of 8 rows where there are more than 264 and their operands have more than 52428800 bytes}}
    %next = tt.dot %a, %bt, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}
