// RUN: ! graft-opt %s -graft-version-tiles=threads=0 2>&1 | FileCheck %s

// Regression: a CTA without threads is an error, not a division by zero.
// CHECK: error: graft-version-tiles: threads must be a power of two (got 0)
tt.func private @masked(%ptrs: tensor<64x!tt.ptr<f32>>, %value: tensor<64xf32>, %mask: tensor<64xi1>) {
  tt.store %ptrs, %value, %mask : tensor<64x!tt.ptr<f32>>
  tt.return
}
