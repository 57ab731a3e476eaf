// RUN: host-opt %s -host-emit-listing | FileCheck %s

// Each operation is an instruction, with what it is told besides its operands.
// CHECK: host.listing = ".host\0Akernel k r0:!tt.ptr<i32> r1:i32\0A
// CHECK-SAME:   r2 = cmp r1 r1 {predicate = 2 : i64} : i1\0A
// CHECK-SAME:   r3 = load r0 r2 {isVolatile = false, operandSegmentSizes = array<i32: 1, 1, 0>} : i32\0A
// CHECK-SAME:   r4 = inc r3 : i32\0A
// CHECK-SAME:   store r0 r4
// CHECK-SAME:   end\0A"
tt.func @k(%p: !tt.ptr<i32>, %n: i32) {
  %c = arith.cmpi slt, %n, %n : i32
  %x = tt.load %p, %c : !tt.ptr<i32>
  %y = host.increment %x : i32
  tt.store %p, %y : !tt.ptr<i32>
  tt.return
}
