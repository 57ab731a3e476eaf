// RUN: graft-opt %s -graft-peel-loops -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -split-input-file -verify-diagnostics

// Columns of a matrix that is multiplied, in rows with a padding: whole in all iterations or in none. Both loops are pipelined.
// CHECK-LABEL: @columns(
// CHECK:       %[[LAST:.*]] = arith.addi %[[START:.*]], %{{.*}} : i32
// CHECK:       arith.cmpi sge, %[[LAST]], %[[START]] : i32
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}} : tensor
// CHECK-NOT:   num_stages
// CHECK:       scf.for
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } {tt.graft_peeled}
tt.func @columns(%b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                 %n: i32, %start: i32, %count: i32, %x: tensor<64x64xf16>, %sums: tensor<64x64xf32>, %zeros: tensor<64x64xf16>) {
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %starts = tt.splat %start : i32 -> tensor<64xi32>
  %cols = arith.addi %starts, %range : tensor<64xi32>
  %bound = tt.splat %n : i32 -> tensor<64xi32>
  %inside = arith.cmpi slt, %cols, %bound : tensor<64xi32>
  %row = tt.expand_dims %inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
  %mask = tt.broadcast %row : tensor<1x64xi1> -> tensor<64x64xi1>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %product = scf.for %k = %zero to %count step %one iter_args(%sum = %sums) -> (tensor<64x64xf32>) : i32 {
    %y = tt.load %b, %mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.return
}

// -----

// A mask of rows does not narrow it: it stays, and no tile at the edge loses.
// CHECK-LABEL: @rows(
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @rows(%b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %n: i32, %start: i32, %count: i32, %x: tensor<64x64xf16>, %sums: tensor<64x64xf32>, %zeros: tensor<64x64xf16>) {
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %starts = tt.splat %start : i32 -> tensor<64xi32>
  %rows = arith.addi %starts, %range : tensor<64xi32>
  %bound = tt.splat %n : i32 -> tensor<64xi32>
  %inside = arith.cmpi slt, %rows, %bound : tensor<64xi32>
  %column = tt.expand_dims %inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
  %mask = tt.broadcast %column : tensor<64x1xi1> -> tensor<64x64xi1>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %product = scf.for %k = %zero to %count step %one iter_args(%sum = %sums) -> (tensor<64x64xf32>) : i32 {
    // expected-remark@below {{graft-peel-loops: mask kept: the access is no wider without it}}
    %y = tt.load %b, %mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.return
}
