//===- Remarks.td ------------------------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_REMARKS_TD
#define GRAFT_TRANSFORMS_REMARKS_TD

include "mlir/Pass/PassBase.td"

def GraftRemarks : Pass<"graft-remarks", "mlir::ModuleOp"> {
  let summary = "Say how a kernel accesses memory, and what limits it";
  let description = [{
    Emits remarks about a kernel in TTGIR, and changes nothing. Each operation
    that accesses global memory, converts a layout or takes shared memory has a
    remark, at its place in your source. `graft explain` runs this pass and
    shows the remarks.

    #### Example

    ```text
    load of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1)
    async copy of f16: 8 elements (16 bytes) at once; in 1 loop
    layout conversion of 128x128xf16: through shared memory
    49152 bytes of shared memory for an operand of a dot product in 3 stages
    ```

    #### Accesses

    The width of an access is what one instruction of one thread moves, as
    Triton's lowering will choose it. For TMA it is the box that one instruction
    moves. 16 bytes are possible, but for scalars. If an access is narrower, the
    remark says why. The tightest bound comes first, and each has the number of
    elements that it allows:

    | limited by | means |
    |---|---|
    | mask alignment | so many neighbours are known to have the same mask |
    | contiguity | so many elements are known to lie side by side in memory |
    | pointer alignment | such runs are known to begin at multiples of so many elements |
    | elements per thread | the layout gives a thread no more neighbours, such as where there are fewer elements than threads could move |
    | operation | no atomic instruction takes more elements of this type |
    | shared memory layout | an async copy writes no more in one place |
    | contiguity hint | an async copy says itself how wide it may be |

    #### Conversions and shared memory

    A conversion stays within threads, goes from thread to thread within warps,
    or goes through shared memory. How much shared memory it takes is decided
    later, so no remark says that.

    Shared memory is that of allocations, with what they are for, and that of
    single operations while they run, such as `tt.reduce`. The sizes do not add
    up to what the kernel takes: what is not needed at the same time shares a
    place.

    It runs at the end of the TTGIR stage, for `graft explain` and at no other
    time.
  }];
  let options = [
    Option<"ptxVersion", "ptx-version", "int64_t", "90",
           "version of the PTX to be made, times ten, which bounds what "
           "instructions there are (default 90)">,
  ];
  let dependentDialects = ["mlir::scf::SCFDialect"];
}

#endif // GRAFT_TRANSFORMS_REMARKS_TD
