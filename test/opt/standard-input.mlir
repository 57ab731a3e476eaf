// Without a file name, or with `-`, standard input is read, and diagnostics say so.
// RUN: graft-opt < %s | FileCheck %s
// RUN: graft-opt - < %s | FileCheck %s
// RUN: ! graft-opt - -nosuch < %s 2>&1 | FileCheck %s --check-prefix=ERR
// RUN: echo 'nonsense' | ! graft-opt 2>&1 | FileCheck %s --check-prefix=WRONG

// CHECK: tt.func @empty
// ERR:   graft-opt: -nosuch: there is no such pass
// WRONG: loc("<stdin>":1:1): error: custom op 'nonsense' is unknown
tt.func @empty() {
  tt.return
}
