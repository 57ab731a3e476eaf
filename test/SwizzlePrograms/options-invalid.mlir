// RUN: ! graft-opt %s -graft-swizzle-programs=group=-1 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: ! graft-opt %s -graft-swizzle-programs=group=1025 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: ! graft-opt %s -graft-swizzle-programs=multiprocessors=0 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: ! graft-opt %s -graft-swizzle-programs=l2-bytes=1073741825 2>&1 | FileCheck %s --check-prefix=CACHE

// What arithmetic on grids would not bear is an error.
// GROUP: error: graft-swizzle-programs: group must be from 0 to 1024 (got -1)
// LARGE: error: graft-swizzle-programs: group must be from 0 to 1024 (got 1025)
// CHIP: error: graft-swizzle-programs: multiprocessors must be from 1 to 65536 (got 0)
// CACHE: error: graft-swizzle-programs: l2-bytes must be from 0 to 1073741824 (got 1073741825)
tt.func @kernel() {
  tt.return
}
