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
    A kernel that takes a row in one tile, `tl.arange(0, BLOCK) < n`, has no tile
    that is whole, and graft-version-tiles nothing to branch on. One that takes a
    row in a loop has one such tile in a few. But all vectors of these tiles are
    whole except the last one. The pass makes two accesses of one: the first
    moves the whole vectors, under a mask that ends at a multiple of the vector
    width, and the second the rest of the row, element by element.

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

    Each element is read or written once, by the same thread and in the same
    layout as before, so the order of every reduction stays what it was. Blocks
    stay what they were, too, so that only arithmetic on two elements at once can
    differ in bits, as graft-version-tiles says; `exact` is the same option.

    Taken: loads and stores which would be at least four times as wide without
    one part of their mask, which is `index < bound` or `index <= bound` with a
    scalar bound, where either the index is the only tile of its axis, also where
    the length of the row is loaded, or the mask is made in a loop. Other parts
    of the mask, such as a mask of rows, stay in both.

    What it gains: an access moves as many elements as its pointers allow, by
    AxisInfo, instead of as many as its mask does. What it costs: each thread has
    the second access too, predicated off in all threads but one, with two
    comparisons per element. So the pass leaves accesses alone
    - of which Triton does not know that they are aligned: a row of 4095 elements
      that are next to those of the row before begins anywhere;
    - in a loop with a dot product, where loads are to be asynchronous copies,
      and loads of which the same is true in a loop that is to be pipelined
      without one (`tl.range(..., num_stages=...)`);
    - in a block most of whose accesses would stay as they are;
    - which are volatile.

    Place in the pipeline: at the end of the TTIR stage, after
    graft-version-tiles, which has branched around the masks of whole tiles.
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
