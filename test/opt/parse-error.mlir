// A file that cannot be parsed is an error at its line.
// RUN: ! graft-opt %s 2>&1 | FileCheck %s

// CHECK: parse-error.mlir":[[# @LINE + 2]]:21): error: expected
// CHECK: graft-opt: {{.*}}parse-error.mlir: Parse MLIR file failed.
tt.func @unfinished(
