// RUN: graft-opt %s -graft-remarks -split-input-file -verify-diagnostics

// A copy moves 16 bytes at once.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
#shared = #ttg.swizzled_shared<{vec = 1, perPhase = 1, maxPhase = 1, order = [0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @copy(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %buffer: !ttg.memdesc<4096xf16, #shared, #smem, mutable>) {
    // expected-remark@below {{async copy of f16: 8 elements (16 bytes) at once}}
    %token = ttg.async_copy_global_to_local %ptrs, %buffer : tensor<4096x!tt.ptr<f16>, #wide> -> <4096xf16, #shared, #smem, mutable>
    tt.return
  }
}

// -----

// It has the bounds that a load has.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
#shared = #ttg.swizzled_shared<{vec = 1, perPhase = 1, maxPhase = 1, order = [0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @bounds(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 4 : i32}, %buffer: !ttg.memdesc<4096xf16, #shared, #smem, mutable>) {
    // expected-remark@below {{async copy of f16: 2 elements (4 bytes) at once, 8 possible; limited by pointer alignment (2)}}
    %token = ttg.async_copy_global_to_local %ptrs, %buffer : tensor<4096x!tt.ptr<f16>, #wide> -> <4096xf16, #shared, #smem, mutable>
    tt.return
  }
}

// -----

// The operation may know more than can be told from the pointers.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
#shared = #ttg.swizzled_shared<{vec = 1, perPhase = 1, maxPhase = 1, order = [0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @hint(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 4 : i32}, %buffer: !ttg.memdesc<4096xf16, #shared, #smem, mutable>) {
    // expected-remark@below {{async copy of f16: 4 elements (8 bytes) at once, 8 possible; limited by contiguity hint (4)}}
    %token = ttg.async_copy_global_to_local %ptrs, %buffer {contiguity = 4 : i32} : tensor<4096x!tt.ptr<f16>, #wide> -> <4096xf16, #shared, #smem, mutable>
    tt.return
  }
}

// -----

// Shared memory has neighbours in pairs.
#tile = #ttg.blocked<{sizePerThread = [1, 8], threadsPerWarp = [4, 8], warpsPerCTA = [4, 1], order = [1, 0]}>
#pairs = #ttg.swizzled_shared<{vec = 2, perPhase = 1, maxPhase = 8, order = [1, 0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @swizzled(%ptrs: tensor<64x64x!tt.ptr<f16>, #tile> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>},
                    %buffer: !ttg.memdesc<64x64xf16, #pairs, #smem, mutable>) {
    // expected-remark@below {{async copy of f16: 2 elements (4 bytes) at once, 8 possible; limited by shared memory layout (2)}}
    %token = ttg.async_copy_global_to_local %ptrs, %buffer : tensor<64x64x!tt.ptr<f16>, #tile> -> <64x64xf16, #pairs, #smem, mutable>
    tt.return
  }
}
