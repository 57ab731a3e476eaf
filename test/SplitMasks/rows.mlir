// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// A row that is stored in one tile is stored as whole vectors of 8 halves, up to a multiple of 8, and the rest.
// CHECK-LABEL: @store(
// CHECK-SAME:  %[[PTRS:arg[0-9]+]]: tensor<1024x!tt.ptr<f16>> {{.*}}, %[[VALUE:arg[0-9]+]]: tensor<1024xf16>, %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %[[COLS]], %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[SHIFT:.*]] = arith.constant 3 : i32
// CHECK-NEXT:  %[[VECTORS:.*]] = arith.shrsi %[[N]], %[[SHIFT]] : i32
// CHECK-NEXT:  %[[WIDTH:.*]] = arith.constant 8 : i32
// CHECK-NEXT:  %[[END:.*]] = arith.muli %[[VECTORS]], %[[WIDTH]] : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %[[PTRS]], %[[VALUE]], %[[WHOLE]] : tensor<1024x!tt.ptr<f16>>
// CHECK-NEXT:  tt.store %[[PTRS]], %[[VALUE]], %[[REST]] : tensor<1024x!tt.ptr<f16>>
// CHECK-NEXT:  tt.return
tt.func @store(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The store of a row without mask stays one.
// CHECK-LABEL: @store_without_mask(
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.return
tt.func @store_without_mask(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf16>) {
  tt.store %ptrs, %value : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The load of the rest has for the other lanes what the vectors brought, and these the values of masked lanes.
// CHECK-LABEL: @load_with_other(
// CHECK-SAME:  %[[PTRS:arg[0-9]+]]: tensor<1024x!tt.ptr<f16>> {{.*}}, %[[OTHER:arg[0-9]+]]: tensor<1024xf16>,
// CHECK:       %[[MASK:.*]] = arith.cmpi
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  %[[VECTORS:.*]] = tt.load %[[PTRS]], %[[WHOLE]], %[[OTHER]] : tensor<1024x!tt.ptr<f16>>
// CHECK-NEXT:  %[[X:.*]] = tt.load %[[PTRS]], %[[REST]], %[[VECTORS]] : tensor<1024x!tt.ptr<f16>>
// CHECK-NEXT:  tt.store %[[PTRS]], %[[X]] : tensor
tt.func @load_with_other(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  %x = tt.load %ptrs, %mask, %value : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %x : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A load without values for masked lanes has them only in the load of the rest.
// CHECK-LABEL: @load_without_other(
// CHECK:       %[[MASK:.*]] = arith.cmpi
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  %[[VECTORS:.*]] = tt.load %{{[^,]+}}, %[[WHOLE]] : tensor<1024x!tt.ptr<f16>>
// CHECK-NEXT:  %[[X:.*]] = tt.load %{{[^,]+}}, %[[REST]], %[[VECTORS]] : tensor<1024x!tt.ptr<f16>>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]] : tensor
tt.func @load_without_other(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %x : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Both accesses have the attributes of the one.
// CHECK-LABEL: @attributes(
// CHECK:       tt.load {{.*}} eviction_policy = evict_first
// CHECK-NEXT:  tt.load {{.*}} eviction_policy = evict_first
// CHECK-NEXT:  tt.store {{.*}} {kept = 3 : i32}
// CHECK-NEXT:  tt.store {{.*}} {kept = 3 : i32}
tt.func @attributes(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  %x = tt.load %ptrs, %mask {cachePolicy = #tt.cache_policy<cache_modifier = none, eviction_policy = evict_first>} : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %x, %mask {kept = 3 : i32} : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Accesses under one mask share its halves.
// CHECK-LABEL: @shared(
// CHECK:       %[[MASK:.*]] = arith.cmpi
// CHECK:       %[[WHOLE:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  %[[VECTORS:.*]] = tt.load %{{[^,]+}}, %[[WHOLE]], %{{[^,]+}} : tensor
// CHECK-NEXT:  %[[X:.*]] = tt.load %{{[^,]+}}, %[[REST]], %[[VECTORS]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]], %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]], %[[REST]] : tensor
tt.func @shared(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  %x = tt.load %ptrs, %mask, %value : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %x, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Accesses of different width have ends of their own.
// CHECK-LABEL: @two_widths(
// CHECK-DAG:   %[[EIGHT:.*]] = arith.constant 8 : i32
// CHECK-DAG:   %[[EIGHTS:.*]] = arith.muli %{{.*}}, %[[EIGHT]] : i32
// CHECK-DAG:   %[[ENDS8:.*]] = tt.splat %[[EIGHTS]]
// CHECK-DAG:   %[[WHOLE8:.*]] = arith.cmpi slt, %{{.*}}, %[[ENDS8]] : tensor
// CHECK-DAG:   %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK-DAG:   %[[FOURS:.*]] = arith.muli %{{.*}}, %[[FOUR]] : i32
// CHECK-DAG:   %[[ENDS4:.*]] = tt.splat %[[FOURS]]
// CHECK-DAG:   %[[WHOLE4:.*]] = arith.cmpi slt, %{{.*}}, %[[ENDS4]] : tensor
// CHECK:       tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE8]] : tensor<1024x!tt.ptr<f16>>
// CHECK:       tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE4]] : tensor<1024x!tt.ptr<f32>>
tt.func @two_widths(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %floats: tensor<1024x!tt.ptr<f32>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %float: tensor<1024xf32>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: split into vectors of 4 and the rest}}
  tt.store %floats, %float, %mask : tensor<1024x!tt.ptr<f32>>
  tt.return
}

// -----

// A row whose length is loaded has one tile, which is hardly ever whole, whichever row it is.
// CHECK-LABEL: @loaded_length(
// CHECK:       tt.store
// CHECK-NEXT:  tt.store
tt.func @loaded_length(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %value: tensor<1024xf16>, %lengths: !tt.ptr<i32>) {
  %row = tt.get_program_id x : i32
  %place = tt.addptr %lengths, %row : !tt.ptr<i32>, i32
  %n = tt.load %place : !tt.ptr<i32>
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Where programs take a tile of it each, most of them are whole.
// CHECK-LABEL: @tile_of_loaded_length(
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @tile_of_loaded_length(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %lengths: !tt.ptr<i32>) {
  %tile = tt.get_program_id x : i32
  %n = tt.load %lengths : !tt.ptr<i32>
  %size = arith.constant 1024 : i32
  %done = arith.muli %tile, %size : i32
  %left = arith.subi %n, %done : i32
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %left : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
