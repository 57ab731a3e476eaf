// RUN: graft-opt %s -graft-split-masks=max-size=18 | FileCheck %s
// RUN: graft-opt %s -graft-split-masks=max-size=18 -verify-diagnostics

// The module is eight operations. There is room for one second access, which takes six with its mask, and not for two.
// CHECK-LABEL: @stores(
// CHECK-COUNT-3: tt.store
// CHECK-NOT:     tt.store
// CHECK:         tt.return
tt.func @stores(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %n: i32) {
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %range, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: not split: it takes 6 operations more, and 4 are left to the kernel's max-size=18}}
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
