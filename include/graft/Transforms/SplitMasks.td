//===- SplitMasks.td ---------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_SPLITMASKS_TD
#define GRAFT_TRANSFORMS_SPLITMASKS_TD

include "mlir/Pass/PassBase.td"

def GraftSplitMasks : Pass<"graft-split-masks", "mlir::ModuleOp"> {
  let summary = "Split a boundary mask into whole vectors and what is left";
  let description = [{
    Makes two accesses of one under a boundary mask. The first moves the whole
    vectors: its mask ends at a multiple of the vector width. The second moves
    the rest of the row, element by element.

    Why: a kernel that takes a row in one tile, `tl.arange(0, BLOCK) < n`, has
    no tile that is whole, so graft-version-tiles has nothing to branch on. A
    kernel that takes a row in a loop has one tile in a few that is not whole.
    But all vectors of these tiles are whole except the last one.

    #### Example

    ```mlir
    // before
    %mask = arith.cmpi slt, %cols, %n_splat : tensor<4096xi32>
    %x = tt.load %ptrs, %mask, %other : tensor<4096x!tt.ptr<f16>>
    // after
    %vectors = arith.shrsi %n, %c3 : i32
    %end = arith.muli %vectors, %c8 : i32
    %whole = arith.cmpi slt, %cols, %end_splat : tensor<4096xi32>
    %behind = arith.cmpi sge, %cols, %end_splat : tensor<4096xi32>
    %rest = arith.andi %mask, %behind : tensor<4096xi1>
    %w = tt.load %ptrs, %whole, %other : tensor<4096x!tt.ptr<f16>>
    %x = tt.load %ptrs, %rest, %w : tensor<4096x!tt.ptr<f16>>
    ```

    #### When it applies

    To a load or store that would be at least four times as wide without one
    part of its mask. That part has to be `index < bound` or `index <= bound`
    with a scalar bound, and one of these has to be so:

    - the index is the only tile of its axis, also where the length of the row
      is loaded
    - the mask is made in a loop

    Other parts of the mask, such as a mask of rows, stay in both accesses.

    #### When it declines

    It says so in a remark only where the kernel would become too large:
    `not split: it takes 6 operations more, and N are left to the kernel's max-size=M`.

    It leaves these accesses alone without a remark:

    - accesses of which Triton does not know that they are aligned: a row of
      4095 elements that are next to those of the row before begins anywhere
    - accesses in a loop with a dot product, where loads are to be asynchronous
      copies
    - loads that can be asynchronous copies, in a loop without a dot product
      that is to be pipelined (`tl.range(..., num_stages=...)`)
    - accesses in a block most of whose accesses would stay as they are
    - volatile loads

    #### What it gains and costs

    An access moves as many elements at once as its pointers allow, by AxisInfo,
    and no longer only as many as its mask allows. Each thread has the second
    access too, with two comparisons per element. It is predicated off in all
    threads but one.

    Bits of results: each element is read or written once, by the same thread
    and in the same layout as before, so every reduction keeps its order. Blocks
    stay what they were, too. So only arithmetic on two elements at once can
    differ ([exceptions](#do-results-keep-their-bits)), which the option `exact`
    rules out.

    It runs at the end of the TTIR stage, after graft-version-tiles, which has
    branched around the masks of whole tiles.
  }];
  let options = [
    Option<"threads", "threads", "int64_t", "128",
           "threads per CTA, a power of two, which bound the elements one "
           "access can hold (default 128)">,
    Option<"maxSize", "max-size", "int64_t", "0",
           "largest number of operations that the module may have in the end, "
           "0 for no limit (default 0)">,
    ListOption<"skipSites", "skip-sites", "int64_t",
               "places to leave as they are, numbered from 1 in the order in "
               "which the pass comes to them (default none)">,
    Option<"exact", "exact", "bool", "false",
           "leave alone what might change a bit of a result (default false)">,
  ];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

#endif // GRAFT_TRANSFORMS_SPLITMASKS_TD
