//===- Words.h - What words are about ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_WORDS_H
#define GRAFT_LAUNCHER_WORDS_H

#include "Arrays.h"

#include <cstring>

namespace graft::launcher {

/// What a word is about; its lowest byte. The rest are details.
enum Tag : uint64_t {
  TagNone = 1,
  TagBool,
  TagFloat,
  TagInt,
  TagPointer,
  TagUnread, // the annotation alone decides
  TagTuple,
  TagTupleType,
  TagDescriptor,
  TagConstNone,
  TagConstTrue,
  TagConstFalse,
  TagConstInt,
  TagConstFloat,
  TagConstObject,
  TagConstIdentity,
  TagConstTuple,
  TagConstWrapped,
};

inline uint64_t bitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// Appends what there is to say about the pointer *array*.
inline void addPointer(Call &call, const Array &array, const Param &param) {
  bool divisible = param.rule == Rule::Specialized && param.align &&
                   (array.address & 15) == 0;
  call.word(TagPointer | static_cast<uint64_t>(divisible) << 8 |
            array.dtype << 16);
  if (array.foreign && array.address != 0)
    call.foreign[call.numForeign++] = static_cast<uint16_t>(call.numLeaves);
  call.leaf(Leaf::Pointer, array.address);
}

/// Reads *value* into *call* if it is a torch tensor as proven, for a parameter
/// that takes pointers: what most arguments are. Returns whether it is. Borrows
/// *value*; needs the GIL.
inline bool readTensorArgument(Call &call, PyObject *value,
                               const Param &param) {
  Array array;
  bool takesPointers =
      param.rule == Rule::Specialized || param.rule == Rule::Typed;
  if (!takesPointers || !call.fits(1) || !readKnownTensor(value, &array))
    return false;
  addPointer(call, array, param);
  return true;
}

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_WORDS_H
