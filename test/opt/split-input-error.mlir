// An error in one part is reported at its line of the whole file, and the other parts are still processed.
// RUN: ! graft-opt %s -split-input-file 2>&1 | FileCheck %s
// RUN: ! graft-opt %s -split-input-file 2>/dev/null | FileCheck %s --check-prefix=OUT

// CHECK-DAG:  split-input-error.mlir":[[# @LINE + 10]]:3): error: 'tt.return' op has 0 operands, but enclosing function (@wrong) returns 1
// CHECK-DAG:  graft-opt: {{.*}}split-input-error.mlir: Parse MLIR file failed.
// OUT:        tt.func @before
// OUT-NOT:    @wrong
// OUT:        tt.func @after
tt.func @before() {
  tt.return
}
// -----
tt.func @wrong() -> i32 {
  tt.return
}
// -----
tt.func @after() {
  tt.return
}
