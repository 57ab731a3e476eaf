// RUN: graft-opt %s -graft-remarks -split-input-file -verify-diagnostics
// RUN: graft-opt %s -graft-remarks -split-input-file | FileCheck %s

// A thread moves 16 bytes at once, and nothing is changed.
// CHECK-LABEL: @whole(
// CHECK-NEXT:    tt.load
// CHECK-NEXT:    tt.return
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @whole(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}) {
    // expected-remark@below {{graft-remarks: load of f16: 8 elements (16 bytes) at once}}
    %value = tt.load %ptrs : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}

// -----

// A mask of which nothing is known is asked for each element.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @mask(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32},
                %mask: tensor<4096xi1, #wide>) {
    // expected-remark@below {{load of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1)}}
    %value = tt.load %ptrs, %mask : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}

// -----

// One that is the same for four elements lets four through.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @mask_of_four(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32},
                        %mask: tensor<4096xi1, #wide> {tt.constancy = 4 : i32}) {
    // expected-remark@below {{load of f16: 4 elements (8 bytes) at once, 8 possible; limited by mask alignment (4)}}
    %value = tt.load %ptrs, %mask : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}

// -----

// The base is aligned to four bytes, two elements.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @alignment(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 4 : i32}) {
    // expected-remark@below {{load of f16: 2 elements (4 bytes) at once, 8 possible; limited by pointer alignment (2)}}
    %value = tt.load %ptrs : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}

// -----

// No two elements lie side by side.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @contiguity(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 1 : i32, tt.divisibility = 16 : i32}) {
    // expected-remark@below {{load of f16: 1 element (2 bytes) at once, 8 possible; limited by contiguity (1)}}
    %value = tt.load %ptrs : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}

// -----

// The layout gives a thread one element of each row of 128.
#narrow = #ttg.blocked<{sizePerThread = [1], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @layout(%ptrs: tensor<128x!tt.ptr<f16>, #narrow> {tt.contiguity = 128 : i32, tt.divisibility = 16 : i32}) {
    // expected-remark@below {{load of f16: 1 element (2 bytes) at once, 8 possible; limited by elements per thread (1)}}
    %value = tt.load %ptrs : tensor<128x!tt.ptr<f16>, #narrow>
    tt.return
  }
}

// -----

// All bounds are named, the tightest first.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @bounds(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 8 : i32},
                  %mask: tensor<4096xi1, #wide> {tt.constancy = 2 : i32}) {
    // expected-remark@below {{load of f16: 2 elements (4 bytes) at once, 8 possible; limited by mask alignment (2), pointer alignment (4)}}
    %value = tt.load %ptrs, %mask : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}

// -----

// Eight floats are more than an instruction of Hopper moves, and no bound is named.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @two_instructions(%ptrs: tensor<4096x!tt.ptr<f32>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}) {
    // expected-remark@below {{load of f32: 4 elements (16 bytes) at once}}
    %value = tt.load %ptrs : tensor<4096x!tt.ptr<f32>, #wide>
    tt.return
  }
}

// -----

// Blackwell has one for 32 bytes, where they are aligned to that.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:100", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @one_instruction(%ptrs: tensor<4096x!tt.ptr<f32>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 32 : i32}) {
    // expected-remark@below {{load of f32: 8 elements (32 bytes) at once}}
    %value = tt.load %ptrs : tensor<4096x!tt.ptr<f32>, #wide>
    tt.return
  }
}

// -----

// A scalar is a scalar.
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @scalar(%ptr: !tt.ptr<i32>) {
    // expected-remark@below {{load of i32: 1 element (4 bytes) at once}}
    %value = tt.load %ptr : !tt.ptr<i32>
    tt.return
  }
}

// -----

// A store is as wide as a load.
#wide = #ttg.blocked<{sizePerThread = [8], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>
module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, ttg.target = "cuda:90", "ttg.threads-per-warp" = 32 : i32} {
  tt.func @store(%ptrs: tensor<4096x!tt.ptr<f16>, #wide> {tt.contiguity = 4096 : i32, tt.divisibility = 16 : i32}, %value: tensor<4096xf16, #wide>) {
    // expected-remark@below {{store of f16: 8 elements (16 bytes) at once}}
    tt.store %ptrs, %value : tensor<4096x!tt.ptr<f16>, #wide>
    tt.return
  }
}
