// RUN: host-opt %s | FileCheck %s

// What the pass makes is read again.
// CHECK: host.increment %arg0 : tensor<64xi32>
tt.func @read(%t: tensor<64xi32>) -> tensor<64xi32> {
  %u = host.increment %t : tensor<64xi32>
  tt.return %u : tensor<64xi32>
}
