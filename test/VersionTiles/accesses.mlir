// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A masked load loses its mask.
// CHECK-LABEL: @load(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %[[Y:.*]] = tt.load %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Y]], %[[MASK]] : tensor
tt.func @load(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %x, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A load with values for masked lanes loses these too, and keeps its other attributes.
// CHECK-LABEL: @load_with_other(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} {evict = 2 : i32, isVolatile = true} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[X]] {evict = 3 : i32} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %[[Y:.*]] = tt.load %{{[^,]+}}, %[[MASK]], %{{[^,]+}} {evict = 2 : i32, isVolatile = true} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Y]], %[[MASK]] {evict = 3 : i32} : tensor
tt.func @load_with_other(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask, %value {evict = 2 : i32, isVolatile = true} : tensor<1024x!tt.ptr<f16>>
  tt.store %ptrs, %x, %mask {evict = 3 : i32} : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An atomic operation is no reason to branch, but under a mask that goes it loses the mask as well.
// CHECK-LABEL: @atomic_beside_a_store(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    %{{.*}} = tt.atomic_rmw fadd, relaxed, gpu, %{{[^,]+}}, %{{[^,]+}} : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>)
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    %{{.*}} = tt.atomic_rmw fadd, relaxed, gpu, %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>)
tt.func @atomic_beside_a_store(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                               %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %value, %mask : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) -> tensor<1024xf16>
  tt.return
}

// -----

// An atomic operation alone is not versioned: it is not a vector with or without a mask.
// CHECK-LABEL: @atomic_alone(
// CHECK-NOT:   scf.if
// CHECK:       tt.atomic_rmw {{.*}} tensor<1024xi1>) -> tensor<1024xf16>
tt.func @atomic_alone(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                      %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %old = tt.atomic_rmw fadd, relaxed, gpu, %ptrs, %value, %mask : (tensor<1024x!tt.ptr<f16>>, tensor<1024xf16>, tensor<1024xi1>) -> tensor<1024xf16>
  tt.return
}

// -----

// Several accesses under one mask share one branch.
// CHECK-LABEL: @several_accesses(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    %[[Y:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    %[[SUM:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[SUM]] : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %{{.*}} = tt.load %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    %{{.*}} = tt.load %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    %{{.*}} = arith.addf
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:  }
// CHECK-NOT:   scf.if
tt.func @several_accesses(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %out: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %y = tt.load %others, %mask : tensor<1024x!tt.ptr<f16>>
  %sum = arith.addf %x, %y : tensor<1024xf16>
  tt.store %out, %sum, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Two masks share one branch, which is taken where both are true everywhere.
// CHECK-LABEL: @two_masks(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[SECOND:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[N]] : i32
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[M]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[SECOND]] : tensor
// CHECK-NEXT:  }
// CHECK-NOT:   scf.if
tt.func @two_masks(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                   %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %second = arith.cmpi slt, %index, %limit : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %second : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An access whose mask has another form keeps it on both sides.
// CHECK-LABEL: @unknown_mask_beside(
// CHECK-SAME:  %[[UNKNOWN:arg[0-9]+]]: tensor<1024xi1>)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[UNKNOWN]] : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %{{[^,]+}}, %[[UNKNOWN]] : tensor
tt.func @unknown_mask_beside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %start: i32, %n: i32, %unknown: tensor<1024xi1>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.store %others, %value, %unknown : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A selection by the mask takes its first operand where the mask is true everywhere.
// CHECK-LABEL: @select(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %[[Y:.*]] = tt.load %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    %[[CLEAN:.*]] = arith.select %[[MASK]], %[[Y]], %{{.*}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[CLEAN]], %[[MASK]] : tensor
tt.func @select(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %start: i32, %n: i32, %zeros: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %clean = arith.select %mask, %x, %zeros : tensor<1024xi1>, tensor<1024xf16>
  tt.store %ptrs, %clean, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Selections by the mask may feed each other.
// CHECK-LABEL: @select_of_select(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[X]] : tensor
// CHECK-NEXT:  } else {
tt.func @select_of_select(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %start: i32, %n: i32, %zeros: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %once = arith.select %mask, %x, %zeros : tensor<1024xi1>, tensor<1024xf16>
  %twice = arith.select %mask, %once, %value : tensor<1024xi1>, tensor<1024xf16>
  tt.store %ptrs, %twice, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is narrowed further by data becomes the data's part alone.
// CHECK-LABEL: @narrowed_by_data(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:    %[[LARGE:.*]] = arith.cmpf ogt, %[[X]], %{{.*}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[X]], %[[LARGE]] {tt.versioned_by_graft} : tensor
// CHECK-NEXT:  } else {
// CHECK-NEXT:    %[[Y:.*]] = tt.load %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    %{{.*}} = arith.cmpf
// CHECK-NEXT:    %[[BOTH:.*]] = arith.andi %[[MASK]], %{{.*}} : tensor
// CHECK-NEXT:    tt.store %{{[^,]+}}, %[[Y]], %[[BOTH]] : tensor
tt.func @narrowed_by_data(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %start: i32, %n: i32, %threshold: tensor<1024xf16>) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
  %large = arith.cmpf ogt, %x, %threshold : tensor<1024xf16>
  %both = arith.andi %mask, %large : tensor<1024xi1>
  tt.store %ptrs, %x, %both : tensor<1024x!tt.ptr<f16>>
  tt.return
}
