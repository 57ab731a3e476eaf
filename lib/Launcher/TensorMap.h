//===- TensorMap.h - Descriptors of tensors for the TMA ---------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TENSORMAP_H
#define GRAFT_LAUNCHER_TENSORMAP_H

#include "Cuda.h"
#include "Ref.h"

#include <cstdint>

namespace graft::launcher {

constexpr int MaxRank = 5; // CUDA Driver API, tensor map object management

/// Up to `MaxRank` numbers, innermost dimension first.
template <typename Number> struct Numbers {
  Number values[MaxRank] = {};
  int size = 0;
};

/// What both kinds of maps are made of.
struct MapRequest {
  unsigned long long address;
  int swizzle, elementSize, elementType, padding;
  Numbers<std::uint32_t> block;
  Numbers<std::uint64_t> shape;
  Numbers<std::uint64_t> strides; ///< in bytes, without the innermost
  PyObject *givenBlock, *givenShape, *givenStrides; ///< for errors; borrowed

  /// Takes *elements*, the strides but the innermost, in elements. Returns
  /// false with an exception set. Needs the GIL.
  bool setStrides(const Numbers<std::int64_t> &elements);
};

/// Makes a map of tiles. Returns false with an exception set. Needs the GIL.
bool encodeTiles(const MapRequest &request, CUtensorMap *map);

/// Reads the shape of a block from *given*, an iterable of ints. Returns false
/// with an exception set. Needs the GIL.
bool readBlock(PyObject *given, Numbers<std::uint32_t> &block);

/// Points *bytes* at the bytes of the CUtensorMap in *object*, valid as long as
/// it lives. Returns false with a TypeError set if it is no TensorMap.
bool tensorMapBytes(PyObject *object, const void **bytes);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TENSORMAP_H
