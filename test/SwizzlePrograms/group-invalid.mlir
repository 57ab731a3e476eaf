// RUN: ! graft-opt %s -graft-swizzle-programs=group=0 2>&1 | FileCheck %s

// A group of no rows is an error, not a division by zero.
// CHECK: error: graft-swizzle-programs: group must be from 1 to 1024 (got 0)
tt.func @kernel() {
  tt.return
}
