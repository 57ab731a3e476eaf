// RUN: host-opt %s -host-lower-tensors | FileCheck %s

// CHECK-DAG: llvm.func @host_assert_failed(!llvm.ptr, !llvm.ptr, !llvm.ptr, i32, !llvm.ptr)
// CHECK-DAG: llvm.func @host_print_begin(!llvm.ptr, !llvm.ptr, i32)
// CHECK-DAG: llvm.func @host_print_value(i32, i32, i64, i64)
// CHECK-DAG: llvm.func @host_print_shape(i32, !llvm.ptr)
// CHECK-DAG: llvm.func @host_print_end()

// A scalar has the position -1, and 8 bits without a sign are the kind 2049.
// Floating-point numbers are printed as fp64.
// CHECK-LABEL: llvm.func internal @print
// CHECK:         llvm.call @host_print_begin
// CHECK:         %[[WIDE:.*]] = arith.extui {{.*}} : i8 to i64
// CHECK:         %[[KIND:.*]] = arith.constant 2049 : i32
// CHECK:         llvm.call @host_print_value(%[[KIND]], {{.*}}, %c-1_i64, %[[WIDE]])
// CHECK:         llvm.call @host_print_shape
// CHECK:         scf.for %[[I:.*]] =
// CHECK:           %[[BITS:.*]] = arith.bitcast {{.*}} : f64 to i64
// CHECK:           llvm.call @host_print_value({{.*}}, {{.*}}, %[[I]], %[[BITS]])
// CHECK:         llvm.call @host_print_end
tt.func @print(%n: i8, %x: tensor<8xf32>) {
  tt.print " values: " {hex = false, isSigned = array<i32: 0, 0>} : %n, %x : i8, tensor<8xf32>
  tt.return
}

// All elements are asked first, and one call says that some do not hold.
// CHECK-LABEL: llvm.func internal @assert
// CHECK:         scf.for
// CHECK:           arith.andi
// CHECK:         scf.if
// CHECK-NEXT:      llvm.mlir.addressof
// CHECK:           llvm.call @host_assert_failed
tt.func @assert(%x: tensor<8xi1>) {
  tt.assert %x, "not so" : tensor<8xi1>
  tt.return
}
