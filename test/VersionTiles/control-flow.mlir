// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A value that the function returns is handed over by both branches.
// CHECK-LABEL: @returned(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[RESULT:.*]] = scf.if %{{.*}} -> (tensor<1024xf16>) {
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    scf.yield %[[X]] : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %[[Y:.*]] = tt.load %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    scf.yield %[[Y]] : tensor
// CHECK-NEXT:  }
// CHECK-NEXT:  tt.return %[[RESULT]] : tensor
tt.func private @returned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %start: i32, %n: i32) -> tensor<1024xf16> {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return %x : tensor<1024xf16>
}

// -----

// A value that is selected by the mask and returned is handed over without the selection.
// CHECK-LABEL: @selected_and_returned(
// CHECK:       %[[RESULT:.*]] = scf.if %{{.*}} -> (tensor<1024xf16>) {
// CHECK:         %[[DOUBLE:.*]] = arith.addf
// CHECK-NEXT:    scf.yield %[[DOUBLE]] : tensor
// CHECK-NEXT:  } else {
// CHECK:         %[[SELECTED:.*]] = arith.select
// CHECK-NEXT:    scf.yield %[[SELECTED]] : tensor
// CHECK:       tt.return %[[RESULT]] : tensor
tt.func private @selected_and_returned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                       %value: tensor<1024xf16>, %start: i32, %n: i32) -> tensor<1024xf16> {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %double = arith.addf %value, %value : tensor<1024xf16>
  %x = arith.select %mask, %double, %value : tensor<1024xi1>, tensor<1024xf16>
  tt.return %x : tensor<1024xf16>
}

// -----

// A branch around the access is duplicated with it.
// CHECK-LABEL: @under_a_branch(
// CHECK-SAME:  %[[FLAG:arg[0-9]+]]: i1)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[WHOLE:.*]] = arith.andi
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    scf.if %[[FLAG]] {
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } else {
// CHECK-NEXT:    scf.if %[[FLAG]] {
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @under_a_branch(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  scf.if %flag {
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// A mask whose bound is read under a branch is versioned there, and the value of the branch handed over.
// CHECK-LABEL: @bound_under_a_branch(
// CHECK-SAME:  %[[FLAG:arg[0-9]+]]: i1)
// CHECK:       scf.if %[[FLAG]] -> (tensor<1024xf16>) {
// CHECK:         %[[N:.*]] = tt.load %{{.*}} : !tt.ptr<i32>
// CHECK:         %[[X:.*]] = scf.if %{{.*}} -> (tensor<1024xf16>) {
// CHECK-NEXT:      %{{.*}} = tt.load %{{[^,]+}} : tensor
// CHECK:         } else {
// CHECK:         }
// CHECK-NEXT:    scf.yield %[[X]] : tensor
// CHECK-NEXT:  } else {
tt.func @bound_under_a_branch(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                              %value: tensor<1024xf16>, %start: i32, %bounds: !tt.ptr<i32>, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %chosen = scf.if %flag -> (tensor<1024xf16>) {
    %n = tt.load %bounds : !tt.ptr<i32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    scf.yield %x : tensor<1024xf16>
  } else {
    scf.yield %value : tensor<1024xf16>
  }
  tt.store %ptrs, %chosen : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The branch ends with its block; the jump that ends the block stays behind it.
// CHECK-LABEL: @blocks(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       cf.cond_br
// CHECK:       ^bb1:
// CHECK:         scf.if
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    } else {
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    }
// CHECK-NEXT:    cf.br ^bb2
// CHECK:       ^bb2:
// CHECK-NEXT:    tt.return
tt.func @blocks(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  cf.cond_br %flag, ^bb1, ^bb2
^bb1:
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  cf.br ^bb2
^bb2:
  tt.return
}

// -----

// A value that another block uses is handed over.
// CHECK-LABEL: @used_in_another_block(
// CHECK:       %[[X:.*]] = scf.if %{{.*}} -> (tensor<1024xf16>) {
// CHECK:       cf.cond_br
// CHECK:       ^bb1:
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[X]] : tensor
tt.func @used_in_another_block(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  cf.cond_br %flag, ^bb1, ^bb2
^bb1:
  tt.store %ptrs, %x : tensor<1024x!tt.ptr<f16>>
  cf.br ^bb2
^bb2:
  tt.return
}

// -----

// A value that the jump passes on is handed over.
// CHECK-LABEL: @passed_to_another_block(
// CHECK:       %[[X:.*]] = scf.if %{{.*}} -> (tensor<1024xf16>) {
// CHECK:       cf.cond_br %{{.*}}, ^bb1(%[[X]] : tensor<1024xf16>), ^bb2
tt.func @passed_to_another_block(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %start: i32, %n: i32, %flag: i1) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  cf.cond_br %flag, ^bb1(%x : tensor<1024xf16>), ^bb2
^bb1(%y: tensor<1024xf16>):
  tt.store %ptrs, %y : tensor<1024x!tt.ptr<f16>>
  cf.br ^bb2
^bb2:
  tt.return
}

// -----

// A callee is versioned by itself, and a call is duplicated like any other operation.
// CHECK-LABEL: @callee(
// CHECK:       scf.if
tt.func private @callee(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32, %n: i32) attributes {noinline = true} {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// Its caller has a mask of its own.
// CHECK-LABEL: @caller(
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.call @callee
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.call @callee
tt.func public @caller(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.call @callee(%ptrs, %value, %start, %n) : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, i32, i32) -> ()
  tt.return
}
