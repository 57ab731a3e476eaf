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
    Makes two copies of the code behind a boundary mask, and a branch. Programs
    whose tile is whole run loads, stores and atomics without mask and `other`.
    The others run the original.

    Why: a mask such as `offs < n` costs every tile its wide loads and stores if
    `n` is not known to be a multiple of the vector width. But at most one tile
    needs the mask. The branch is on a scalar condition that is the same for the
    whole program: "every lane of the mask is true".

    #### Example

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

    #### When it applies

    To an access that gets wider without its mask. In a loop, where the branch
    is taken again in each iteration, it has to get at least four times as wide.

    A mask is a conjunction of parts:
    `(rows < M)[:, None] & (cols < N)[None, :]` has two. Each is looked at for
    itself. A part goes if it narrows an access and a condition says when it is
    true in every lane. The others stay with the access. These parts are taken:

    | part | example |
    |---|---|
    | `<`, `<=`, `>`, `>=`, signed or unsigned, between a scalar and an index | `offs < n` |
    | the opposite of that | `~(offs >= n)` |
    | the same between a scalar and the quotient of an index by positive scalars | `offs // W < H` |
    | the same with the smaller of two as the bound: to be below both | `offs < min(n - i, cap)` |
    | a scalar that is splat | `(row < rows) & (cols < n)` for a scalar `row` |

    An index is made of scalars and `make_range` by

    | operation | example |
    |---|---|
    | addition, subtraction | `start + arange(0, BLOCK)` |
    | multiplication by a constant, or by a scalar that is not negative | `rows * N + cols` |
    | sign or zero extension | `offs.to(tl.int64)` |
    | `expand_dims`, `broadcast`, `reshape` | `rows[:, None]` |
    | a loop that adds a constant in each iteration | `offs += BLOCK` |

    Index arithmetic may wrap around. The condition tests at run time that it
    does not.

    #### Where the branch is

    It is in the outermost block in which the condition is known, and covers the
    rest of that block. A mask that changes from one iteration of a loop to the
    next is versioned inside the loop.

    At most 16 operations move in front of the branch. None of them traps, or
    promises anything such as no overflow.

    A branch goes around a guard only if what it compares has a value whether
    the access is reached or not. Arguments, ids, what is loaded without mask,
    and arithmetic on these without promises have one.

    #### When it declines

    The IR stays as it was. `mask kept` stands at an access, `not versioned` at
    the first access of what would have been copied:

    | remark | when |
    |---|---|
    | `mask kept: the mask is not a bound on scalars plus a range: arith.cmpi` | the part that narrows the access has another form; the remark names the operation |
    | `mask kept: the mask is a constant that is not true everywhere` | no condition at run time makes it true |
    | `mask kept: the mask bounds the only tile of its axis, which is hardly ever whole` | see below |
    | `mask kept: the access is no wider without it` | it is as wide under its mask as its pointers allow |
    | `mask kept: its condition is known only after the tile's first access` | the branch begins at that access |
    | `not versioned: accesses in the loop would be N times as wide, less than the 4 that a branch in each iteration is worth` | the gain is too small |
    | `not versioned: a sum in it takes in a product in front of it that has other uses` | the product would have to go along, but something uses it that cannot, such as a store |
    | `not versioned: the code to duplicate has more than max-ops=N operations` | it is too long |
    | `not versioned: the code to duplicate holds a dot product` | or is to be warp-specialized |
    | `not versioned: the loop around it is to be software-pipelined` | or warp-specialized, or flattened, or it holds a dot product: see graft-peel-loops |
    | `not versioned: the loop around it takes what graft-peel-loops has left` | it is the second loop of that pass, whose tiles are hardly ever whole |

    The only tile of its axis is a tile whose index has no scalar part that
    changes at run time. It is no smaller than its axis, so it is hardly ever
    whole. The same goes for a constant bound that the first tile reaches, and
    for a row whose length is loaded. graft-split-masks takes these.

    #### What it gains and costs

    An access moves as many elements at once as its pointers allow, by AxisInfo
    before and after. On the branch without mask, it no longer moves only as
    many as the mask is known to be the same for.

    The code from the first such access to the end of its block is there a
    second time, with a few scalar operations.

    Bits of results: a product in front of the branch that a sum in it takes in
    goes along into both sides, with what else uses it. A selection between a
    product and a sum keeps its mask. There are
    [exceptions](#do-results-keep-their-bits), which the option `exact` rules
    out.

    #### Pointers that may be aligned

    Triton does not know of some pointers that they are aligned, because of
    `do_not_specialize` or of a view such as `x[1:]`. If no access gains
    otherwise, alignment becomes part of the condition: it is tested when the
    kernel runs, and accesses are wide where it holds. The condition also tests
    that the offsets, scalars plus one range, do not wrap around.

    This is done for one-dimensional accesses to elements of two bytes, outside
    of loops. It is not done in kernels with reductions, scans or dot products,
    whose results could depend on the layout.

    Measured on an H200, x + y of fp16 and odd n over such pointers:

    | tile | speed if they are aligned | speed if they are not |
    |---|---|---|
    | 1024 | 1.13 | 1.01 |
    | 4096 | 1.33 | 1.23 |

    With such a branch written by hand, int8 ran at 0.79 in tiles of 4096 if
    they are not aligned, and fp32 gained nothing.

    The pass runs at the end of the TTIR stage, when functions are inlined and
    index arithmetic is canonical.
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
