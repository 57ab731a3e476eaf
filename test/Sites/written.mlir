// RUN: rm -f %t
// RUN: env GRAFT_SITES=%t graft-opt %s -graft-peel-loops -graft-split-masks=skip-sites=2 -o /dev/null
// RUN: FileCheck %s --input-file=%t --match-full-lines --strict-whitespace

// Each pass says that it begins, and where each place is: itself first, then what called it.
//      CHECK:graft-peel-loops	rows
// CHECK-NEXT:graft-split-masks	rows
// CHECK-NEXT:graft-split-masks	rows	1	taken	helper.py:3	kernel.py:12
// CHECK-NEXT:graft-split-masks	rows	2	skipped	kernel.py:13
//  CHECK-NOT:{{.+}}
tt.func @rows(%a: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %b: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
              %value: tensor<1024xf16>, %n: i32) {
  %cols = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %cols, %bound : tensor<1024xi32>
  tt.store %a, %value, %mask : tensor<1024x!tt.ptr<f16>> loc(callsite("store"("helper.py":3:1) at "kernel.py":12:1))
  tt.store %b, %value, %mask : tensor<1024x!tt.ptr<f16>> loc(fused["kernel.py":13:1, "kernel.py":14:1])
  tt.return
}
