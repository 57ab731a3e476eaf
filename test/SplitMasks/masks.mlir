// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// The mask of rows stays in both accesses of a tile that holds several.
// CHECK-LABEL: @rows_and_columns(
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<4x1xi1>
// CHECK:       %{{.*}} = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[REST:.*]] = arith.andi %{{.*}} : tensor<1024xi1>
// CHECK:       %[[WHOLE1:.*]] = tt.expand_dims %[[WHOLE]] {axis = 0 : i32}
// CHECK-NEXT:  %[[REST1:.*]] = tt.expand_dims %[[REST]] {axis = 0 : i32}
// CHECK:       %[[WHOLE2:.*]] = tt.broadcast %[[WHOLE1]] : tensor<1x1024xi1> -> tensor<4x1024xi1>
// CHECK-NEXT:  %[[REST2:.*]] = tt.broadcast %[[REST1]] : tensor<1x1024xi1> -> tensor<4x1024xi1>
// CHECK:       %[[WHOLES:.*]] = arith.andi %[[ROWS]], %[[WHOLE2]] : tensor<4x1024xi1>
// CHECK-NEXT:  %[[RESTS:.*]] = arith.andi %[[ROWS]], %[[REST2]] : tensor<4x1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLES]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[RESTS]] : tensor
tt.func @rows_and_columns(%ptrs: tensor<4x1024x!tt.ptr<f16>> {tt.contiguity = dense<[1, 1024]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                          %value: tensor<4x1024xf16>, %n: i32, %m: i32, %row: i32) {
  %rows = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>
  %first = tt.splat %row : i32 -> tensor<4xi32>
  %row_index = arith.addi %first, %rows : tensor<4xi32>
  %height = tt.splat %m : i32 -> tensor<4xi32>
  %row_mask = arith.cmpi slt, %row_index, %height : tensor<4xi32>
  %row_column = tt.expand_dims %row_mask {axis = 1 : i32} : tensor<4xi1> -> tensor<4x1xi1>
  %row_part = tt.broadcast %row_column : tensor<4x1xi1> -> tensor<4x1024xi1>
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %col_mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %col_row = tt.expand_dims %col_mask {axis = 0 : i32} : tensor<1024xi1> -> tensor<1x1024xi1>
  %col_part = tt.broadcast %col_row : tensor<1x1024xi1> -> tensor<4x1024xi1>
  %mask = arith.andi %row_part, %col_part : tensor<4x1024xi1>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<4x1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Columns may be compared after they have become a row of the tile.
// CHECK-LABEL: @compared_late(
// CHECK:       %{{.*}} = arith.cmpi slt, %{{.*}} : tensor<1x1024xi32>
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1x1024xi32>
// CHECK:       %[[REST:.*]] = arith.andi %{{.*}} : tensor<1x1024xi1>
// CHECK:       %[[WHOLES:.*]] = tt.broadcast %[[WHOLE]]
// CHECK-NEXT:  %[[RESTS:.*]] = tt.broadcast %[[REST]]
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLES]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[RESTS]] : tensor
tt.func @compared_late(%ptrs: tensor<4x1024x!tt.ptr<f16>> {tt.contiguity = dense<[1, 1024]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                       %value: tensor<4x1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %row = tt.expand_dims %cols {axis = 0 : i32} : tensor<1024xi32> -> tensor<1x1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1x1024xi32>
  %part = arith.cmpi slt, %row, %bound : tensor<1x1024xi32>
  %mask = tt.broadcast %part : tensor<1x1024xi1> -> tensor<4x1024xi1>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<4x1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask of rows that are the only tile of their axis narrows nothing: vectors lie along the columns.
// CHECK-LABEL: @rows_alone(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @rows_alone(%ptrs: tensor<4x1024x!tt.ptr<f16>> {tt.contiguity = dense<[1, 1024]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                    %value: tensor<4x1024xf16>, %n: i32) {
  %rows = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>
  %bound = tt.splat %n : i32 -> tensor<4xi32>
  %row_mask = arith.cmpi slt, %rows, %bound : tensor<4xi32>
  %row_column = tt.expand_dims %row_mask {axis = 1 : i32} : tensor<4xi1> -> tensor<4x1xi1>
  %mask = tt.broadcast %row_column : tensor<4x1xi1> -> tensor<4x1024xi1>
  tt.store %ptrs, %value, %mask : tensor<4x1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Where vectors lie along the rows, the mask of columns narrows nothing.
// CHECK-LABEL: @along_the_rows(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @along_the_rows(%ptrs: tensor<1024x4x!tt.ptr<f16>> {tt.contiguity = dense<[1024, 1]> : tensor<2xi32>, tt.divisibility = dense<[16, 1]> : tensor<2xi32>},
                        %value: tensor<1024x4xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %row_mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %row_column = tt.expand_dims %row_mask {axis = 1 : i32} : tensor<1024xi1> -> tensor<1024x1xi1>
  %mask = tt.broadcast %row_column : tensor<1024x1xi1> -> tensor<1024x4xi1>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x4x!tt.ptr<f16>>
  tt.return
}

// -----

// A flag that is the same in every lane stays in both accesses.
// CHECK-LABEL: @flag(
// CHECK:       %{{.*}} = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[REST:.*]] = arith.andi %{{.*}} : tensor<1024xi1>
// CHECK:       %[[FLAGS:.*]] = tt.splat %{{.*}} : i1
// CHECK:       %[[WHOLES:.*]] = arith.andi %[[WHOLE]], %[[FLAGS]]
// CHECK-NEXT:  %[[RESTS:.*]] = arith.andi %[[REST]], %[[FLAGS]]
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLES]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[RESTS]] : tensor
tt.func @flag(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32, %flag: i1) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %flags = tt.splat %flag : i1 -> tensor<1024xi1>
  %mask = arith.andi %inside, %flags : tensor<1024xi1>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Of two parts that narrow the access, one would still narrow the vectors.
// CHECK-LABEL: @two_bounds(
// CHECK:       arith.andi
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @two_bounds(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32, %m: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %below = arith.cmpi slt, %cols, %limit : tensor<1024xi32>
  %mask = arith.andi %inside, %below : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So would a part that depends on data.
// CHECK-LABEL: @data(
// CHECK:       arith.andi
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @data(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %mask = arith.andi %inside, %flags : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A part that depends on data and is the same over vectors stays in both accesses.
// CHECK-LABEL: @data_over_vectors(
// CHECK:       arith.andi
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @data_over_vectors(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                           %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1> {tt.constancy = 8 : i32}) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %mask = arith.andi %inside, %flags : tensor<1024xi1>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A disjunction is not taken apart.
// CHECK-LABEL: @disjunction(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @disjunction(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %inside = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %mask = arith.ori %inside, %flags : tensor<1024xi1>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
