// What differs between announcement and fact is listed by line, and the exit status says so.
// RUN: ! graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics 2>&1 | FileCheck %s --implicit-check-not=graft-opt:

// A remark that nobody announced.
tt.func private @unexpected(%ptrs: tensor<64x!tt.ptr<f32>>, %value: tensor<64xf32>, %mask: tensor<64xi1>) {
  // CHECK: graft-opt: {{.*}}: line [[# @LINE + 1]]: unexpected remark: graft-version-tiles: mask kept: the mask is not a bound
  tt.store %ptrs, %value, %mask : tensor<64x!tt.ptr<f32>>
  tt.return
}

// -----

// An announcement that nothing follows.
tt.func private @missing() {
  // CHECK: graft-opt: {{.*}}: line [[# @LINE + 2]]: expected remark was not produced: mask kept
  // expected-remark@below {{mask kept}}
  tt.return
}

// -----

// The right text of the wrong kind is both.
tt.func private @kind(%ptrs: tensor<64x!tt.ptr<f32>>, %value: tensor<64xf32>, %mask: tensor<64xi1>) {
  // CHECK: graft-opt: {{.*}}: line [[# @LINE + 3]]: expected error was not produced: mask kept
  // CHECK: graft-opt: {{.*}}: line [[# @LINE + 2]]: unexpected remark: graft-version-tiles: mask kept
  // expected-error@below {{mask kept}}
  tt.store %ptrs, %value, %mask : tensor<64x!tt.ptr<f32>>
  tt.return
}

// -----

// One announcement covers one remark.
tt.func private @twice(%ptrs: tensor<64x!tt.ptr<f32>>, %value: tensor<64xf32>, %mask: tensor<64xi1>) {
  // CHECK: graft-opt: {{.*}}: line [[# @LINE + 3]]: expected remark was not produced: mask kept
  // expected-remark@+2 {{mask kept}}
  // expected-remark@below {{mask kept}}
  tt.store %ptrs, %value, %mask : tensor<64x!tt.ptr<f32>>
  tt.return
}

// -----

// An error of the parser that nobody announced.
tt.func private @wrong() -> i32 {
  // CHECK: graft-opt: {{.*}}: line [[# @LINE + 1]]: unexpected error: 'tt.return' op has 0 operands
  tt.return
}
