// RUN: not host-opt %s -host-emit-listing 2>&1 | FileCheck %s

// Branches are not written yet.
// CHECK: blocks-invalid.mlir:[[# @LINE + 1]]:1: error: a kernel is one block of code
tt.func @branches() {
  cf.br ^end
^end:
  tt.return
}
