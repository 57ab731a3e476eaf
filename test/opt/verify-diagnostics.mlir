// Diagnostics that are all announced pass silently, in each part for itself; nothing is printed.
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics 2>&1 | FileCheck %s --check-prefix=SILENT --allow-empty

// SILENT-NOT: {{.}}
// The comment may stand above the line, below it, on it, or at a distance.
tt.func private @placements(%ptrs: tensor<64x!tt.ptr<f32>>, %value: tensor<64xf32>, %a: tensor<64xi1>, %b: tensor<64xi1>,
                            %c: tensor<64xi1>, %d: tensor<64xi1>) {
  // expected-remark@below {{mask kept: the mask is not a bound on scalars plus a range: a block argument}}
  tt.store %ptrs, %value, %a : tensor<64x!tt.ptr<f32>>
  tt.store %ptrs, %value, %b : tensor<64x!tt.ptr<f32>>
  // expected-remark@above {{mask kept}}
  tt.store %ptrs, %value, %c : tensor<64x!tt.ptr<f32>> // expected-remark {{mask kept}}
  // expected-remark@+2 {{mask kept}}

  tt.store %ptrs, %value, %d : tensor<64x!tt.ptr<f32>>
  tt.return
}

// -----

// A regular expression may stand for the text.
tt.func private @regex(%ptrs: tensor<64x!tt.ptr<f32>>, %value: tensor<64xf32>, %mask: tensor<64xi1>) {
  // expected-remark-re@below {{mask kept: .* block argument}}
  tt.store %ptrs, %value, %mask : tensor<64x!tt.ptr<f32>>
  tt.return
}

// -----

// An error that is expected is no failure.
tt.func @wrong() -> i32 {
  // expected-error@below {{'tt.return' op has 0 operands, but enclosing function (@wrong) returns 1}}
  tt.return
}
