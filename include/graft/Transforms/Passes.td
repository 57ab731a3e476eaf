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

    Masks taken: one-dimensional conjunctions of `<`, `<=`, `>`, `>=` (signed or
    unsigned) between a scalar and an index, where the index is made of scalars
    and `make_range` by addition, subtraction, multiplication by a constant and
    sign or zero extension. Index arithmetic may wrap around; the condition
    tests at run time that it does not.

    The branch is placed in the outermost block in which the condition is known
    and covers the rest of that block. A mask that changes from one iteration of
    a loop to the next is versioned inside the loop.

    The pass leaves the IR as it was, and says why in a remark, where
    - the mask is of another form, or not one-dimensional;
    - the index has no scalar part that changes at run time: such a tile is the
      only one of its axis and no smaller than it, so it is hardly ever whole.
      The same goes for a constant bound that the first tile reaches;
    - every access is already as wide under its mask as its pointers allow;
    - the code to be duplicated has more than `max-ops` operations, or holds a
      dot product, or belongs to a loop that is to be software-pipelined or
      warp-specialized: what the mask costs there is small.

    Place in the pipeline: at the end of the TTIR stage, when functions are
    inlined and index arithmetic is canonical.
  }];
  let options = [
    Option<"threads", "threads", "int64_t", "128",
           "threads per CTA, which bound the elements one access can hold "
           "(default 128)">,
    Option<"maxOps", "max-ops", "int64_t", "512",
           "largest number of operations to duplicate (default 512)">,
  ];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::scf::SCFDialect"];
}

def GraftSwizzlePrograms : Pass<"graft-swizzle-programs", "mlir::ModuleOp"> {
  let summary = "Walk the grid of a matrix product in groups of rows";
  let description = [{
    The hardware starts programs in the order of their numbers, all `x` of one
    `y` and then the next `y`. Where a program multiplies what depends on one
    number with what depends on the other, the programs that run at the same
    time then share one factor and have as many others as they are: over a large
    grid these do not stay in the L2 cache. The pass gives each program the
    numbers of another place. Within a group of `group` rows of the grid, `y`
    changes from program to program, and `x` when all rows have had their turn.

    ```mlir
    // before
    %x = tt.get_program_id x : i32
    %y = tt.get_program_id y : i32
    // after, in 64-bit numbers, X and Y those of the hardware
    first  = Y / group * group
    place  = (Y - first) * num_programs(x) + X
    height = min(num_programs(y) - first, group)
    %x = place / height
    %y = first + place % height
    ```

    That is a bijection of the grid, whatever its size: a group has
    `height * num_programs(x)` places, and (`%x`, `%y`) lists them column by
    column as (X, Y) lists them row by row. The third dimension is left alone.

    Kernels taken: those with a `tt.dot` in a loop of which one factor depends
    on `x` alone and the other on `y` alone. So a kernel that groups its programs
    itself is not taken.

    The pass leaves the IR as it was, and says so in a remark, where a program
    could notice the order or the number of programs: atomics, `num_programs`,
    calls, `scf.while`, and assembly or library functions with side effects.

    Place in the pipeline: at the end of the TTIR stage, before
    graft-version-tiles.
  }];
  let options = [
    Option<"group", "group", "int64_t", "8",
           "rows of the grid in a group, from 1 to 1024 (default 8)">,
  ];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

#endif // GRAFT_TRANSFORMS_PASSES_TD
