// RUN: not host-opt %s -host-emit-listing 2>&1 | FileCheck %s

// What has no instruction is refused, with its name and place.
// CHECK: emit-listing-invalid.mlir:[[# @LINE + 2]]:8: error: there is no instruction for math.sqrt
tt.func @root(%x: f32) -> f32 {
  %y = math.sqrt %x : f32
  tt.return %y : f32
}
