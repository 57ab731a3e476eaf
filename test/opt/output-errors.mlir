// A result that cannot be written is an error that names the file.
// RUN: ! graft-opt %s -o %t.missing/result.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: graft-opt: {{.*}}No such file or directory: {{.*}}missing/result.mlir
// A file that a failing run would replace stays as it was.
// RUN: echo kept > %t.kept
// RUN: ! graft-opt %s -graft-version-tiles=threads=0 -o %t.kept
// RUN: FileCheck %s --check-prefix=KEPT --input-file=%t.kept
// KEPT: kept
tt.func @nothing() {
  tt.return
}
