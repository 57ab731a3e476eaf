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

#endif // GRAFT_TRANSFORMS_REMARKS_TD
