// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// Vectors of bytes have 16.
// CHECK-LABEL: @bytes(
// CHECK:       %[[WIDTH:.*]] = arith.constant 16 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @bytes(%ptrs: tensor<2048x!tt.ptr<i8>> {tt.contiguity = 2048 : i32, tt.divisibility = 16 : i32},
               %value: tensor<2048xi8>, %n: i32) {
  %cols = tt.make_range {end = 2048 : i32, start = 0 : i32} : tensor<2048xi32>
  %bound = tt.splat %n : i32 -> tensor<2048xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<2048xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 16 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<2048x!tt.ptr<i8>>
  tt.return
}

// -----

// Of a tile that gives each of the 128 threads 8 bytes, they have 8.
// CHECK-LABEL: @bytes_per_thread(
// CHECK:       %[[WIDTH:.*]] = arith.constant 8 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @bytes_per_thread(%ptrs: tensor<1024x!tt.ptr<i8>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xi8>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<i8>>
  tt.return
}

// -----

// Booleans are moved as bytes.
// CHECK-LABEL: @booleans(
// CHECK:       %[[WIDTH:.*]] = arith.constant 16 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @booleans(%ptrs: tensor<2048x!tt.ptr<i1>> {tt.contiguity = 2048 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<2048xi1>, %n: i32) {
  %cols = tt.make_range {end = 2048 : i32, start = 0 : i32} : tensor<2048xi32>
  %bound = tt.splat %n : i32 -> tensor<2048xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<2048xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 16 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<2048x!tt.ptr<i1>>
  tt.return
}

// -----

// Vectors of bfloats have 8.
// CHECK-LABEL: @bfloats(
// CHECK:       %[[WIDTH:.*]] = arith.constant 8 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @bfloats(%ptrs: tensor<1024x!tt.ptr<bf16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xbf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<bf16>>
  tt.return
}

// -----

// Vectors of floats have 4.
// CHECK-LABEL: @floats(
// CHECK:       %[[WIDTH:.*]] = arith.constant 4 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @floats(%ptrs: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf32>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 4 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f32>>
  tt.return
}

// -----

// Vectors of doubles have 2, which are not worth a second access.
// CHECK-LABEL: @doubles(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @doubles(%ptrs: tensor<1024x!tt.ptr<f64>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf64>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f64>>
  tt.return
}

// -----

// Halves that are aligned to 8 bytes are moved four at a time.
// CHECK-LABEL: @aligned_to_8_bytes(
// CHECK:       %[[WIDTH:.*]] = arith.constant 4 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @aligned_to_8_bytes(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 8 : i32},
                            %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 4 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Halves that are aligned to 4 bytes would be moved two at a time, which is not worth a second access.
// CHECK-LABEL: @aligned_to_4_bytes(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @aligned_to_4_bytes(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 4 : i32},
                            %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Halves that are aligned to 2 bytes make no vectors.
// CHECK-LABEL: @unaligned(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @unaligned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 2 : i32},
                   %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is narrowed to pairs makes vectors of 8 four times as wide.
// CHECK-LABEL: @bound_of_pairs(
// CHECK:       %[[WIDTH:.*]] = arith.constant 8 : i32
// CHECK-NEXT:  arith.muli %{{.*}}, %[[WIDTH]] : i32
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
// CHECK-NEXT:  tt.return
tt.func @bound_of_pairs(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %n: i32 {tt.divisibility = 2 : i32}) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// One that is narrowed to groups of 4 makes them twice as wide, which is not worth a second access.
// CHECK-LABEL: @bound_of_fours(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @bound_of_fours(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %n: i32 {tt.divisibility = 4 : i32}) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is the same over vectors stays whole.
// CHECK-LABEL: @bound_of_vectors(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @bound_of_vectors(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %n: i32 {tt.divisibility = 8 : i32}) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A tile that gives each thread one element makes no vectors.
// CHECK-LABEL: @small(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @small(%ptrs: tensor<128x!tt.ptr<f16>> {tt.contiguity = 128 : i32, tt.divisibility = 16 : i32},
               %value: tensor<128xf16>, %n: i32) {
  %cols = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
  %bound = tt.splat %n : i32 -> tensor<128xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<128xi32>
  tt.store %ptrs, %value, %mask : tensor<128x!tt.ptr<f16>>
  tt.return
}
