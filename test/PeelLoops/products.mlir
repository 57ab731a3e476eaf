// RUN: graft-opt %s -graft-peel-loops -common-canonicalizer -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-peel-loops -common-canonicalizer -common-cse -split-input-file -verify-diagnostics

// A matrix product: whole tiles of both operands, then what is left, which goes on with the sums and the pointers.
// CHECK-LABEL: @remaining(
// CHECK:       %[[WHOLE:.*]]:2 = scf.for %{{.*}} = %c0_i32 to %[[MIDDLE:.*]] step %c1_i32 iter_args(%[[SUM:.*]] = %{{.*}}, %[[A:.*]] = %{{.*}})
// CHECK-NEXT:  %[[X:.*]] = tt.load %[[A]] : tensor<64x64x!tt.ptr<f16>>
// CHECK-NEXT:  %[[Y:.*]] = tt.load %{{[^,]+}} : tensor<64x64x!tt.ptr<f16>>
// CHECK-NEXT:  %[[NEXT:.*]] = tt.dot %[[X]], %[[Y]], %[[SUM]]
// CHECK-NEXT:  %[[A_NEXT:.*]] = tt.addptr %[[A]], %{{.*}}
// CHECK-NEXT:  scf.yield %[[NEXT]], %[[A_NEXT]]
// CHECK-NEXT:  }
// CHECK-NEXT:  %[[ALL:.*]]:2 = scf.for %{{.*}} = %[[MIDDLE]] to %{{.*}} step %c1_i32 iter_args(%[[SUM2:.*]] = %[[WHOLE]]#0, %[[A2:.*]] = %[[WHOLE]]#1)
// CHECK:       tt.load %[[A2]], %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.dot %{{.*}}, %{{.*}}, %[[SUM2]]
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[ALL]]#0
tt.func @remaining(%a: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                   %b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                   %k_end: i32, %count: i32, %out: tensor<64x64x!tt.ptr<f32>>) {
  %k_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %steps = arith.constant dense<64> : tensor<64x64xi32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf16>
  %sums = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 64 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %product:2 = scf.for %k = %zero to %count step %one iter_args(%sum = %sums, %a_at = %a) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %k_end, %done : i32
    %bound = tt.splat %left : i32 -> tensor<64xi32>
    %inside = arith.cmpi slt, %k_range, %bound : tensor<64xi32>
    %a_row = tt.expand_dims %inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
    %a_mask = tt.broadcast %a_row : tensor<1x64xi1> -> tensor<64x64xi1>
    %b_column = tt.expand_dims %inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
    %b_mask = tt.broadcast %b_column : tensor<64x1xi1> -> tensor<64x64xi1>
    %x = tt.load %a_at, %a_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %y = tt.load %b, %b_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %a_next = tt.addptr %a_at, %steps : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %next, %a_next : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  }
  tt.store %out, %product#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
}

// -----

// Its other form.
// CHECK-LABEL: @numbered(
// CHECK:       %[[WHOLE:.*]]:2 = scf.for %{{.*}} = %c0_i32 to %[[MIDDLE:.*]] step %c1_i32 iter_args(%[[SUM:.*]] = %{{.*}}, %[[A:.*]] = %{{.*}})
// CHECK-NEXT:  %[[X:.*]] = tt.load %[[A]] : tensor<64x64x!tt.ptr<f16>>
// CHECK-NEXT:  %[[Y:.*]] = tt.load %{{[^,]+}} : tensor<64x64x!tt.ptr<f16>>
// CHECK-NEXT:  %[[NEXT:.*]] = tt.dot %[[X]], %[[Y]], %[[SUM]]
// CHECK-NEXT:  %[[A_NEXT:.*]] = tt.addptr %[[A]], %{{.*}}
// CHECK-NEXT:  scf.yield %[[NEXT]], %[[A_NEXT]]
// CHECK-NEXT:  }
// CHECK-NEXT:  %[[ALL:.*]]:2 = scf.for %{{.*}} = %[[MIDDLE]] to %{{.*}} step %c1_i32 iter_args(%[[SUM2:.*]] = %[[WHOLE]]#0, %[[A2:.*]] = %[[WHOLE]]#1)
// CHECK:       tt.load %[[A2]], %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.dot %{{.*}}, %{{.*}}, %[[SUM2]]
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[ALL]]#0
tt.func @numbered(%a: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                  %b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                  %k_end: i32, %count: i32, %out: tensor<64x64x!tt.ptr<f32>>) {
  %k_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %steps = arith.constant dense<64> : tensor<64x64xi32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf16>
  %sums = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 64 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %product:2 = scf.for %k = %zero to %count step %one iter_args(%sum = %sums, %a_at = %a) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %done = arith.muli %k, %size : i32
    %starts = tt.splat %done : i32 -> tensor<64xi32>
    %index = arith.addi %starts, %k_range : tensor<64xi32>
    %bound = tt.splat %k_end : i32 -> tensor<64xi32>
    %inside = arith.cmpi slt, %index, %bound : tensor<64xi32>
    %a_row = tt.expand_dims %inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
    %a_mask = tt.broadcast %a_row : tensor<1x64xi1> -> tensor<64x64xi1>
    %b_column = tt.expand_dims %inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
    %b_mask = tt.broadcast %b_column : tensor<64x1xi1> -> tensor<64x64xi1>
    %x = tt.load %a_at, %a_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %y = tt.load %b, %b_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %a_next = tt.addptr %a_at, %steps : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %next, %a_next : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  }
  tt.store %out, %product#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
}

// -----

// The mask of the second operand, which narrows no access, goes with that of the first though it is a comparison of its own.
// CHECK-LABEL: @second_operand_compared_apart(
// CHECK:       %[[WHOLE:.*]]:2 = scf.for %{{.*}} = %c0_i32 to %[[MIDDLE:.*]] step %c1_i32 iter_args(%[[SUM:.*]] = %{{.*}}, %[[A:.*]] = %{{.*}})
// CHECK-NEXT:  %[[X:.*]] = tt.load %[[A]] : tensor<64x64x!tt.ptr<f16>>
// CHECK-NEXT:  %[[Y:.*]] = tt.load %{{[^,]+}} : tensor<64x64x!tt.ptr<f16>>
// CHECK-NEXT:  %[[NEXT:.*]] = tt.dot %[[X]], %[[Y]], %[[SUM]]
// CHECK-NEXT:  %[[A_NEXT:.*]] = tt.addptr %[[A]], %{{.*}}
// CHECK-NEXT:  scf.yield %[[NEXT]], %[[A_NEXT]]
// CHECK-NEXT:  }
// CHECK-NEXT:  %[[ALL:.*]]:2 = scf.for %{{.*}} = %[[MIDDLE]] to %{{.*}} step %c1_i32 iter_args(%[[SUM2:.*]] = %[[WHOLE]]#0, %[[A2:.*]] = %[[WHOLE]]#1)
// CHECK:       tt.load %[[A2]], %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.dot %{{.*}}, %{{.*}}, %[[SUM2]]
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[ALL]]#0
tt.func @second_operand_compared_apart(%a: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                                       %b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                                       %k_end: i32, %count: i32, %out: tensor<64x64x!tt.ptr<f32>>) {
  %k_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %steps = arith.constant dense<64> : tensor<64x64xi32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf16>
  %sums = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 64 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %product:2 = scf.for %k = %zero to %count step %one iter_args(%sum = %sums, %a_at = %a) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %done = arith.muli %k, %size : i32
    %starts = tt.splat %done : i32 -> tensor<64xi32>
    %index = arith.addi %starts, %k_range : tensor<64xi32>
    %bound = tt.splat %k_end : i32 -> tensor<64xi32>
    %inside = arith.cmpi slt, %index, %bound : tensor<64xi32>
    %a_row = tt.expand_dims %inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
    %a_mask = tt.broadcast %a_row : tensor<1x64xi1> -> tensor<64x64xi1>
    %column = tt.expand_dims %index {axis = 1 : i32} : tensor<64xi32> -> tensor<64x1xi32>
    %bounds = tt.splat %k_end : i32 -> tensor<64x1xi32>
    %b_column = arith.cmpi slt, %column, %bounds : tensor<64x1xi32>
    %b_mask = tt.broadcast %b_column : tensor<64x1xi1> -> tensor<64x64xi1>
    %x = tt.load %a_at, %a_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %y = tt.load %b, %b_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %a_next = tt.addptr %a_at, %steps : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %next, %a_next : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  }
  tt.store %out, %product#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
}

// -----

// Where only the second operand has such a mask there is nothing to gain.
// CHECK-LABEL: @second_operand_alone(
// CHECK-NOT:   tt.num_stages
// CHECK:       scf.for
// CHECK-NOT:   scf.for
// CHECK:       tt.return
tt.func @second_operand_alone(%a: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                              %b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                              %k_end: i32, %count: i32, %out: tensor<64x64x!tt.ptr<f32>>, %a_mask: tensor<64x64xi1>) {
  %k_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %steps = arith.constant dense<64> : tensor<64x64xi32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf16>
  %sums = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 64 : i32
  %product:2 = scf.for %k = %zero to %count step %one iter_args(%sum = %sums, %a_at = %a) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %done = arith.muli %k, %size : i32
    %starts = tt.splat %done : i32 -> tensor<64xi32>
    %index = arith.addi %starts, %k_range : tensor<64xi32>
    %bound = tt.splat %k_end : i32 -> tensor<64xi32>
    %inside = arith.cmpi slt, %index, %bound : tensor<64xi32>
    %b_column = tt.expand_dims %inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
    %b_mask = tt.broadcast %b_column : tensor<64x1xi1> -> tensor<64x64xi1>
    %x = tt.load %a_at, %a_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    // expected-remark@below {{graft-peel-loops: mask kept: the access is no wider without it}}
    %y = tt.load %b, %b_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %a_next = tt.addptr %a_at, %steps : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %next, %a_next : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  }
  tt.store %out, %product#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
}

// -----

// A mask of rows that stays where it was does not narrow the first operand, and stays.
// CHECK-LABEL: @rows(
// CHECK:       %[[ROWS:.*]] = tt.broadcast %{{.*}} : tensor<64x1xi1> -> tensor<64x64xi1>
// CHECK:       scf.for
// CHECK-NEXT:  tt.load %{{[^,]+}}, %[[ROWS]], %{{[^,]+}} {tt.versioned_by_graft} : tensor
// CHECK-NEXT:  tt.load %{{[^,]+}} : tensor
// CHECK:       scf.for
// CHECK:       %[[BOTH:.*]] = arith.andi %[[ROWS]], %{{.*}} : tensor
// CHECK:       tt.load %{{[^,]+}}, %[[BOTH]], %{{[^,]+}} : tensor
tt.func @rows(%a: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
              %k_end: i32, %count: i32, %out: tensor<64x64x!tt.ptr<f32>>, %m: i32, %row: i32) {
  %rows = tt.splat %row : i32 -> tensor<64xi32>
  %row_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %row_index = arith.addi %rows, %row_range : tensor<64xi32>
  %height = tt.splat %m : i32 -> tensor<64xi32>
  %row_inside = arith.cmpi slt, %row_index, %height : tensor<64xi32>
  %row_column = tt.expand_dims %row_inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
  %row_part = tt.broadcast %row_column : tensor<64x1xi1> -> tensor<64x64xi1>
  %k_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %steps = arith.constant dense<64> : tensor<64x64xi32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf16>
  %sums = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 64 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %product:2 = scf.for %k = %zero to %count step %one iter_args(%sum = %sums, %a_at = %a) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %k_end, %done : i32
    %bound = tt.splat %left : i32 -> tensor<64xi32>
    %inside = arith.cmpi slt, %k_range, %bound : tensor<64xi32>
    %a_row = tt.expand_dims %inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
    %k_part = tt.broadcast %a_row : tensor<1x64xi1> -> tensor<64x64xi1>
    %a_mask = arith.andi %row_part, %k_part : tensor<64x64xi1>
    %b_column = tt.expand_dims %inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
    %b_mask = tt.broadcast %b_column : tensor<64x1xi1> -> tensor<64x64xi1>
    %x = tt.load %a_at, %a_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %y = tt.load %b, %b_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %a_next = tt.addptr %a_at, %steps : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %next, %a_next : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  }
  tt.store %out, %product#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
}

// -----

// The number of stages that a product asks for is that of its whole tiles.
// CHECK-LABEL: @stages(
// CHECK:       scf.for
// CHECK:       } {tt.num_stages = 4 : i32}
// CHECK:       scf.for
// CHECK:       } {tt.num_stages = 1 : i32, tt.peeled_by_graft}
tt.func @stages(%a: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                %b: tensor<64x64x!tt.ptr<f16>> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                %k_end: i32, %count: i32, %out: tensor<64x64x!tt.ptr<f32>>) {
  %k_range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %steps = arith.constant dense<64> : tensor<64x64xi32>
  %zeros = arith.constant dense<0.0> : tensor<64x64xf16>
  %sums = arith.constant dense<0.0> : tensor<64x64xf32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %size = arith.constant 64 : i32
  // expected-remark@below {{graft-peel-loops: whole tiles run without masks}}
  %product:2 = scf.for %k = %zero to %count step %one iter_args(%sum = %sums, %a_at = %a) -> (tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>) : i32 {
    %done = arith.muli %k, %size : i32
    %left = arith.subi %k_end, %done : i32
    %bound = tt.splat %left : i32 -> tensor<64xi32>
    %inside = arith.cmpi slt, %k_range, %bound : tensor<64xi32>
    %a_row = tt.expand_dims %inside {axis = 0 : i32} : tensor<64xi1> -> tensor<1x64xi1>
    %a_mask = tt.broadcast %a_row : tensor<1x64xi1> -> tensor<64x64xi1>
    %b_column = tt.expand_dims %inside {axis = 1 : i32} : tensor<64xi1> -> tensor<64x1xi1>
    %b_mask = tt.broadcast %b_column : tensor<64x1xi1> -> tensor<64x64xi1>
    %x = tt.load %a_at, %a_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %y = tt.load %b, %b_mask, %zeros : tensor<64x64x!tt.ptr<f16>>
    %next = tt.dot %x, %y, %sum : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %a_next = tt.addptr %a_at, %steps : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
    scf.yield %next, %a_next : tensor<64x64xf32>, tensor<64x64x!tt.ptr<f16>>
  } {tt.num_stages = 4 : i32}
  tt.store %out, %product#0 : tensor<64x64x!tt.ptr<f32>>
  tt.return
}
