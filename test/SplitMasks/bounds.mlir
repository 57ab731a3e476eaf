// RUN: graft-opt %s -graft-split-masks -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-split-masks -split-input-file -verify-diagnostics

// A signed bound is rounded down, a negative one too, and compared as a signed number.
// CHECK-LABEL: @signed(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi slt
// CHECK:       %[[VECTORS:.*]] = arith.shrsi %[[N]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @signed(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An unsigned bound is rounded and compared as an unsigned number.
// CHECK-LABEL: @unsigned(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi ult
// CHECK:       %[[VECTORS:.*]] = arith.shrui %[[N]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi ult, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi uge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @unsigned(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ult, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound that belongs to the row is rounded in the same way: it is part of the rest.
// CHECK-LABEL: @signed_inclusive(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi sle
// CHECK:       %[[VECTORS:.*]] = arith.shrsi %[[N]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @signed_inclusive(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                          %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sle, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So is an unsigned one.
// CHECK-LABEL: @unsigned_inclusive(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi ule
// CHECK:       %[[VECTORS:.*]] = arith.shrui %[[N]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi ult, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi uge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @unsigned_inclusive(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                            %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi ule, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A comparison may have the bound on its left.
// CHECK-LABEL: @reversed(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi sgt, %{{.*}}, %[[COLS]]
// CHECK:       %[[VECTORS:.*]] = arith.shrsi %[[N]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @reversed(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sgt, %bound, %cols : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So may an unsigned one whose bound belongs to the row.
// CHECK-LABEL: @reversed_unsigned_inclusive(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi uge, %{{.*}}, %[[COLS]]
// CHECK:       %[[VECTORS:.*]] = arith.shrui %[[N]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi ult, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi uge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @reversed_unsigned_inclusive(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                     %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi uge, %bound, %cols : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A lower bound is at the wrong end.
// CHECK-LABEL: @lower(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @lower(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi sge, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So is a lower bound on the right.
// CHECK-LABEL: @reversed_lower(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @reversed_lower(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %bound, %cols : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// An equality is no bound.
// CHECK-LABEL: @equal(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @equal(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
               %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi eq, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A constant bound is rounded when the kernel runs, unless a later pass does it.
// CHECK-LABEL: @constant(
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi slt
// CHECK:       %[[VECTORS:.*]] = arith.shrsi %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @constant(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = arith.constant dense<1001> : tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// The mask of a constant bound that is a multiple of vectors is as wide as they are.
// CHECK-LABEL: @constant_multiple(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @constant_multiple(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                           %value: tensor<1024xf16>) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = arith.constant dense<1000> : tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A sum of scalars is computed once, not once for each lane.
// CHECK-LABEL: @sum(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32, %[[M:arg[0-9]+]]: i32)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[MASK:.*]] = arith.cmpi slt
// CHECK-NEXT:  %[[SUM:.*]] = arith.addi %[[N]], %[[M]] : i32
// CHECK:       %[[VECTORS:.*]] = arith.shrsi %[[SUM]], %{{.*}} : i32
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i32
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i32 -> tensor<1024xi32>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[COLS]], %[[ENDS]] : tensor<1024xi32>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @sum(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
             %value: tensor<1024xf16>, %n: i32, %m: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %more = tt.splat %m : i32 -> tensor<1024xi32>
  %limit = arith.addi %bound, %more : tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %limit : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound that is not the same in every lane is not rounded.
// CHECK-LABEL: @range_on_both_sides(
// CHECK-NOT:   arith.andi
// CHECK:       tt.store
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @range_on_both_sides(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                             %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %limit = arith.subi %bound, %cols : tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %limit : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Indices and bounds of 64 bits are compared as such.
// CHECK-LABEL: @wide(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i64)
// CHECK:       %[[COLS:.*]] = tt.make_range
// CHECK:       %[[WIDE:.*]] = arith.extsi %[[COLS]]
// CHECK:       %[[MASK:.*]] = arith.cmpi slt
// CHECK:       %[[VECTORS:.*]] = arith.shrsi %[[N]], %{{.*}} : i64
// CHECK:       %[[END:.*]] = arith.muli %[[VECTORS]], %{{.*}} : i64
// CHECK-NEXT:  %[[ENDS:.*]] = tt.splat %[[END]] : i64 -> tensor<1024xi64>
// CHECK-NEXT:  %[[WHOLE:.*]] = arith.cmpi slt, %[[WIDE]], %[[ENDS]] : tensor<1024xi64>
// CHECK-NEXT:  %[[BEHIND:.*]] = arith.cmpi sge, %[[WIDE]], %[[ENDS]] : tensor<1024xi64>
// CHECK-NEXT:  %[[REST:.*]] = arith.andi %[[MASK]], %[[BEHIND]] : tensor<1024xi1>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[WHOLE]] : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %{{[^,]+}}, %[[REST]] : tensor
tt.func @wide(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i64) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %wide = arith.extsi %cols : tensor<1024xi32> to tensor<1024xi64>
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %mask = arith.cmpi slt, %wide, %bound : tensor<1024xi64>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A bound that is extended to 64 bits is extended as a scalar.
// CHECK-LABEL: @extended(
// CHECK-SAME:  %[[N:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %[[WIDE:.*]], %{{.*}} : tensor<1024xi64>
// CHECK-NEXT:  %[[BOUND:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK:       arith.shrsi %[[BOUND]], %{{.*}} : i64
tt.func @extended(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %wide = arith.extsi %cols : tensor<1024xi32> to tensor<1024xi64>
  %limit = arith.extsi %bound : tensor<1024xi32> to tensor<1024xi64>
  %mask = arith.cmpi slt, %wide, %limit : tensor<1024xi64>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
