// Parts are files of their own: a name may come again, and each part is printed, with the marker between them.
// RUN: graft-opt %s -split-input-file | FileCheck %s
// Without the flag the marker is a comment, and the second definition is an error at its own line.
// RUN: ! graft-opt %s 2>&1 | FileCheck %s --check-prefix=WHOLE

// WHOLE:      split-input.mlir":[[# @LINE + 13]]:1): error: redefinition of symbol named 'same'

// CHECK:      module {
// CHECK-NEXT:   tt.func @same() {
// CHECK:      // -----
tt.func @same() {
  tt.return
}

// -----

// CHECK:      module {
// CHECK-NEXT:   tt.func @same() {
tt.func @same() {
  tt.return
}
