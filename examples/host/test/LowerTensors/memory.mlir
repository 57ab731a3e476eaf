// RUN: host-opt %s -host-lower-tensors | FileCheck %s

// A load becomes a buffer where it stands; addresses and the mask are
// evaluated in its loop. Masked-off elements are not touched.
// CHECK-LABEL: llvm.func @copy(%arg0: !llvm.ptr, %arg1: !llvm.ptr)
// CHECK: %[[BUFFER:.*]] = llvm.alloca %{{.*}} x i8 {alignment = 64 : i64}
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %{{.*}}
// CHECK:   arith.trunci %[[I]] : i64 to i32
// CHECK:   %[[MASK:.*]] = arith.cmpi slt
// CHECK:   %[[X:.*]] = scf.if %[[MASK]] -> (f32)
// CHECK:     llvm.load
// CHECK:   } else {
// CHECK:   %[[PLACE:.*]] = llvm.getelementptr inbounds %[[BUFFER]][%[[I]]]
// CHECK:   llvm.store %[[X]], %[[PLACE]]
// CHECK: scf.for %[[J:.*]] =
// CHECK:   %[[PLACE:.*]] = llvm.getelementptr inbounds %[[BUFFER]][%[[J]]]
// CHECK:   %[[Y:.*]] = llvm.load %[[PLACE]]
// CHECK:   scf.if
// CHECK:     llvm.store %[[Y]]
tt.func public @copy(%from: !tt.ptr<f32>, %to: !tt.ptr<f32>, %n: i32) {
  %range = tt.make_range {start = 0 : i32, end = 8 : i32} : tensor<8xi32>
  %limit = tt.splat %n : i32 -> tensor<8xi32>
  %mask = arith.cmpi slt, %range, %limit : tensor<8xi32>
  %first = tt.splat %from : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>
  %p = tt.addptr %first, %range : tensor<8x!tt.ptr<f32>>, tensor<8xi32>
  %x = tt.load %p, %mask : tensor<8x!tt.ptr<f32>>
  %second = tt.splat %to : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>
  %q = tt.addptr %second, %range : tensor<8x!tt.ptr<f32>>, tensor<8xi32>
  tt.store %q, %x, %mask : tensor<8x!tt.ptr<f32>>
  tt.return
}

// A truth value takes a byte in memory.
// CHECK-LABEL: llvm.func @truth
// CHECK: %[[BYTE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: arith.cmpi ne, %[[BYTE]]
// CHECK: %[[OUT:.*]] = arith.extui %{{.*}} : i1 to i8
// CHECK: llvm.store %[[OUT]]
tt.func public @truth(%p: !tt.ptr<i1>) {
  %x = tt.load %p : !tt.ptr<i1>
  tt.store %p, %x : !tt.ptr<i1>
  tt.return
}

// CHECK-LABEL: llvm.func @atomics
// CHECK: llvm.atomicrmw add %{{.*}}, %{{.*}} acq_rel
// CHECK: llvm.atomicrmw fadd %{{.*}}, %{{.*}} monotonic
// CHECK: %[[BITS:.*]] = arith.bitcast %{{.*}} : f32 to i32
// CHECK: llvm.cmpxchg %{{.*}}, %{{.*}}, %{{.*}} acquire acquire
tt.func public @atomics(%p: !tt.ptr<i32>, %q: !tt.ptr<f32>, %i: i32, %x: f32) {
  %true = arith.constant true
  %0 = tt.atomic_rmw add, acq_rel, gpu, %p, %i, %true : (!tt.ptr<i32>, i32, i1) -> i32
  %1 = tt.atomic_rmw fadd, relaxed, gpu, %q, %x, %true : (!tt.ptr<f32>, f32, i1) -> f32
  %2 = tt.atomic_cas acquire, gpu, %q, %x, %x : (!tt.ptr<f32>, f32, f32) -> f32
  tt.return
}
