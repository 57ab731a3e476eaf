// RUN: graft-opt %s -graft-remarks -split-input-file -verify-diagnostics

// A software pipeline fills three buffers for a product.
#tile = #ttg.blocked<{sizePerThread = [1, 8], threadsPerWarp = [4, 8], warpsPerCTA = [4, 1], order = [1, 0]}>
#rows = #ttg.swizzled_shared<{vec = 8, perPhase = 1, maxPhase = 8, order = [1, 0]}>
#mma = #ttg.nvidia_mma<{versionMajor = 2, versionMinor = 0, warpsPerCTA = [4, 1], instrShape = [16, 8]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:80", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @pipeline(%ptrs: tensor<64x64x!tt.ptr<f16>, #tile> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>}) {
    %zero = arith.constant 0 : i32
    // expected-remark@below {{24576 bytes of shared memory for an operand of a dot product in 3 stages}}
    %buffers = ttg.local_alloc : () -> !ttg.memdesc<3x64x64xf16, #rows, #smem, mutable>
    %buffer = ttg.memdesc_index %buffers[%zero] : !ttg.memdesc<3x64x64xf16, #rows, #smem, mutable> -> !ttg.memdesc<64x64xf16, #rows, #smem, mutable>
    // expected-remark@below {{async copy of f16: 8 elements (16 bytes) at once}}
    %token = ttg.async_copy_global_to_local %ptrs, %buffer : tensor<64x64x!tt.ptr<f16>, #tile> -> <64x64xf16, #rows, #smem, mutable>
    %value = ttg.local_load %buffer : !ttg.memdesc<64x64xf16, #rows, #smem, mutable> -> tensor<64x64xf16, #ttg.dot_op<{opIdx = 0, parent = #mma, kWidth = 2}>>
    tt.return
  }
}

// -----

// What is filled by copies and is no factor is for a load.
#tile = #ttg.blocked<{sizePerThread = [1, 8], threadsPerWarp = [4, 8], warpsPerCTA = [4, 1], order = [1, 0]}>
#rows = #ttg.swizzled_shared<{vec = 8, perPhase = 1, maxPhase = 8, order = [1, 0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:80", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @load(%ptrs: tensor<64x64x!tt.ptr<f16>, #tile> {tt.contiguity = dense<[1, 64]> : tensor<2xi32>, tt.divisibility = dense<[1, 16]> : tensor<2xi32>}) {
    %zero = arith.constant 0 : i32
    // expected-remark@below {{24576 bytes of shared memory for a load in 3 stages}}
    %buffers = ttg.local_alloc : () -> !ttg.memdesc<3x64x64xf16, #rows, #smem, mutable>
    %buffer = ttg.memdesc_index %buffers[%zero] : !ttg.memdesc<3x64x64xf16, #rows, #smem, mutable> -> !ttg.memdesc<64x64xf16, #rows, #smem, mutable>
    // expected-remark@below {{async copy of f16: 8 elements (16 bytes) at once}}
    %token = ttg.async_copy_global_to_local %ptrs, %buffer : tensor<64x64x!tt.ptr<f16>, #tile> -> <64x64xf16, #rows, #smem, mutable>
    %value = ttg.local_load %buffer : !ttg.memdesc<64x64xf16, #rows, #smem, mutable> -> tensor<64x64xf16, #tile>
    tt.return
  }
}

// -----

// A barrier is a word of eight bytes.
#shared = #ttg.swizzled_shared<{vec = 1, perPhase = 1, maxPhase = 1, order = [0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @barrier() {
    // expected-remark@below {{8 bytes of shared memory for barriers}}
    %barrier = ttg.local_alloc : () -> !ttg.memdesc<1xi64, #shared, #smem, mutable>
    ttng.init_barrier %barrier, 1 : !ttg.memdesc<1xi64, #shared, #smem, mutable>
    tt.return
  }
}

// -----

// What TMA stores passes through shared memory.
#nvmma = #ttg.nvmma_shared<{swizzlingByteWidth = 128, transposed = false, elementBitWidth = 16}>
#tile = #ttg.blocked<{sizePerThread = [1, 8], threadsPerWarp = [4, 8], warpsPerCTA = [4, 1], order = [1, 0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @store(%desc: !tt.tensordesc<64x64xf16, #nvmma>, %value: tensor<64x64xf16, #tile>, %i: i32) {
    // expected-remark@below {{8192 bytes of shared memory for a store}}
    %buffer = ttg.local_alloc %value : (tensor<64x64xf16, #tile>) -> !ttg.memdesc<64x64xf16, #nvmma, #smem, mutable>
    // expected-remark@below {{TMA store of f16: 4096 elements (8192 bytes) at once}}
    ttng.async_tma_copy_local_to_global %desc[%i, %i] %buffer : !tt.tensordesc<64x64xf16, #nvmma>, !ttg.memdesc<64x64xf16, #nvmma, #smem, mutable>
    tt.return
  }
}

// -----

// Anything else is there for threads to exchange what they have.
#tile = #ttg.blocked<{sizePerThread = [1, 8], threadsPerWarp = [4, 8], warpsPerCTA = [4, 1], order = [1, 0]}>
#rows = #ttg.swizzled_shared<{vec = 8, perPhase = 1, maxPhase = 8, order = [1, 0]}>
#smem = #ttg.shared_memory
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @exchange(%value: tensor<64x64xf16, #tile>) {
    // expected-remark@below {{8192 bytes of shared memory for an exchange between threads}}
    %buffer = ttg.local_alloc %value : (tensor<64x64xf16, #tile>) -> !ttg.memdesc<64x64xf16, #rows, #smem>
    %result = ttg.local_load %buffer : !ttg.memdesc<64x64xf16, #rows, #smem> -> tensor<64x64xf16, #tile>
    tt.return
  }
}

// -----

// A reduction over warps takes a place for each.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @reduction(%value: tensor<4096xf32, #wide>) {
    // expected-remark@below {{16 bytes of shared memory for tt.reduce}}
    %sum = "tt.reduce"(%value) <{axis = 0 : i32}> ({
    ^bb0(%a: f32, %b: f32):
      %next = arith.addf %a, %b : f32
      tt.reduce.return %next : f32
    }) : (tensor<4096xf32, #wide>) -> f32
    tt.return
  }
}
