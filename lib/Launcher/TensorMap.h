//===- TensorMap.h - Descriptors of tensors for the TMA ---------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TENSORMAP_H
#define GRAFT_LAUNCHER_TENSORMAP_H

#include "Cuda.h"
#include "Ref.h"

#include <algorithm>
#include <cstdint>
#include <memory>

namespace graft::launcher {

constexpr int MaxRank = 5; // CUDA Driver API, tensor map object management

/// Up to `MaxRank` numbers, innermost dimension first.
template <typename Number> struct Numbers {
  Number values[MaxRank] = {};
  int size = 0;

  bool operator==(const Numbers &other) const {
    return size == other.size &&
           std::equal(values, values + size, other.values);
  }
};

/// What a map is made of that another launch may have otherwise.
struct MapContent {
  unsigned long long address = 0;
  int elementType = 0, padding = 0;
  Numbers<std::uint64_t> shape;
  Numbers<std::uint64_t> strides; ///< in bytes, without the innermost
  // Of convolutions alone. The pixel box spans what is neither the batch nor
  // the channels.
  Numbers<int> lower, upper;
  Numbers<std::uint32_t> steps;

  bool operator==(const MapContent &other) const {
    return address == other.address && elementType == other.elementType &&
           padding == other.padding && shape == other.shape &&
           strides == other.strides && lower == other.lower &&
           upper == other.upper && steps == other.steps;
  }
};

/// What both kinds of maps are made of.
struct MapRequest : MapContent {
  bool isIm2col = false; ///< for a convolution: *block* is (pixels, channels)
  int swizzle = 0, elementSize = 0;
  Numbers<std::uint32_t> block;
  PyObject *givenBlock, *givenShape, *givenStrides; ///< for errors; borrowed

  /// Takes *elements*, the strides but the innermost, in elements. Returns
  /// false with an exception set. Needs the GIL.
  bool setStrides(const Numbers<std::int64_t> &elements);
};

/// Makes a map. Returns false with an exception set. Needs the GIL.
bool encode(const MapRequest &request, CUtensorMap *map);

/// The maps made last for one descriptor of a kernel: most launches give one
/// that was given before. What another launch may replace is to be copied.
class KeptMaps {
public:
  /// The map of *content*, or null.
  const CUtensorMap *find(const MapContent &content) const;
  void keep(const MapContent &content, const CUtensorMap &map);

private:
  struct Kept {
    MapContent content;
    CUtensorMap map;
  };
  static constexpr std::size_t Size = 16; ///< a power of two
  static std::size_t placeOf(const MapContent &content);

  std::unique_ptr<Kept[]> all; ///< none before the first
};

/// Reads the shape of a block from *given*, an iterable of ints. Returns false
/// with an exception set. Needs the GIL.
bool readBlock(PyObject *given, Numbers<std::uint32_t> &block);

/// Points *bytes* at the bytes of the CUtensorMap in *object*, valid as long as
/// it lives. Returns false with a TypeError set if it is no TensorMap.
bool tensorMapBytes(PyObject *object, const void **bytes);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TENSORMAP_H
