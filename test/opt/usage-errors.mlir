// What the command line gets wrong is named in one message.
// RUN: ! graft-opt %s -nosuch 2>&1 | FileCheck %s --check-prefix=STEP
// RUN: ! graft-opt %s -common-canonicalize 2>&1 | FileCheck %s --check-prefix=NEARSTEP
// RUN: ! graft-opt %s -graft-version-tile 2>&1 | FileCheck %s --check-prefix=NEARPASS
// RUN: ! graft-opt %s -graft-nosuch 2>&1 | FileCheck %s --check-prefix=PASS
// RUN: ! graft-opt %s -graft-version-tiles=nosuch=1 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: ! graft-opt %s -graft-version-tiles=threads=many 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: ! graft-opt %s -ttir-convert-to-ttgpuir=cuda:90 2>&1 | FileCheck %s --check-prefix=ARGUMENTS
// RUN: ! graft-opt %s -common-canonicalizer=1 2>&1 | FileCheck %s --check-prefix=NOARGUMENTS
// RUN: ! graft-opt %t.nosuch 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: ! graft-opt %s %s 2>&1 | FileCheck %s --check-prefix=TWO

// STEP:        graft-opt: -nosuch: there is no such pass; -list-passes lists all
// NEARSTEP:    graft-opt: -common-canonicalize: there is no such pass; did you mean common-canonicalizer?
// NEARPASS:    graft-opt: cannot add graft-version-tile: {{.*}}does not refer to a registered pass or pass pipeline; did you mean graft-version-tiles?
// PASS:        graft-opt: {{.*}}cannot add graft-nosuch: {{.*}}'graft-nosuch' does not refer to a registered pass
// OPTION:      graft-opt: {{.*}}cannot add graft-version-tiles{nosuch=1}: {{.*}}no such option nosuch
// VALUE:       graft-opt: {{.*}}cannot add graft-version-tiles{threads=many}
// ARGUMENTS:   graft-opt: -ttir-convert-to-ttgpuir=cuda:90: the step has the signature add_convert_to_ttgpuir(
// NOARGUMENTS: graft-opt: -common-canonicalizer=1: the step has the signature add_canonicalizer(
// MISSING:     graft-opt: {{.*}}No such file or directory: '{{.*}}.nosuch'
// TWO:         graft-opt: {{.*}}usage-errors.mlir: more than one input file
tt.func @empty() {
  tt.return
}
