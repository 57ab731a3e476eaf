// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s

// A mask that changes with the induction variable is versioned inside the loop.
// CHECK-LABEL: @inside(
// CHECK-NOT:   scf.if
// CHECK:       scf.for %[[I:.*]] = %{{.*}} to %[[N:.*]] step %{{.*}} : i32 {
// CHECK:         %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:         %[[LAST:.*]] = arith.addi %[[I]], %c1023_i32
// CHECK:         arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:         scf.if
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    } else {
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    }
// CHECK-NEXT:  }
// CHECK-NEXT:  tt.return
tt.func @inside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// What the loop carries on is handed over by both branches.
// CHECK-LABEL: @carried(
// CHECK:       scf.for {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (tensor<1024xf16>)
// CHECK:         %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:         %[[NEXT:.*]] = scf.if %{{.*}} -> (tensor<1024xf16>) {
// CHECK-NEXT:      %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:      %[[A:.*]] = arith.addf %[[SUM]], %[[X]] : tensor
// CHECK-NEXT:      scf.yield %[[A]] : tensor
// CHECK-NEXT:    } else {
// CHECK-NEXT:      %[[Y:.*]] = tt.load %{{[^,]+}}, %[[MASK]], %{{[^,]+}} : tensor
// CHECK-NEXT:      %[[B:.*]] = arith.addf %[[SUM]], %[[Y]] : tensor
// CHECK-NEXT:      scf.yield %[[B]] : tensor
// CHECK-NEXT:    }
// CHECK-NEXT:    scf.yield %[[NEXT]] : tensor
tt.func @carried(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %total = scf.for %i = %zero to %n step %step iter_args(%sum = %value) -> (tensor<1024xf16>) : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask, %value : tensor<1024x!tt.ptr<f16>>
    %next = arith.addf %sum, %x : tensor<1024xf16>
    scf.yield %next : tensor<1024xf16>
  }
  tt.store %ptrs, %total : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Of several values that the loop carries on, those computed before the access need no handing over.
// CHECK-LABEL: @carried_several(
// CHECK:       scf.for
// CHECK:         %[[MORE:.*]] = arith.addi %{{.*}}, %c1024_i32 : i32
// CHECK:         %[[BOTH:.*]]:2 = scf.if %{{.*}} -> (tensor<1024xf16>, tensor<1024xf16>) {
// CHECK:           scf.yield %{{.*}}, %{{.*}} : tensor<1024xf16>, tensor<1024xf16>
// CHECK:         } else {
// CHECK:           scf.yield %{{.*}}, %{{.*}} : tensor<1024xf16>, tensor<1024xf16>
// CHECK:         }
// CHECK-NEXT:    scf.yield %[[BOTH]]#0, %[[MORE]], %[[BOTH]]#1 :
tt.func @carried_several(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                         %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  %total:3 = scf.for %i = %zero to %n step %step iter_args(%sum = %value, %count = %zero, %twice = %value) -> (tensor<1024xf16>, i32, tensor<1024xf16>) : i32 {
    %more = arith.addi %count, %step : i32
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    %x = tt.load %ptrs, %mask, %value : tensor<1024x!tt.ptr<f16>>
    %next = arith.addf %sum, %x : tensor<1024xf16>
    %double = arith.addf %next, %next : tensor<1024xf16>
    scf.yield %next, %more, %double : tensor<1024xf16>, i32, tensor<1024xf16>
  }
  tt.store %ptrs, %total#0 : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A mask that is the same in every iteration is versioned in front of the loop.
// CHECK-LABEL: @outside(
// CHECK:       %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    scf.for
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:    }
// CHECK-NEXT:  } else {
// CHECK-NEXT:    scf.for
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:    }
// CHECK-NEXT:  }
tt.func @outside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                 %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %start : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %count step %step : i32 {
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// So is one that is computed in the loop from values in front of it.
// CHECK-LABEL: @outside_computed_inside(
// CHECK:       %[[WHOLE:.*]] = arith.andi
// CHECK:       scf.if %[[WHOLE]] {
// CHECK-NEXT:    scf.for
// CHECK-NOT:       scf.if
// CHECK:           tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } else {
// CHECK-NEXT:    scf.for
// CHECK-NOT:       scf.if
// CHECK:           %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func @outside_computed_inside(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                 %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %count step %step : i32 {
    %starts = tt.splat %start : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// A scalar that the loop computes from values in front of it moves there with the condition.
// CHECK-LABEL: @hoisted_scalar(
// CHECK-SAME:  %[[START:arg[0-9]+]]: i32, %[[N:arg[0-9]+]]: i32, %{{.*}}: i32)
// CHECK:       %[[FIRST:.*]] = arith.muli %[[START]], %c1024_i32 : i32
// CHECK:       arith.addi %[[FIRST]], %c1023_i32 : i32
// CHECK:       scf.if
// CHECK-NEXT:    scf.for
// CHECK-NOT:       arith.muli
// CHECK:           tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @hoisted_scalar(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                        %value: tensor<1024xf16>, %start: i32, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %count step %step : i32 {
    %first = arith.muli %start, %step : i32
    %starts = tt.splat %first : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// An invariant mask that gains is versioned in front of the loop, and one that changes inside each of the copies.
// CHECK-LABEL: @both(
// CHECK:       %[[OUTER:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       scf.if
// CHECK-NEXT:    scf.for
// CHECK:           %[[MASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:           scf.if
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:      } else {
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:      }
// CHECK-NEXT:    }
// CHECK-NEXT:  } else {
// CHECK-NEXT:    scf.for
// CHECK:           %[[MASK2:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:           scf.if
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}}, %[[OUTER]] : tensor
// CHECK-NEXT:      } else {
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK2]] : tensor
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}}, %[[OUTER]] : tensor
tt.func @both(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %others: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %start: i32, %n: i32, %m: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bases = tt.splat %start : i32 -> tensor<1024xi32>
  %fixed = arith.addi %bases, %range : tensor<1024xi32>
  %limit = tt.splat %m : i32 -> tensor<1024xi32>
  %outer = arith.cmpi slt, %fixed, %limit : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    tt.store %others, %value, %outer : tensor<1024x!tt.ptr<f16>>
  }
  tt.return
}

// -----

// In a nest, a mask is versioned in the outermost loop in which its index is known.
// CHECK-LABEL: @nest(
// CHECK-NOT:   scf.if
// CHECK:       scf.for
// CHECK:         scf.if
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:         } else {
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func @nest(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32, %count: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %zero = arith.constant 0 : i32
  %step = arith.constant 1024 : i32
  scf.for %i = %zero to %n step %step : i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    scf.for %j = %zero to %count step %step : i32 {
      tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    }
  }
  tt.return
}

// -----

// Both regions of a while loop are versioned, each on its own values.
// CHECK-LABEL: @while_loop(
// CHECK:       scf.while (%[[I:.*]] = %{{.*}})
// CHECK:         arith.cmpi sge, %{{.*}}, %[[I]] : i32
// CHECK:         %[[MORE:.*]] = scf.if %{{.*}} -> (i1) {
// CHECK:         scf.condition(%[[MORE]]) %[[I]] : i32
// CHECK:       ^bb0(%[[J:.*]]: i32):
// CHECK:         arith.cmpi sge, %{{.*}}, %[[J]] : i32
// CHECK:         %[[NEXT:.*]] = scf.if %{{.*}} -> (i32) {
// CHECK:         scf.yield %[[NEXT]] : i32
tt.func @while_loop(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %last = scf.while (%i = %start) : (i32) -> i32 {
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %more = arith.cmpi slt, %i, %n : i32
    scf.condition(%more) %i : i32
  } do {
^bb0(%i: i32):
    %starts = tt.splat %i : i32 -> tensor<1024xi32>
    %index = arith.addi %starts, %range : tensor<1024xi32>
    %bound = tt.splat %n : i32 -> tensor<1024xi32>
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %i, %n : i32
    scf.yield %next : i32
  }
  tt.return
}

// -----

// An index that the loop carries on: what has been added to it follows from the number of the iteration.
// CHECK-LABEL: @carried_index(
// CHECK:       scf.for %[[I:.*]] = %[[FIRST:.*]] to %[[N:.*]] step %{{.*}} iter_args
// CHECK:         %[[ADDED:.*]] = arith.subi %[[I]], %[[FIRST]] : i32
// CHECK:         %[[LAST:.*]] = arith.addi %[[ADDED]], %c1023_i32
// CHECK:         arith.cmpi slt, %[[LAST]], %[[N]] : i32
// CHECK:         scf.if
tt.func @carried_index(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                       %value: tensor<1024xf16>, %first: i32, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %steps = arith.constant dense<1024> : tensor<1024xi32>
  %step = arith.constant 1024 : i32
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %end = scf.for %i = %first to %n step %step iter_args(%index = %range) -> (tensor<1024xi32>) : i32 {
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %index, %steps : tensor<1024xi32>
    scf.yield %next : tensor<1024xi32>
  }
  tt.return
}

// -----

// One that is carried on in other steps than the loop's is divided by these.
// CHECK-LABEL: @carried_index_of_other_steps(
// CHECK:       scf.for
// CHECK:         %[[PASSED:.*]] = arith.subi
// CHECK:         %[[COUNT:.*]] = arith.divui %[[PASSED]], %c3_i32
// CHECK:         %[[WIDE:.*]] = arith.extui %[[COUNT]] : i32 to i64
// CHECK:         arith.muli %[[WIDE]], %c1024_i64
// CHECK:         scf.if
tt.func @carried_index_of_other_steps(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                                      %value: tensor<1024xf16>, %first: i32, %count: i32, %n: i64) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %wide = arith.extsi %range : tensor<1024xi32> to tensor<1024xi64>
  %steps = arith.constant dense<1024> : tensor<1024xi64>
  %step = arith.constant 3 : i32
  %bound = tt.splat %n : i64 -> tensor<1024xi64>
  %end = scf.for %i = %first to %count step %step iter_args(%index = %wide) -> (tensor<1024xi64>) : i32 {
    %mask = arith.cmpi slt, %index, %bound : tensor<1024xi64>
    tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
    %next = arith.addi %index, %steps : tensor<1024xi64>
    scf.yield %next : tensor<1024xi64>
  }
  tt.return
}
