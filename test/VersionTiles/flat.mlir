// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// Where rows lie one behind the other, the last element of a tile is that of its last row: it is inside if the length of a row
// is no negative number, and so small that neither the rows nor the sum wrap around.
// CHECK-LABEL: @rows(
// CHECK-SAME:  %[[ROW:arg[0-9]+]]: i32, %[[COL:arg[0-9]+]]: i32, %[[LENGTH:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[START:.*]] = arith.muli %[[ROW]], %[[LENGTH]] : i32
// CHECK:       %[[FIRST:.*]] = arith.addi %[[START]], %[[COL]] : i32
// CHECK:       %[[IN_ROW:.*]] = arith.addi %[[FIRST]], %c63_i32 : i32
// CHECK-DAG:   arith.cmpi sge, %[[IN_ROW]], %[[FIRST]] : i32
// CHECK-DAG:   arith.cmpi sge, %[[LENGTH]], %c0_i32 : i32
// CHECK-DAG:   arith.cmpi sle, %[[LENGTH]], %c306783378_i32 : i32
// CHECK-DAG:   %[[ROWS:.*]] = arith.muli %[[LENGTH]], %c7_i32 : i32
// CHECK-DAG:   %[[LAST:.*]] = arith.addi %[[IN_ROW]], %[[ROWS]] : i32
// CHECK-DAG:   arith.cmpi sge, %[[LAST]], %[[IN_ROW]] : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
tt.func @rows(%ptrs: tensor<8x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %value: tensor<8x64xf16>, %row: i32, %col: i32, %length: i32, %n: i32) {
  %row_range = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>
  %row_starts = tt.splat %row : i32 -> tensor<8xi32>
  %rows = arith.addi %row_starts, %row_range : tensor<8xi32>
  %lengths = tt.splat %length : i32 -> tensor<8xi32>
  %places = arith.muli %rows, %lengths : tensor<8xi32>
  %place_column = tt.expand_dims %places {axis = 1 : i32} : tensor<8xi32> -> tensor<8x1xi32>
  %place_tile = tt.broadcast %place_column : tensor<8x1xi32> -> tensor<8x64xi32>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %col : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_row = tt.expand_dims %cols {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %col_tile = tt.broadcast %col_row : tensor<1x64xi32> -> tensor<8x64xi32>
  %index = arith.addi %place_tile, %col_tile : tensor<8x64xi32>
  %bound = tt.splat %n : i32 -> tensor<8x64xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<8x64xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<8x64x!tt.ptr<f16>>
  tt.return
}

// -----

// As unsigned numbers, one comparison tells that a length is not negative and not too large.
// CHECK-LABEL: @unsigned(
// CHECK-SAME:  %{{[a-z0-9]+}}: i32, %[[LENGTH:arg[0-9]+]]: i32, %{{[a-z0-9]+}}: i32)
// CHECK:       arith.cmpi ule, %[[LENGTH]], %c2099202_i32 : i32
// CHECK:       scf.if
tt.func @unsigned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %start: i32, %length: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %rows = arith.addi %starts, %range : tensor<1024xi32>
  %lengths = tt.splat %length : i32 -> tensor<1024xi32>
  %index = arith.muli %rows, %lengths : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ult, %index, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
