// Locations are printed on demand only.
// RUN: graft-opt %s | FileCheck %s --check-prefix=CHECK --implicit-check-not=loc(
// RUN: graft-opt %s -mlir-print-debuginfo | FileCheck %s --check-prefixes=CHECK,LOC

// CHECK: tt.func @empty
// LOC:   tt.return loc(
tt.func @empty() {
  tt.return
}
