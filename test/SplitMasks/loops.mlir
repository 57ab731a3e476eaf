// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// A row that is taken in a loop has a partial tile at its end: the masks of all tiles are split.
// CHECK-LABEL: @loop(
// CHECK:       scf.for
// CHECK:       %[[INDEX:.*]] = arith.addi
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %[[INDEX]], %{{.*}} : tensor
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %[[INDEX]], %[[ENDS:.*]] : tensor
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[INDEX]], %[[ENDS]] : tensor
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// The tiles of a grid are many, and nearly all are whole.
// CHECK-LABEL: @grid(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @grid(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %i: i32 {tt.divisibility = 16 : i32}, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So are those whose mask is made in front of a loop, from scalars.
// CHECK-LABEL: @mask_in_front_of_the_loop(
// CHECK-NOT:   arith.andi
// CHECK:       scf.for
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  }
tt.func @mask_in_front_of_the_loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                   %value: tensor<1024xf16>, %i: i32 {tt.divisibility = 16 : i32}, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %starts = tt.splat %i : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  scf.for %j = %zero to %count step %step : i32 {
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// In front of the loop, the only tile of an axis is split as anywhere.
// CHECK-LABEL: @only_tile_in_front_of_the_loop(
// CHECK:       arith.andi
// CHECK:       scf.for
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  }
tt.func @only_tile_in_front_of_the_loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                        %value: tensor<1024xf16>, %n: i32, %count: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %count step %step : i32 {
    // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// A loop may begin anywhere that is known to be a multiple of a vector.
// CHECK-LABEL: @aligned_begin(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
tt.func @aligned_begin(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %value: tensor<1024xf16>, %begin: i32 {tt.divisibility = 8 : i32}, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %step = arith.constant 1024 : i32
  scf.for %i = %begin to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// Where that is not known, vectors of indices do not end at a multiple of the vector.
// CHECK-LABEL: @unaligned_begin(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @unaligned_begin(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %begin: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %step = arith.constant 1024 : i32
  scf.for %i = %begin to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// Loads in a loop with a dot product are to be asynchronous copies.
// CHECK-LABEL: @dot(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @dot(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %sum = scf.for %i = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tt.return
}

// -----

// So are those around an inner loop that holds the dot product.
// CHECK-LABEL: @dot_inside(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @dot_inside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %sum = scf.for %j = %zero to %n step %step iter_args(%part = %acc) -> (tensor<64x64xf32>) : i32 {
      %next = tt.dot %a, %a, %part : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
      scf.yield %next : tensor<64x64xf32>
    }
  }
  tt.return
}

// -----

// A dot product behind the loop is not in the way.
// CHECK-LABEL: @dot_behind(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
tt.func @dot_behind(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32, %a: tensor<64x64xf16>, %acc: tensor<64x64xf32>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  %product = tt.dot %a, %a, %acc : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
  tt.return
}

// -----

// In a loop that is to be pipelined, a load that can be an asynchronous copy is to stay one. A store is none.
// CHECK-LABEL: @stages(
// CHECK:       scf.for
// CHECK:       tt.load
// CHECK-NOT:   tt.load
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
tt.func @stages(%ptrs: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %out: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %other: tensor<1024xf32>, %n: i32, %count: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  scf.for %i = %zero to %count step %one : i32 {
    %x = tt.load %ptrs, %mask, %other : tensor<1024x!tt.ptr<f32>>
    // expected-remark@below {{graft-split-masks: split into vectors of 4 and the rest}}
    tt.store %out, %x, %mask : tensor<1024x!tt.ptr<f32>>
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// So is one in a branch there.
// CHECK-LABEL: @stages_in_a_branch(
// CHECK:       scf.if
// CHECK-NEXT:  tt.load
// CHECK-NOT:   tt.load
// CHECK:       tt.return
tt.func @stages_in_a_branch(%ptrs: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %other: tensor<1024xf32>, %n: i32, %count: i32, %choice: i1) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  scf.for %i = %zero to %count step %one : i32 {
    scf.if %choice {
      %x = tt.load %ptrs, %mask, %other : tensor<1024x!tt.ptr<f32>>
    }
  } {tt.num_stages = 3 : i32}
  tt.return
}

// -----

// With one stage there is nothing to be in the way of.
// CHECK-LABEL: @one_stage(
// CHECK:       tt.load
// CHECK-NEXT:  tt.load
tt.func @one_stage(%ptrs: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %other: tensor<1024xf32>, %n: i32, %count: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  scf.for %i = %zero to %count step %one : i32 {
    // expected-remark@below {{graft-split-masks: split into vectors of 4 and the rest}}
    %x = tt.load %ptrs, %mask, %other : tensor<1024x!tt.ptr<f32>>
  } {tt.num_stages = 1 : i32}
  tt.return
}

// -----

// Halves under a mask of which nothing is known are too short for an asynchronous copy: nothing is lost.
// CHECK-LABEL: @stages_of_halves(
// CHECK:       tt.load
// CHECK-NEXT:  tt.load
tt.func @stages_of_halves(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %other: tensor<1024xf16>, %n: i32, %count: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  scf.for %i = %zero to %count step %one : i32 {
    // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
    %x = tt.load %ptrs, %mask, %other : tensor<1024x!tt.ptr<f16>>
  } {tt.num_stages = 3 : i32}
  tt.return
}
