//===- SwizzlePrograms.td ----------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_SWIZZLEPROGRAMS_TD
#define GRAFT_TRANSFORMS_SWIZZLEPROGRAMS_TD

include "mlir/Pass/PassBase.td"

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
    The test takes time itself: where it left the order, products of 16
    iterations in tiles of 128 x 256 x 64 ran at 0.992 of the speed, and longer
    ones at 0.998 (fp16, geometric means of 16 and 36 products, H200).

    The order also stays in a grid whose groups would have 2^31 places, whether
    the group is given or chosen: its numbers are those of 32 bits.

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

#endif // GRAFT_TRANSFORMS_SWIZZLEPROGRAMS_TD
