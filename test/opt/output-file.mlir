// The result goes where -o says, and nothing to standard output.
// RUN: graft-opt %s -o %t | FileCheck %s --check-prefix=SILENT --allow-empty
// RUN: FileCheck %s < %t

// SILENT-NOT: {{.}}
// CHECK: tt.func @empty
tt.func @empty() {
  tt.return
}
