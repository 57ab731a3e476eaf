// RUN: graft-opt %s -graft-remarks -split-input-file -verify-diagnostics

// A loop is told of.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @one(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %n: i32) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    scf.for %i = %zero to %n step %one : i32 {
      // expected-remark@below {{at once; in 1 loop}}
      %value = tt.load %ptrs : tensor<4096x!tt.ptr<f16>, #wide>
    }
    tt.return
  }
}

// -----

// Two loops are two, and a branch is none.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @two(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %n: i32, %flag: i1) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    scf.for %i = %zero to %n step %one : i32 {
      scf.while : () -> () {
        scf.condition(%flag)
      } do {
        scf.if %flag {
          // expected-remark@below {{at once; in 2 loops}}
          %value = tt.load %ptrs : tensor<4096x!tt.ptr<f16>, #wide>
        }
        scf.yield
      }
    }
    tt.return
  }
}
