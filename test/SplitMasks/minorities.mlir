// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// One access of two that would be split is split: at least half of the block gains.
// CHECK-LABEL: @one_of_two(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @one_of_two(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %flags : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// One of three is not: the others bound what it gains.
// CHECK-LABEL: @one_of_three(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @one_of_three(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %flags : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %flags : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Two of three are.
// CHECK-LABEL: @two_of_three(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @two_of_three(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %flags : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Accesses without mask count too.
// CHECK-LABEL: @without_mask(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
tt.func @without_mask(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So do atomic operations.
// CHECK-LABEL: @atomics(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
tt.func @atomics(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %old0 = tt.atomic_rmw fadd, relaxed, gpu, %others, %value : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>) -> tensor<1024xf16>
  %old1 = tt.atomic_rmw fadd, relaxed, gpu, %others, %value : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>) -> tensor<1024xf16>
  tt.return
}

// -----

// Scalar accesses do not: there are few of them in a tile.
// CHECK-LABEL: @scalars(
// CHECK:       arith.andi
// CHECK:       tt.store
tt.func @scalars(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>,
                 %pointer: !tt.ptr<f16>, %scalar: f16) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %pointer, %scalar : !tt.ptr<f16>
  tt.store %pointer, %scalar : !tt.ptr<f16>
  tt.return
}

// -----

// Accesses in other blocks do not count.
// CHECK-LABEL: @other_block(
// CHECK:       arith.andi
tt.func @other_block(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                     %others: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32, %flags: tensor<1024xi1>,
                     %flag: i1) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  scf.if %flag {
    tt.store %others, %value, %flags : tensor<1024x!tt.ptr<f16>>
    tt.store %others, %value, %flags : tensor<1024x!tt.ptr<f16>>
  }
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
