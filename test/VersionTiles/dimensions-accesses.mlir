// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A transposition reads along the columns and writes along the rows: in the branch both bounds hold and both masks go.
// CHECK-LABEL: @transposition(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[N]] : i32
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[M]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    %[[Z:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Z]] : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %[[OLD:.*]] = tt.load %{{[^,]+}}, %[[MASK:.*]] : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[OLD]], %[[MASK]] : tensor
tt.func @transposition(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                       %others: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[32, 1]> : tensor<2xi32>, tt.divisibility = dense<[16, 1]> : tensor<2xi32>},
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
  %z = tt.load %ptrs, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.store %others, %z, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// A copy reads and writes along the columns: rows stay in both.
// CHECK-LABEL: @copy(
// CHECK-SAME:  %[[Y:arg[0-9]+]]: i32, %[[X:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1>
// CHECK:       scf.if
// CHECK-NEXT:    %[[Z:.*]] = tt.load %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Z]], %[[ROWS]] {tt.versioned_by_graft} : tensor
tt.func @copy(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %others: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
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
  %z = tt.load %ptrs, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.store %others, %z, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Where the rows are the only tile of their axis, the writes of a transposition keep their mask of rows.
// CHECK-LABEL: @half_a_transposition(
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1>
// CHECK:       scf.if
// CHECK-NEXT:    %[[Z:.*]] = tt.load %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Z]], %[[ROWS]] {tt.versioned_by_graft} : tensor
tt.func @half_a_transposition(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                              %others: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[32, 1]> : tensor<2xi32>, tt.divisibility = dense<[16, 1]> : tensor<2xi32>},
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
  %z = tt.load %ptrs, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.store %others, %z, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// A load with values for masked lanes keeps them with the mask of rows.
// CHECK-LABEL: @other_kept(
// CHECK-SAME:  %[[VALUE:arg[0-9]+]]: tensor<32x64xf16>,
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1>
// CHECK:       scf.if
// CHECK-NEXT:    tt.load %{{[^,]+}}, %[[ROWS]], %[[VALUE]] {tt.versioned_by_graft} : tensor
tt.func @other_kept(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
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
  %z = tt.load %ptrs, %mask, %value : tensor<32x64x!tt.ptr<f16>>
  tt.store %ptrs, %z, %mask : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Without a mask of rows it loses them.
// CHECK-LABEL: @other_lost(
// CHECK:       scf.if
// CHECK-NEXT:    %[[Z:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Z]] : tensor
tt.func @other_lost(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                    %value: tensor<32x64xf16>, %y: i32, %x: i32, %m: i32, %n: i32) {
  %col_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %col_starts = tt.splat %x : i32 -> tensor<64xi32>
  %cols = arith.addi %col_starts, %col_range : tensor<64xi32>
  %col_bound = tt.splat %n : i32 -> tensor<64xi32>
  %col_inside = arith.cmpi slt, %cols, %col_bound : tensor<64xi32>
  %col_spread = tt.expand_dims %col_inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %col_part = tt.broadcast %col_spread : tensor<1x64xi1> -> tensor<32x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  %z = tt.load %ptrs, %col_part, %value : tensor<32x64x!tt.ptr<f16>>
  tt.store %ptrs, %z, %col_part : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// An atomic operation in the branch keeps the mask of rows, too.
// CHECK-LABEL: @atomic(
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<32x1xi1>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} : tensor
// CHECK-NEXT:    tt.atomic_rmw fadd, relaxed, gpu, %{{[^,]+}}, %{{[^,]+}}, %[[ROWS]] {tt.versioned_by_graft} :
tt.func @atomic(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
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
  %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %value, %mask : (tensor<32x64x!tt.ptr<f16>>, tensor<32x64xf16>, tensor<32x64xi1>) -> tensor<32x64xf16>
  tt.return
}

// -----

// An atomic operation alone is no reason to branch.
// CHECK-LABEL: @atomic_alone(
// CHECK-NOT:   scf.if
// CHECK:       tt.atomic_rmw
tt.func @atomic_alone(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
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
  // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
  %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %value, %mask : (tensor<32x64x!tt.ptr<f16>>, tensor<32x64xf16>, tensor<32x64xi1>) -> tensor<32x64xf16>
  tt.return
}

// -----

// A selection by the mask still selects where rows stay.
// CHECK-LABEL: @select_by_both(
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}} : tensor<32x64xi1>
// CHECK:       scf.if
// CHECK-NEXT:    %[[Z:.*]] = tt.load
// CHECK-NEXT:    %[[CLEAN:.*]] = arith.select %[[MASK]], %[[Z]], %{{.*}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[CLEAN]] : tensor
// CHECK-NEXT:  } else {
tt.func @select_by_both(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
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
  %z = tt.load %ptrs, %mask : tensor<32x64x!tt.ptr<f16>>
  %clean = arith.select %mask, %z, %value : tensor<32x64xi1>, tensor<32x64xf16>
  tt.store %ptrs, %clean : tensor<32x64x!tt.ptr<f16>>
  tt.return
}

// -----

// A selection by the part that goes takes its first operand.
// CHECK-LABEL: @select_by_columns(
// CHECK:       scf.if
// CHECK-NEXT:    %[[Z:.*]] = tt.load
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Z]] : tensor
// CHECK-NEXT:  } else {
tt.func @select_by_columns(%ptrs: tensor<32x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
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
  %z = tt.load %ptrs, %mask : tensor<32x64x!tt.ptr<f16>>
  %clean = arith.select %col_part, %z, %value : tensor<32x64xi1>, tensor<32x64xf16>
  tt.store %ptrs, %clean : tensor<32x64x!tt.ptr<f16>>
  tt.return
}
