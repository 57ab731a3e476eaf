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
    Gives each program of a matrix product the number of another place in the
    grid. Within a group of `group` rows, the row changes from program to
    program. The column changes when all rows of the group have had their turn.

    Why: the hardware starts programs in the order of their numbers. So programs
    that run at the same time share the operands of one row, but each needs
    those of another column. Over a large grid these do not stay in the L2
    cache.

    A column is the part of a program's number that changes from one program to
    the next. The row is the rest:

    | grid | column | row | columns | rows |
    |---|---|---|---|---|
    | 2-D | `program_id(0)` | `program_id(1)` | `num_programs(0)` | `num_programs(1)` |
    | 1-D | `program_id(0) % n` | `program_id(0) / n` | `n` | `num_programs(0) / n` |

    #### Example

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

    That is a bijection of the grid, whatever its size. A group has
    `height * columns` places; (X, Y) lists them row by row, and (`%x`, `%y`)
    column by column.

    On a 1-D grid the new place is made one number again, `%y * n + %x`. The
    programs of a last row that is not full keep their numbers. So do all
    programs where `n` is not positive, or larger than the grid. The other
    dimensions of a grid are left alone.

    #### When it applies

    To a kernel with a `tt.dot` or `tt.dot_scaled` in a loop, where

    - one factor depends on the column alone and the other on the row alone
    - both are just as they were loaded, or converted or transposed at most
    - on a 1-D grid, `n` is known before the kernel does anything: an argument,
      a constant, or a few integer operations on them
    - all operations end whatever other programs do, and show nobody which
      number the hardware gave them: see
      [below](#why-programs-must-not-wait-for-one-another)

    So a kernel that groups its programs itself is not taken, nor one that walks
    over tiles in a loop. Where the pass chooses the group, it also tests when
    the kernel runs whether the order matters.

    #### When it declines

    The order stays as it was. A kernel without such a product gets no remark.

    | remark | when |
    |---|---|
    | `order kept: a program could notice it by tt.atomic_rmw` | an operation is not known to be safe; the remark names it |
    | `order kept: the length of a row is not known in advance` | `n` of a 1-D grid is known too late |
    | `order kept: a group is one row` | the group was given or chosen as 1 |
    | `order kept: the programs of a row read what lies side by side` | for no number of columns does natural order read twice as much (see below) |

    If it applies, the remark says when the group is used:
    `programs run in groups of 8 rows where there are more than 228 and their operands have more than 52428800 bytes`.

    #### What it costs

    The test at run time takes time itself. Where it left the order, products of
    16 iterations in tiles of 128 x 256 x 64 ran at 0.992 of the speed, and
    longer ones at 0.998 (fp16, geometric means of 16 and 36 products, H200).

    #### Why programs must not wait for one another

    Programs that wait for one another must keep their order, whether the group
    is chosen or given. On 114 multiprocessors, a 64 x 64 grid in which each row
    waits for the row above ended under the hardware's numbers. Under others it
    stood still at 17 of 4096 programs.

    So a kernel is taken only if each of its operations is known:

    | taken | not taken |
    |---|---|
    | arithmetic, tensors, products, reductions | what is not known here |
    | `scf.for`, `scf.if`, forward branches | `scf.while`, and branches that form a loop |
    | loads that may come out of a cache, stores | volatile loads, and those with `.cv` |
    | functions of libdevice | other library functions, calls |
    | barriers within a program | atomics, and reductions through descriptors |
    | assumptions | prints and assertions, whose texts have the hardware's ids in them |
    | waiting for the launch before, or starting the next | all assembly, which may read `%ctaid`; `num_programs` |

    No program of a kernel that is taken waits for another, so all end in any
    order. In which order they write was never settled.

    #### How the group is chosen

    If the group is not given, it follows from what programs read. W programs
    run at the same time, one on each of W multiprocessors. In groups of G rows,
    they read in one iteration of their loop G times the operands of a row and W
    / G times those of a column. That is least at

    ```text
    G0 = sqrt(W * <bytes of a column> / <bytes of a row>)
    ```

    The group is G0 rounded down to a power of two.

    A group of up to G0 rows never reads more than natural order. There, over C
    columns, the W programs lie in W / C rows, or in one. If that is fewer rows
    than the group has, the group is nearer to G0. If it is not, the programs
    take whole groups, which are the same places.

    #### Columns that lie side by side

    How the operands lie in memory matters too:

    - The columns of the grid may be the rows of the first matrix. These lie one
      below the other. In each iteration, all programs read a short piece of
      each of very many lines.
    - They may be the columns of the second matrix. These lie side by side, and
      all programs together read whole lines.

    In the second case, square fp16 products of 4096 and 8192 rows in tiles of
    128 x 256 ran as fast in natural order as in the best group, on an H100 and
    on an H200. One of 16384 rows did not:

    | product | natural order to best group, H100 | H200 |
    |---|---|---|
    | 16384 rows | 0.57 | 0.77 |
    | the same with 1024 columns of the first matrix | 0.80 | 0.92 |

    So where columns lie side by side, a group is used only from so many columns
    C on that natural order reads twice as much as the group:

    ```text
    C * <bytes of a column> + W / C * <bytes of a row>
        >= 2 * (G * <bytes of a row> + W / G * <bytes of a column>)
    ```

    #### When a chosen group is not used

    If the pass chose the group, a test when the kernel runs leaves the order as
    it was where it does not matter:

    - programs are few: the grid has no more than twice `multiprocessors`
    - all operands stay in the cache: those of all columns and all rows, in all
      iterations, have no more than `l2-bytes`

    The second test is left out if it is not known before the kernel does
    anything how often the loop runs, or if the loop's step is not a constant.

    A group that was given is used without these tests. But given or chosen, the
    order stays in a grid whose groups would have 2^31 places, since its numbers
    have 32 bits.

    The pass runs at the end of the TTIR stage, before graft-version-tiles.
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
