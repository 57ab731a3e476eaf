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
    Makes two loops of a loop that Triton pipelines: the first runs the
    iterations at the beginning whose masks are whole, without these masks. The
    second runs the others.

    Why: in the loop of a matrix product, `offs_k < K - k * BLOCK_K` is true in
    every lane in all iterations but the last, and yet it narrows the loads of
    all. A load that moves less than four bytes at a time cannot be an
    asynchronous copy. A branch inside the loop, as graft-version-tiles makes,
    would be in the way of software pipelining.

    #### Example

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

    #### When it applies

    To an innermost loop that holds a dot product, or that is to be pipelined
    (`tl.range(..., num_stages=N)` with N > 1). A load or store in it has to get
    wider without the parts of its mask that change with the iteration. Other
    loops are left to graft-version-tiles.

    The bound in a mask has to be signed. It may be a sum of scalars and
    constant multiples of the induction variable, or the smaller of two such
    sums. The index may be a tensor that the loop carries on, such as
    `offs += BLOCK`. In each iteration it is its first value plus the number of
    the iteration times what each adds.

    Such numbers grow or shrink by the same amount from one iteration to the
    next. So if the masks are whole in the first and in the last of some
    iterations, they are whole in those in between, as long as no number wraps
    around. That is tested as well, in 64-bit arithmetic. Numbers that have 64
    bits themselves are tested to lie within 2^40 of zero.

    #### When it declines

    The loop stays as it was. `mask kept` stands at an access, `not peeled` at
    the loop:

    | remark | when |
    |---|---|
    | `mask kept: the bound is not affine in the iteration` | the bound is unsigned, or has another form than those above |
    | `mask kept: the bounds in the loop take more than 64 operations to compute` | the bounds are too long |
    | `mask kept: the bound may have no value where the access is not reached` | the loop may not reach the access: see graft-version-tiles |
    | `mask kept: what narrows the access does not change in the loop` | such as `cols < N` of a matrix in padded rows |
    | `mask kept: the access is no wider without it` | nothing would be gained |
    | `not peeled: its pointers keep a load in it from being an asynchronous copy` | a load moves less than four bytes at a time because of its pointers |
    | `not peeled: the loop, or one around it, has tt.warp_specialize` | Triton is to warp-specialize the loop; the same for `tt.flatten` |
    | `not peeled: the loop has no constant step, or unsigned bounds` | nothing tells how often it runs |
    | `not peeled: the loop has N operations, more than max-ops=M` | it is too long to duplicate |

    Two of these rules were measured:

    - Two loops for `cols < N`, whole or not, took up to 1.16 times as long for
      small products and gained nothing for large ones (H200).
    - A loop with a load that is too narrow for an asynchronous copy waits for
      memory anyway. With asynchronous copies beside it, such a loop was slower
      (0.71 of the speed, H200, fp16, columns taken modulo an odd N).

    #### What it gains and costs

    Accesses get wider, as far as AxisInfo tells before and after. The loop's
    code is there a second time. The second loop is not pipelined, and at most
    one iteration of it runs. If the masks were not found whole, all iterations
    run there.

    Bits of results: both loops have the products and sums of the one in one
    block, as before. There are [exceptions](#do-results-keep-their-bits), which
    the option `exact` rules out.

    It runs at the end of the TTIR stage, before graft-version-tiles.
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
