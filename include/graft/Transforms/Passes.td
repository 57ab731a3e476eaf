//===- Passes.td - graft passes --------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The manual page of every pass. mlir-tblgen makes the registration out of it,
// so a pass that stands here is known to the backend and to graft-opt.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_PASSES_TD
#define GRAFT_TRANSFORMS_PASSES_TD

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

def GraftSwizzlePrograms : Pass<"graft-swizzle-programs", "mlir::ModuleOp"> {
  let summary = "Walk the grid of a matrix product in groups of rows";
  let description = [{
    The hardware starts programs in the order of their numbers. Where a program
    multiplies what depends on one part of its number, the column, with what
    depends on the other, the row, those that run at the same time share the
    operands of one row and have as many others as they are: over a large grid
    these do not stay in the L2 cache. The pass gives each program the number of
    another place. Within a group of `group` rows, the row changes from program
    to program, and the column when all rows have had their turn.

    | grid | column | row | columns | rows |
    |---|---|---|---|---|
    | 2-D | `program_id(0)` | `program_id(1)` | `num_programs(0)` | `num_programs(1)` |
    | 1-D | `program_id(0) % n` | `program_id(0) / n` | `n` | `num_programs(0) / n` |

    ```mlir
    // before, on a 2-D grid
    %x = tt.get_program_id x : i32
    %y = tt.get_program_id y : i32
    // after, X and Y those of the hardware
    first  = Y / group * group
    place  = (Y - first) * num_programs(x) + X
    height = min(num_programs(y) - first, group)
    %x = place / height
    %y = first + place % height
    ```

    That is a bijection of the grid, whatever its size: a group has
    `height * columns` places, and (`%x`, `%y`) lists them column by column as
    (X, Y) lists them row by row. On a 1-D grid the new place is made one number
    again, `%y * n + %x`; the programs of a last row that is not full keep their
    numbers, and so do all where `n` is not positive, or larger than the grid.
    The other dimensions of the grid are left alone.

    Kernels taken: those with a `tt.dot` in a loop of which one factor depends
    on the column alone and the other on the row alone, both just as they were
    loaded, or converted or transposed at most, and on a 1-D grid those whose
    `n` is known before the kernel does anything: an argument, a constant, or a
    few integer operations on them. So a kernel that groups its programs itself
    is not taken, nor one that walks over tiles in a loop.

    Programs that wait for one another must keep their order, whether the group
    is chosen or given: on 114 multiprocessors a 64 x 64 grid in which each row
    waits for the row above ended under the hardware's numbers, and stood still
    at 17 of 4096 programs under others. So a kernel is taken only if all its
    operations are known to end whatever other programs do, and to show nobody
    which number the hardware gave them: arithmetic, tensors, products,
    reductions, `scf.for`, `scf.if`, forward branches, loads that may come out of
    a cache, stores, functions of libdevice, barriers within a program,
    assumptions, and those that wait for the launch before or start the next.
    With anything else the pass leaves the IR as it was, and names the operation
    in a remark: atomics and reductions through descriptors, volatile loads and
    those with `.cv`, `scf.while` and branches that form a loop, all assembly,
    which may read `%ctaid`, other library functions, calls, `num_programs`,
    prints and assertions, whose texts have the hardware's ids in them, and what
    is not known here. No program of a kernel that is taken waits for another,
    so all end in any order; in which order they write was never settled.

    The group, if it is not given, comes from what programs read. Those that run
    at the same time, one on each of W multiprocessors, read in one iteration of
    their loop G times the operands of a row and W / G times those of a column,
    which is least at

        G0 = sqrt(W * <bytes of a column> / <bytes of a row>)

    rounded down to a power of two. In natural order over C columns they are in
    W / C rows, or in one. Groups of up to G0 rows never read more: where that is
    fewer rows than a group has, a group is nearer to G0, and where it is not,
    they take whole groups and the same places.

    What programs read is not all that matters, but also how it lies in memory.
    If the columns of the grid are the rows of the first matrix, these lie one
    below the other: in each iteration all programs read a short piece of each
    of very many lines. If they are the columns of the second matrix, they lie
    side by side, and all programs together read whole lines. Square fp16
    products of 4096 and 8192 rows in tiles of 128 x 256 then ran as fast in
    natural order as in the best group, on an H100 and on an H200. But one of
    16384 rows ran at 0.57 of the speed on an H100, and at 0.77 on an H200. With
    1024 columns of the first matrix it was 0.80 and 0.92. So where columns lie
    side by side, a group is used from so many columns C on that natural order
    reads twice as much as the group:

        C * <bytes of a column> + W / C * <bytes of a row>
            >= 2 * (G * <bytes of a row> + W / G * <bytes of a column>)

    The group that is chosen so, not one that is given, leaves the order as it
    was where it does not matter, by a test when the kernel runs:
    - programs are few: the grid has no more than twice `multiprocessors`;
    - all operands stay in the cache: those of all columns and all rows, in all
      iterations, have no more than `l2-bytes`. Without this test if it is not
      known before the kernel does anything how often the loop runs, or if its
      step is not a constant.

    So is that of a grid whose groups would have 2^31 places, whether the group
    is given or chosen: its numbers are those of 32 bits.

    Place in the pipeline: at the end of the TTIR stage, before
    graft-version-tiles.
  }];
  let options = [
    Option<"group", "group", "int64_t", "0",
           "rows of the grid in a group, from 1 to 1024, or 0 to choose "
           "(default 0)">,
    Option<"multiprocessors", "multiprocessors", "int64_t", "132",
           "multiprocessors of the device, from 1 to 65536 (default 132, as an "
           "H100 has)">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "52428800",
           "bytes of the L2 cache, from 0 to 2^30 (default 50 MiB, as an H100 "
           "has)">,
    ListOption<"skipSites", "skip-sites", "int64_t",
               "places to leave as they are, numbered from 1 in the order in "
               "which the pass comes to them (default none)">,
  ];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

def GraftRemarks : Pass<"graft-remarks", "mlir::ModuleOp"> {
  let summary = "Say how a kernel accesses memory, and what limits it";
  let description = [{
    Emits remarks and changes nothing. Each operation of a kernel in TTGIR that
    reads or writes global memory, converts a layout or takes shared memory has
    one, at its place in the user's source:

    ```
    load of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1)
    async copy of f16: 8 elements (16 bytes) at once; in 1 loop
    layout conversion of 128x128xf16: through shared memory
    49152 bytes of shared memory for an operand of a dot product in 3 stages
    ```

    The width of an access is what one instruction of one thread moves (for TMA
    the box that one instruction moves), as Triton's lowering will choose it.
    Possible are 16 bytes, but for scalars. What keeps it below them, each bound
    with the elements that it allows, the tightest first, is

    - mask alignment: so many neighbours are known to have the same mask;
    - contiguity: so many elements are known to lie side by side in memory;
    - pointer alignment: such runs are known to begin at multiples of so many
      elements;
    - elements per thread: the layout gives a thread no more neighbours, as it
      does where there are fewer elements than threads could move;
    - operation: no atomic instruction takes more elements of this type;
    - shared memory layout: an async copy writes no more in one place;
    - contiguity hint: an async copy says itself how wide it may be.

    A conversion stays within threads, or goes from thread to thread within
    warps, or through shared memory. Shared memory is that of allocations, with
    what they are for, and that of single operations such as `tt.reduce` while
    they run; how much a conversion takes is decided later. Sizes do not add up
    to what a kernel takes: what is not needed at the same time shares a place.

    Place in the pipeline: at the end of the TTGIR stage. The backend runs it for
    `python -m triton.backends.graft explain` and at no other time.
  }];
  let options = [
    Option<"ptxVersion", "ptx-version", "int64_t", "90",
           "version of the PTX to be made, times ten, which bounds what "
           "instructions there are (default 90)">,
  ];
  let dependentDialects = ["mlir::scf::SCFDialect"];
}

#endif // GRAFT_TRANSFORMS_PASSES_TD
