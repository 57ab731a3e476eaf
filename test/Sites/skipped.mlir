// RUN: graft-opt %s -graft-split-masks=skip-sites=2,4 | FileCheck %s
// RUN: graft-opt %s -graft-split-masks=skip-sites=2,4 -verify-diagnostics

// The second of three places stays as it is, and a number that no place has does nothing.
// CHECK-LABEL: @three_rows(
// CHECK-COUNT-2: tt.store %arg0
// CHECK-COUNT-1: tt.store %arg1
// CHECK-COUNT-2: tt.store %arg2
// CHECK-NOT:   tt.store
// CHECK:       tt.return
tt.func @three_rows(%a: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %b: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %c: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                    %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %a, %value, %mask : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: site 2 is skipped}}
  tt.store %b, %value, %mask : tensor<1024x!tt.ptr<f16>>
  // expected-remark@below {{graft-split-masks: split into vectors of 8 and the rest}}
  tt.store %c, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
