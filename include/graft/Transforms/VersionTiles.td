//===- VersionTiles.td -------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_VERSIONTILES_TD
#define GRAFT_TRANSFORMS_VERSIONTILES_TD

include "mlir/Pass/PassBase.td"

def GraftVersionTiles : Pass<"graft-version-tiles", "mlir::ModuleOp"> {
  let summary = "Branch around boundary masks when a whole tile is in bounds";
  let description = [{
    A mask such as `offs < n` costs every tile its wide loads and stores when
    `n` is not known to be a multiple of the vector width, although at most one
    tile needs the mask. The pass versions the code on a scalar condition that
    is the same for the whole program instance, "every lane of the mask is
    true". Where it holds, loads, stores and atomics run without mask and
    `other`; where it does not, the original runs.

    ```mlir
    // before
    %mask = arith.cmpi slt, %offs, %n_splat : tensor<1024xi32>
    %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    // after, with %offs = splat(%start) + make_range(0, 1024)
    %last = arith.addi %start, %c1023 : i32
    %no_wrap = arith.cmpi sge, %last, %start : i32
    %inside = arith.cmpi slt, %last, %n : i32
    %whole = arith.andi %no_wrap, %inside : i1
    scf.if %whole {
      %x = tt.load %ptrs : tensor<1024x!tt.ptr<f16>>
    } else {
      %x = tt.load %ptrs, %mask : tensor<1024x!tt.ptr<f16>>
    }
    ```

    A mask is a conjunction of parts, and each part is looked at for itself:
    `(rows < M)[:, None] & (cols < N)[None, :]` has two. Those go that narrow an
    access, if a condition says when they are true in every lane; the others stay
    with the access. Parts taken: `<`, `<=`, `>`, `>=` (signed or unsigned)
    between a scalar and an index, or the opposite of that (`~`), where the index
    is made of scalars and `make_range` by addition, subtraction, multiplication
    by a constant or by a scalar that is not negative (`rows * N + cols`), sign
    or zero extension, `expand_dims`, `broadcast` and `reshape`, or carried on by
    a loop that adds a constant to it in each iteration (`offs += BLOCK`); between
    a scalar and the quotient of an index by positive scalars (`offs // W < H`);
    and scalars that are splat. To be below the smaller of two is to be below
    both. Index arithmetic may wrap around; the condition tests at run time that
    it does not.

    The branch is placed in the outermost block in which the condition is known
    and covers the rest of that block. A mask that changes from one iteration of
    a loop to the next is versioned inside the loop. At most 16 operations move
    in front of the branch, none of which traps or promises anything, such as no
    overflow. A branch goes around a guard only if what it compares has a value
    whether the access is reached or not: arguments, ids, what is loaded without
    mask, and arithmetic on these without promises.

    What it gains, by AxisInfo before and after: an access moves as many elements
    at once as its pointers allow and, on the branch where they are not masked,
    no longer only as many as the mask is known to be the same for. What it
    costs: the code from the first such access to the end of its block a second
    time, and a few scalar operations. So an access is versioned only if it gets
    wider; in a loop, where the branch is taken again in each iteration, at least
    four times as wide.

    Results keep their bits. The compiler makes one operation of a product and a
    sum that takes it in, which rounds once and not twice: LLVM wherever both are
    in one basic block, and ptxas across blocks too, if the product has no other
    use. So products in front of the branch that a sum in it takes in go along
    into both sides, with what else uses them, and a selection between a product
    and a sum keeps its mask. What each reduction adds up, and in which order,
    follows from the layout of its operand, which the mask has no part in. That
    is no proof of what LLVM and ptxas do, and there are two cases in which bits
    can differ:
    - arithmetic on two elements at once, which there is for fp16 and bf16, and
      from compute capability 10.0 on for fp32: LLVM takes them so where they are
      loaded so, and makes one operation of a product and a sum only if it takes
      both in the same way. With wider loads it may do so where it did not, as in
      `a * b + c` in fp16 with `c` alone under a mask;
    - a loop with the branch inside, of which the compiler knows how often it
      runs: without the branch, LLVM may write out its iterations as one block,
      and join a product in front of the loop, or of one iteration, to a sum.
    With `exact`, functions are left alone that hold dot products, reduce or scan
    floating-point numbers other than by `max` and `min`, or hold both products
    (divisions, exponentials and library functions among them) and sums: whatever
    becomes of blocks and layouts, nothing in the others is rounded otherwise.

    Where no access gains so, alignment may be part of the condition: pointers of
    which Triton does not know that they are aligned, because of
    `do_not_specialize` or of a view such as `x[1:]`, are tested when the kernel
    runs, and wide where they are; so is that the offsets, scalars plus one range,
    do not wrap around. Taken: one-dimensional accesses to elements of two bytes,
    outside of loops, in kernels without reductions, scans and dot
    products, whose results could depend on the layout. x + y of fp16 and odd n
    over such pointers, in tiles of 1024 and 4096, ran at 1.13 and 1.33 of the
    speed if they are aligned, and at 1.01 and 1.23 if they are not (H200). With
    such a branch written by hand, int8 ran at 0.79 in tiles of 4096 if they are
    not, and fp32 gained nothing.

    The pass leaves the IR as it was, and says why in a remark, where
    - the part that narrows an access is of another form;
    - the index has no scalar part that changes at run time: such a tile is the
      only one of its axis and no smaller than it, so it is hardly ever whole.
      The same goes for a constant bound that the first tile reaches, and for a
      row whose length is loaded: see graft-split-masks;
    - every access is already as wide under its mask as its pointers allow;
    - a product in front of the branch that has to go along is used by something
      that cannot, such as a store;
    - the code to be duplicated has more than `max-ops` operations, or holds a
      dot product, or belongs to a loop that is to be software-pipelined or
      warp-specialized: see graft-peel-loops.

    Place in the pipeline: at the end of the TTIR stage, when functions are
    inlined and index arithmetic is canonical.
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

#endif // GRAFT_TRANSFORMS_VERSIONTILES_TD
