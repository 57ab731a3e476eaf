// RUN: graft-opt %s -graft-remarks -split-input-file -verify-diagnostics

// Hopper adds vectors of floating-point numbers.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @vector(%ptrs: tensor<4096x!tt.ptr<f32>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %value: tensor<4096xf32, #wide>) {
    // expected-remark@below {{atomic of f32: 4 elements (16 bytes) at once}}
    %old = tt.atomic_rmw fadd, acq_rel, gpu, %ptrs, %value : (tensor<4096x!tt.ptr<f32>, #wide>, tensor<4096xf32, #wide>) -> tensor<4096xf32, #wide>
    tt.return
  }
}

// -----

// Ampere adds them one by one.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:80", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @floats(%ptrs: tensor<4096x!tt.ptr<f32>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %value: tensor<4096xf32, #wide>) {
    // expected-remark@below {{atomic of f32: 1 element (4 bytes) at once, 4 possible; limited by operation (1)}}
    %old = tt.atomic_rmw fadd, acq_rel, gpu, %ptrs, %value : (tensor<4096x!tt.ptr<f32>, #wide>, tensor<4096xf32, #wide>) -> tensor<4096xf32, #wide>
    tt.return
  }
}

// -----

// It adds halves in pairs.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:80", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @pairs(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %value: tensor<4096xf16, #wide>) {
    // expected-remark@below {{atomic of f16: 2 elements (4 bytes) at once, 8 possible; limited by operation (2)}}
    %old = tt.atomic_rmw fadd, acq_rel, gpu, %ptrs, %value : (tensor<4096x!tt.ptr<f16>, #wide>, tensor<4096xf16, #wide>) -> tensor<4096xf16, #wide>
    tt.return
  }
}

// -----

// There are no vectors of integers.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @integers(%ptrs: tensor<4096x!tt.ptr<i32>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %value: tensor<4096xi32, #wide>) {
    // expected-remark@below {{atomic of i32: 1 element (4 bytes) at once, 4 possible; limited by operation (1)}}
    %old = tt.atomic_rmw add, acq_rel, gpu, %ptrs, %value : (tensor<4096x!tt.ptr<i32>, #wide>, tensor<4096xi32, #wide>) -> tensor<4096xi32, #wide>
    tt.return
  }
}

// -----

// One element at a time is compared and swapped.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @swap(%ptrs: tensor<4096x!tt.ptr<i32>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %value: tensor<4096xi32, #wide>) {
    // expected-remark@below {{atomic of i32: 1 element (4 bytes) at once}}
    %old = tt.atomic_cas acq_rel, gpu, %ptrs, %value, %value : (tensor<4096x!tt.ptr<i32>, #wide>, tensor<4096xi32, #wide>, tensor<4096xi32, #wide>) -> tensor<4096xi32, #wide>
    tt.return
  }
}
