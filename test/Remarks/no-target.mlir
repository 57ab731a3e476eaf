// RUN: ! graft-opt %s -graft-remarks 2>&1 | FileCheck %s

// What TTIR will become is not known yet.
// CHECK: error: graft-remarks: the module has no ttg.target; run it at the end of the TTGIR stage
tt.func @kernel() {
  tt.return
}
