//===- Descriptors.h - Descriptors of tensors as arguments ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A descriptor is an object of Triton's class TensorDescriptor, or of Gluon's:
// a tensor with a shape, strides, the shape of a block, and in Gluon a layout.
// A kernel takes a tensor map that is made from it, then its shape and its
// strides.
//
// As in Triton, its dtype, block and layout tell variants apart, and all else
// is read once the variant is known and the grid computed.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_DESCRIPTORS_H
#define GRAFT_LAUNCHER_DESCRIPTORS_H

#include "Plan.h"

namespace graft::launcher {

/// Appends to *call* what there is to say about *value*, which `readArray` has
/// declined, with leaves for map, shape and strides. Declined if it is no
/// descriptor, or an odd one. Borrows *value*. `Failed` has an exception set.
/// Needs the GIL.
Outcome readDescriptor(Call &call, PyObject *value);

/// Makes the map of the descriptor number *index* of *call* in *map*, as *plan*
/// says, and fills its leaves. Notes in *call* if code of the program's had to
/// tell an address. Declined if it is not as Triton makes them. `Failed` has an
/// exception set. Needs the GIL.
Outcome fillDescriptor(const MapPlan &plan, Call &call, unsigned index,
                       CUtensorMap *map);

/// Does so for all descriptors of *call*, in order.
Outcome fillDescriptors(const Plan &plan, Call &call, CUtensorMap *maps);

/// Reads a list or tuple of ints, the outermost dimension first. Returns
/// whether it is one, of up to `MaxRank` that fit in 64 bits; runs no code.
/// Borrows *sequence*. Needs the GIL.
bool readInts(PyObject *sequence, Numbers<std::int64_t> *out);

/// The names of a descriptor's attributes.
struct DescriptorNames {
  PyObject *base, *shape, *strides, *block, *layout, *padding, *roundsToTf32,
      *lower, *upper, *steps;
};
extern DescriptorNames descriptorNames;

/// Adds nothing to the module, but makes the names of what is read. Returns
/// false with an exception set.
bool addDescriptors(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_DESCRIPTORS_H
