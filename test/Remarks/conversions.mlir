// RUN: graft-opt %s -graft-remarks -split-input-file -verify-diagnostics

// A layout that only counts a thread's elements in another order.
#rows = #ttg.blocked<{sizePerThread = [4, 8], threadsPerWarp = [1, 32], warpsPerCTA = [1, 4], order = [1, 0]}>
#columns = #ttg.blocked<{sizePerThread = [4, 8], threadsPerWarp = [1, 32], warpsPerCTA = [1, 4], order = [0, 1]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @registers(%value: tensor<4x1024xf16, #rows>) {
    // expected-remark@below {{layout conversion of 4x1024xf16: within threads}}
    %result = ttg.convert_layout %value : tensor<4x1024xf16, #rows> -> tensor<4x1024xf16, #columns>
    tt.return
  }
}

// -----

// Threads of a warp exchange what they have.
#singles = #ttg.blocked<{sizePerThread = [1, 1], threadsPerWarp = [1, 32], warpsPerCTA = [4, 1], order = [1, 0]}>
#pairs = #ttg.blocked<{sizePerThread = [1, 2], threadsPerWarp = [1, 32], warpsPerCTA = [4, 1], order = [1, 0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @warps(%value: tensor<4x64xf16, #singles>) {
    // expected-remark@below {{layout conversion of 4x64xf16: within warps}}
    %result = ttg.convert_layout %value : tensor<4x64xf16, #singles> -> tensor<4x64xf16, #pairs>
    tt.return
  }
}

// -----

// From warp to warp the way is through shared memory.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
#narrow = #ttg.blocked<{sizePerThread = [1], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @shared(%value: tensor<4096xf16, #wide>) {
    // expected-remark@below {{layout conversion of 4096xf16: through shared memory}}
    %result = ttg.convert_layout %value : tensor<4096xf16, #wide> -> tensor<4096xf16, #narrow>
    tt.return
  }
}
