// RUN: not host-opt %s 2>&1 | FileCheck %s

// A floating-point number has no next one.
// CHECK: 'host.increment' op expects an integer or a tensor of integers
tt.func @refused(%x: f32) -> f32 {
  %y = host.increment %x : f32
  tt.return %y : f32
}
