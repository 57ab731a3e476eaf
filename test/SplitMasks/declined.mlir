// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// A volatile load is one access.
// CHECK-LABEL: @volatile(
// CHECK:       tt.load
// CHECK-NOT:   tt.load
// CHECK:       tt.return
tt.func @volatile(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask {isVolatile = true} : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %x : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The same load, not volatile, is two.
// CHECK-LABEL: @not_volatile(
// CHECK:       tt.load
// CHECK-NEXT:  tt.load
// CHECK-NEXT:  tt.store
tt.func @not_volatile(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  %x = tt.load %ptrs, %mask {isVolatile = false} : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %x : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An atomic operation is not a vector to begin with.
// CHECK-LABEL: @atomic(
// CHECK:       tt.atomic_rmw
// CHECK-NOT:   tt.atomic_rmw
// CHECK:       tt.return
tt.func @atomic(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %value, %mask : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) -> tensor<1024xf16>
  tt.return
}

// -----

// A scalar access has no vectors.
// CHECK-LABEL: @scalar(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @scalar(%pointer: !tt.ptr<f16>, %value: f16, %n: i32) {
  %zero = arith.constant 0 : i32
  %mask = arith.cmpi slt, %zero, %n : i32
  tt.store %pointer, %value, %mask : !tt.ptr<f16>
  tt.return
}

// -----

// Pointers of which nothing is known make no vectors.
// CHECK-LABEL: @gathered(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @gathered(%ptrs: tensor<1024x!tt.ptr<f16>>, %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask of which no part is a bound is kept.
// CHECK-LABEL: @argument(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @argument(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %mask: tensor<1024xi1>) {
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
