//===- PeelLoops.td ----------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_PEELLOOPS_TD
#define GRAFT_TRANSFORMS_PEELLOOPS_TD

include "mlir/Pass/PassBase.td"

def GraftPeelLoops : Pass<"graft-peel-loops", "mlir::ModuleOp"> {
  let summary = "Run the whole tiles of a pipelined loop without boundary masks";
  let description = [{
    In the loop of a matrix product, `offs_k < K - k * BLOCK_K` is true in every
    lane but for the last iteration, and yet narrows the loads of all: a load
    that moves less than four bytes at a time cannot be an asynchronous copy. A
    branch inside the loop would be in the way of software pipelining. So the
    pass makes two loops of one: the first runs the iterations at the beginning
    in which the masks are whole, without them; the second the others.

    ```mlir
    // before
    scf.for %k = %c0 to %n step %c1 iter_args(...) {
      %left = arith.subi %K, (arith.muli %k, %c64)
      %mask = arith.cmpi slt, %offs_k, splat(%left)
      %a = tt.load %a_ptrs, %mask, %zero
      ...
    }
    // after
    %whole = n or n - 1, if the masks are whole in the first and in the last of
             so many iterations; otherwise 0
    %r = scf.for %k = %c0 to %whole step %c1 iter_args(...) {
      %a = tt.load %a_ptrs
      ...
    }
    scf.for %k = %whole to %n step %c1 iter_args(%r) { as before } {tt.num_stages = 1}
    ```

    Bounds are numbers that grow or shrink by the same amount from one iteration
    to the next. What holds for the first and the last of them holds in between,
    as long as none wraps around, which is tested too, in 64-bit arithmetic. So
    are numbers that have 64 bits themselves: they have to lie within 2^40 of
    zero. What an index tensor that the loop carries on has grown by is the
    number of the iteration times what each adds.

    Taken: innermost loops that hold a dot product or are to be pipelined
    (`tl.range(..., num_stages=N)` with N > 1), in which a load or store is wider
    without parts of its mask that change with the iteration. Other loops are left
    to graft-version-tiles.

    Results keep their bits, with the exceptions and with the option `exact` of
    graft-version-tiles: both loops have the products and sums of the one in one
    block as before. A third exception are loops of a known, small number of
    iterations, which LLVM may write out where they are one loop.

    What it gains: vector width by AxisInfo, before and after, as there. What it
    costs: the loop's code a second time, of which at most one iteration runs,
    not pipelined. The pass leaves a loop as it was, and says why in a remark,
    where
    - the bound is not a sum of scalars and constant multiples of the induction
      variable, or the smaller of two such, or it is unsigned, or the bounds in
      the loop take more than 64 operations to compute;
    - the access may not be reached, and its bound may have no value then: see
      graft-version-tiles;
    - what narrows the access does not change in the loop: `cols < N` of a matrix
      in padded rows. Two loops for it, whole or not, took up to 1.16 times as
      long for small products and gained nothing for large ones (H200);
    - another load in it moves less than four bytes at a time on account of its
      pointers, so that the loop waits for memory anyway: with asynchronous
      copies beside it, such a loop was slower (0.71 of the speed, H200, fp16,
      columns taken modulo an odd N);
    - the loop, or one around it, is to be warp-specialized or flattened;
    - it has more than `max-ops` operations.

    Place in the pipeline: at the end of the TTIR stage, before
    graft-version-tiles.
  }];
  let options = [
    Option<"threads", "threads", "int64_t", "128",
           "threads per CTA, a power of two, which bound the elements one "
           "access can hold (default 128)">,
    Option<"maxOps", "max-ops", "int64_t", "512",
           "largest number of operations to duplicate (default 512)">,
    Option<"maxSize", "max-size", "int64_t", "0",
           "largest number of operations that the module may have in the end, "
           "0 for no limit (default 0)">,
    ListOption<"skipSites", "skip-sites", "int64_t",
               "places to leave as they are, numbered from 1 in the order in "
               "which the pass comes to them (default none)">,
    Option<"exact", "exact", "bool", "false",
           "leave alone what might change a bit of a result (default false)">,
  ];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::scf::SCFDialect"];
}

#endif // GRAFT_TRANSFORMS_PEELLOOPS_TD
