//===- Descriptors.h - Descriptors of tensors as arguments ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A descriptor is an object of Triton's class TensorDescriptor: a tensor with a
// shape, strides and the shape of a block. A kernel takes a tensor map that is
// made from it, then its shape and its strides.
//
// As in Triton, its dtype and its block tell variants apart, and all else is
// read once the variant is known and the grid computed.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_DESCRIPTORS_H
#define GRAFT_LAUNCHER_DESCRIPTORS_H

#include "Plan.h"

namespace graft::launcher {

/// Appends to *call* what there is to say about the descriptor *value*, with
/// leaves for its map, shape and strides. Borrows *value*. `Failed` has an
/// exception set. Needs the GIL.
Outcome readDescriptor(Call &call, PyObject *value);

/// Makes the maps of *call*'s descriptors in *maps* and fills their leaves.
/// Declined if one is not as Triton makes them. `Failed` has an exception set.
/// Needs the GIL.
Outcome fillDescriptors(const Plan &plan, Call &call, CUtensorMap *maps);

/// Adds nothing to the module, but makes the names of what is read. Returns
/// false with an exception set.
bool addDescriptors(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_DESCRIPTORS_H
