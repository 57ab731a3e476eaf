// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// Vectors lie along the columns: the mask of columns goes, where they are all inside, and that of rows stays.
// CHECK-LABEL: @columns_go(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1> -> tensor<32x64xi1>
// CHECK:       %[[MASK:.*]] = arith.andi %[[ROWS]], %{{.*}} : tensor<32x64xi1>
// CHECK-NOT:   %[[M]]
// CHECK:       %[[LAST:.*]] = arith.addi %[[X]], %{{.*}} : i32
// CHECK-DAG:   arith.cmpi sge, %[[LAST]], %[[X]] : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:  }
tt.func @columns_go(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                    %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %row_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %row_starts = tt.splat %y : i32 -> tensor<32xi32>
  %rows = arith.addi %row_starts, %row_range : tensor<32xi32>
  %row_bound = tt.splat %m : i32 -> tensor<32xi32>
  %row_inside = arith.cmpi slt, %rows, %row_bound : tensor<32xi32>
  %row_spread = tt.expand_dims %row_inside {axis = 1 : i32} : tensor<32xi1> -> tensor<32x1xi1>
  %row_part = tt.broadcast %row_spread : tensor<32x1xi1> -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %row_part, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Where they lie along the rows, the mask of rows goes.
// CHECK-LABEL: @rows_go(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.broadcast %{{.*}} : tensor<1x64xi1> -> tensor<32x64xi1>
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}}, %[[COLS]] : tensor<32x64xi1>
// CHECK-NOT:   %[[N]]
// CHECK:       %[[LAST:.*]] = arith.addi %[[Y]], %{{.*}} : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[M]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[COLS]] {tt.versioned_by_graft} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @rows_go(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[32, 1]> : tensor<2xi32>, tt.divisibility = dense<[16, 1]> : tensor<2xi32>},
                 %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %row_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %row_starts = tt.splat %y : i32 -> tensor<32xi32>
  %rows = arith.addi %row_starts, %row_range : tensor<32xi32>
  %row_bound = tt.splat %m : i32 -> tensor<32xi32>
  %row_inside = arith.cmpi slt, %rows, %row_bound : tensor<32xi32>
  %row_spread = tt.expand_dims %row_inside {axis = 1 : i32} : tensor<32xi1> -> tensor<32x1xi1>
  %row_part = tt.broadcast %row_spread : tensor<32x1xi1> -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %row_part, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// The mask of columns alone goes as a whole.
// CHECK-LABEL: @columns_alone(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @columns_alone(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                       %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %col_part : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// The mask of rows alone narrows nothing.
// CHECK-LABEL: @rows_alone(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @rows_alone(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                    %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %row_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %row_starts = tt.splat %y : i32 -> tensor<32xi32>
  %rows = arith.addi %row_starts, %row_range : tensor<32xi32>
  %row_bound = tt.splat %m : i32 -> tensor<32xi32>
  %row_inside = arith.cmpi slt, %rows, %row_bound : tensor<32xi32>
  %row_spread = tt.expand_dims %row_inside {axis = 1 : i32} : tensor<32xi1> -> tensor<32x1xi1>
  %row_part = tt.broadcast %row_spread : tensor<32x1xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
  tt.store %ptrs, %value, %row_part : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Two bounds of the columns go together.
// CHECK-LABEL: @two_bounds_of_columns(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[N]] : i32
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[M]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @two_bounds_of_columns(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                               %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %limit = tt.splat %m : i32 -> tensor<64xi32>
  %below = arith.cmpi slt, %cols, %limit : tensor<64xi32>
  %below_spread = tt.expand_dims %below {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %below_part = tt.broadcast %below_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %col_part, %below_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Bounds may be joined before the mask becomes a row of the tile.
// CHECK-LABEL: @joined_before(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[N]] : i32
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[M]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @joined_before(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                       %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %limit = tt.splat %m : i32 -> tensor<64xi32>
  %below = arith.cmpi slt, %cols, %limit : tensor<64xi32>
  %both = arith.andi %col_inside, %below : tensor<64xi1>
  %both_spread = tt.expand_dims %both {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %mask = tt.broadcast %both_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Of parts that are joined before, the one that depends on data and is the same over vectors stays.
// CHECK-LABEL: @joined_with_data(
// CHECK-SAME:  %[[FLAGS:arg[0-9]+]]: tensor<64xi1> {{.*}}) {
// CHECK:       scf.if
// CHECK-NEXT:    %[[ROW:.*]] = tt.expand_dims %[[FLAGS]] {axis = 0 : i32}
// CHECK-NEXT:    %[[REST:.*]] = tt.broadcast %[[ROW]]
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] {tt.versioned_by_graft} : tensor
tt.func @joined_with_data(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                          %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32,
                          %flags: tensor<64xi1> {tt.constancy = 8 : i32}) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %both = arith.andi %col_inside, %flags : tensor<64xi1>
  %both_spread = tt.expand_dims %both {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %mask = tt.broadcast %both_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// An index may be compared after it has become a row of the tile.
// CHECK-LABEL: @compared_late(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[LAST:.*]] = arith.addi %[[X]], %{{.*}} : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @compared_late(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                       %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %row = tt.expand_dims %range {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %starts = tt.splat %x : i32 -> tensor<1x64xi32>
  %index = arith.addi %starts, %row : tensor<1x64xi32>
  %bound = tt.splat %n : i32 -> tensor<1x64xi32>
  %inside = arith.cmpi slt, %index, %bound : tensor<1x64xi32>
  %mask = tt.broadcast %inside : tensor<1x64xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Or after it has become the tile.
// CHECK-LABEL: @compared_in_the_tile(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[LAST:.*]] = arith.addi %[[X]], %{{.*}} : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @compared_in_the_tile(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                              %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %row = tt.expand_dims %range {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %tile = tt.broadcast %row : tensor<1x64xi32> -> tensor<32x64xi32>
  %starts = tt.splat %x : i32 -> tensor<32x64xi32>
  %index = arith.addi %starts, %tile : tensor<32x64xi32>
  %bound = tt.splat %n : i32 -> tensor<32x64xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<32x64xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// A number of the element, made of row and column, has one bound for both.
// CHECK-LABEL: @flat(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[SIZE:.*]] = arith.constant 2047 : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[X]], %[[SIZE]] : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @flat(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %row_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %column = tt.expand_dims %row_range {axis = 1 : i32} : tensor<32xi32> -> tensor<32x1xi32>
  %width = arith.constant dense<64> : tensor<32x1xi32>
  %firsts = arith.muli %column, %width : tensor<32x1xi32>
  %first = tt.broadcast %firsts : tensor<32x1xi32> -> tensor<32x64xi32>
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %row = tt.expand_dims %range {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %tile = tt.broadcast %row : tensor<1x64xi32> -> tensor<32x64xi32>
  %starts = tt.splat %x : i32 -> tensor<32x64xi32>
  %from = arith.addi %starts, %first : tensor<32x64xi32>
  %index = arith.addi %from, %tile : tensor<32x64xi32>
  %bound = tt.splat %n : i32 -> tensor<32x64xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<32x64xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// An index that was reshaped has the same numbers, whatever their places.
// CHECK-LABEL: @reshaped(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[SIZE:.*]] = arith.constant 2047 : i32
// CHECK:       %[[LAST:.*]] = arith.addi %[[X]], %[[SIZE]] : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @reshaped(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                  %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %range = tt.make_range {end = 2048 : i32, start = 0 : i32} : tensor<2048xi32>
  %starts = tt.splat %x : i32 -> tensor<2048xi32>
  %flat = arith.addi %starts, %range : tensor<2048xi32>
  %index = tt.reshape %flat : tensor<2048xi32> -> tensor<32x64xi32>
  %bound = tt.splat %n : i32 -> tensor<32x64xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<32x64xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is reshaped after the comparison is not taken apart.
// CHECK-LABEL: @mask_reshaped(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @mask_reshaped(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                       %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %range = tt.make_range {end = 2048 : i32, start = 0 : i32} : tensor<2048xi32>
  %starts = tt.splat %x : i32 -> tensor<2048xi32>
  %index = arith.addi %starts, %range : tensor<2048xi32>
  %bound = tt.splat %n : i32 -> tensor<2048xi32>
  %flat = arith.cmpi slt, %index, %bound : tensor<2048xi32>
  %mask = tt.reshape %flat : tensor<2048xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: mask kept: the mask is not a bound on scalars plus a range: tt.reshape}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Nor is one that is transposed.
// CHECK-LABEL: @mask_transposed(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @mask_transposed(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                         %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %col_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %col_starts = tt.splat %x : i32 -> tensor<32xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<32xi32>
  %col_bound = tt.splat %n : i32 -> tensor<32xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<32xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<32xi1> -> tensor<1x32xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x32xi1> -> tensor<64x32xi1>
  %mask = tt.trans %col_part {order = array<i32: 1, 0>} : tensor<64x32xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: mask kept: the mask is not a bound on scalars plus a range: tt.trans}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Of three dimensions, the bound of the last goes and those of the others stay.
// CHECK-LABEL: @three(
// CHECK:       %[[OUTER:.*]] = tt.broadcast %{{.*}} : tensor<4x8x1xi1> -> tensor<4x8x64xi1>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[OUTER]] {tt.versioned_by_graft} : tensor
tt.func @three(%ptrs: tensor<4x8x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 1, 64]> : tensor<3xi32>, tt.divisibility = dense<[1, 1, 16]> : tensor<3xi32>},
               %value: tensor<4x8x64xf16>, %outer: tensor<4x8x1xi1>, %x: i32, %n: i32) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_plane = tt.expand_dims %col_spread {axis = 1 : i32} : tensor<1x64xi1> -> tensor<1x1x64xi1>
  %col_part = tt.broadcast %col_plane : tensor<1x1x64xi1> -> tensor<4x8x64xi1>
  %outer_part = tt.broadcast %outer : tensor<4x8x1xi1> -> tensor<4x8x64xi1>
  %mask = arith.andi %outer_part, %col_part : tensor<4x8x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<4x8x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Rows that are the only tile of their axis stay, and are no reason to keep the columns.
// CHECK-LABEL: @only_rows(
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} : tensor
tt.func @only_rows(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                   %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %row_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %row_bound = tt.splat %m : i32 -> tensor<32xi32>
  %row_inside = arith.cmpi slt, %row_range, %row_bound : tensor<32xi32>
  %row_spread = tt.expand_dims %row_inside {axis = 1 : i32} : tensor<32xi1> -> tensor<32x1xi1>
  %row_part = tt.broadcast %row_spread : tensor<32x1xi1> -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %row_part, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Columns that are the only tile of their axis are hardly ever all inside.
// CHECK-LABEL: @only_columns(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @only_columns(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                      %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %row_range = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %row_starts = tt.splat %y : i32 -> tensor<32xi32>
  %rows = arith.addi %row_starts, %row_range : tensor<32xi32>
  %row_bound = tt.splat %m : i32 -> tensor<32xi32>
  %row_inside = arith.cmpi slt, %rows, %row_bound : tensor<32xi32>
  %row_spread = tt.expand_dims %row_inside {axis = 1 : i32} : tensor<32xi1> -> tensor<32x1xi1>
  %row_part = tt.broadcast %row_spread : tensor<32x1xi1> -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %col_range, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %row_part, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: mask kept: the mask bounds the only tile of its axis, which is hardly ever whole}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Rows that depend on data stay, in the branch too.
// CHECK-LABEL: @rows_by_data(
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} : tensor
tt.func @rows_by_data(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                      %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32, %flags: tensor<32x1xi1>) {
  %row_part = tt.broadcast %flags : tensor<32x1xi1> -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %row_part, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Columns that depend on data keep the access narrow.
// CHECK-LABEL: @columns_by_data(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @columns_by_data(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                         %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32, %flags: tensor<1x64xi1>) {
  %flag_part = tt.broadcast %flags : tensor<1x64xi1> -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %flag_part, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: mask kept: the mask is not a bound on scalars plus a range: a block argument}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// So does a mask of the whole tile that depends on data.
// CHECK-LABEL: @tile_by_data(
// CHECK-NOT:   scf.if
// CHECK:       tt.store
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func @tile_by_data(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                      %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32, %flags: tensor<32x64xi1>) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %flags, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: mask kept: the mask is not a bound on scalars plus a range: a block argument}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// A flag that is the same in every lane is part of the condition.
// CHECK-LABEL: @flag(
// CHECK-SAME:  %[[FLAG:arg[0-9]+]]: i1)
// CHECK:       arith.andi %[[FLAG]], %{{.*}} : i1
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @flag(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32, %flag: i1) {
  %flags = tt.splat %flag : i1 -> tensor<32x64xi1>
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  %mask = arith.andi %flags, %col_part : tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  tt.store %ptrs, %value, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}
