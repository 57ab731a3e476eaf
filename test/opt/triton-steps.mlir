// A step of libtriton's is a flag too.
// RUN: graft-opt %s -common-canonicalizer | FileCheck %s --check-prefix=CANONICAL
// Its arguments are separated by commas.
// RUN: graft-opt %s -ttir-convert-to-ttgpuir=cuda:90,8,32,1 | FileCheck %s --check-prefix=TTGPU
// Steps and passes of ours run in the order given.
// RUN: graft-opt %s -graft-version-tiles -common-canonicalizer -ttir-convert-to-ttgpuir=cuda:90,4,32,1 | FileCheck %s --check-prefix=ORDER
// -list-passes shows the steps; it needs no input.
// RUN: graft-opt -list-passes | FileCheck %s --check-prefix=LIST

// CANONICAL:     tt.func @kernel
// CANONICAL-NOT: arith.muli
// CANONICAL:     tt.return

// TTGPU:         "ttg.num-warps" = 8 : i32, ttg.target = "cuda:90"
// TTGPU:         tt.func @kernel

// ORDER:         "ttg.num-warps" = 4 : i32
// ORDER:         scf.if
// ORDER-NEXT:      tt.store %{{[^,]+}}, %{{[^,]+}} : tensor<1024x!tt.ptr<f16>, #

// LIST-DAG:      -common-canonicalizer
// LIST-DAG:      -ttir-convert-to-ttgpuir
// LIST-DAG:      -ttgpuir-coalesce
// LIST-DAG:      -nvidia-ttnvgpuir-lower-mma
tt.func @kernel(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                %value: tensor<1024xf16>, %start: i32, %n: i32) {
  %one = arith.constant 1 : i32
  %first = arith.muli %start, %one : i32
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %starts = tt.splat %first : i32 -> tensor<1024xi32>
  %index = arith.addi %starts, %range : tensor<1024xi32>
  %bound = tt.splat %n : i32 -> tensor<1024xi32>
  %mask = arith.cmpi slt, %index, %bound : tensor<1024xi32>
  tt.store %ptrs, %value, %mask : tensor<1024x!tt.ptr<f16>>
  tt.return
}
