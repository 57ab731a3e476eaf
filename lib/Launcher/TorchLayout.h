//===- TorchLayout.h - torch's tensors by where they lie --------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Reads address, dtype and device of a torch tensor out of memory, at offsets
// that backend/launch/torch_layout.py has proven for the torch of this process.
// It says what a layout is, how it is found, and which tensors are not read
// this way.
//
//   PyObject --tensorImpl--> TensorImpl --storageImpl--> StorageImpl
//                            keys, offset, numel,        data, check
//                            dtype, device
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TORCHLAYOUT_H
#define GRAFT_LAUNCHER_TORCHLAYOUT_H

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace graft::launcher {

/// torch's numbers of device types.
constexpr int8_t TorchDeviceCPU = 0;
constexpr int8_t TorchDeviceCUDA = 1;

/// `Layout` of backend/launch/torch_layout.py, byte for byte as its `pack()`
/// gives it.
struct TorchLayout {
  static constexpr size_t MaxWords = 8;
  static constexpr size_t MaxDtypes = 64;

  /// The dispatch keys of plain dense tensors, the most frequent first, and the
  /// device type that each of them means.
  uint64_t words[MaxWords];
  int8_t deviceTypes[MaxWords];
  // Offsets in bytes: one in the Python object, six in the TensorImpl, two in
  // the StorageImpl.
  uint16_t tensorImpl;
  uint16_t keySet, storageImpl, storageOffset, numel, dtype, device;
  uint16_t data, dataCheck;
  uint16_t wordCount;
  /// In bytes, by dtype; 0 where no dtype has that number.
  uint8_t itemsizes[MaxDtypes];
  uint8_t padding[4];
};
static_assert(sizeof(TorchLayout) == 160, "as Layout.pack() writes it");
static_assert(offsetof(TorchLayout, tensorImpl) == 72 &&
                  offsetof(TorchLayout, itemsizes) == 92,
              "as Layout.pack() writes it");

/// What a launch needs to know about a tensor.
struct TorchTensor {
  uint64_t address;   ///< what its `data_ptr()` returns
  uint16_t dtype;     ///< an index into `Layout.dtypes`
  int8_t deviceType;  ///< TorchDeviceCPU, TorchDeviceCUDA
  int8_t deviceIndex; ///< -1: none
};

/// Copies what `Layout.pack()` gave, *size* bytes, to *layout*. Returns false
/// if it cannot be that. Touches no Python object.
inline bool unpackTorchLayout(const void *bytes, size_t size,
                              TorchLayout *layout) {
  if (size != sizeof(TorchLayout))
    return false;
  std::memcpy(layout, bytes, size);
  return layout->wordCount <= TorchLayout::MaxWords;
}

namespace detail {

/// The *Field* that lies *offset* bytes behind *object*.
template <typename Field> Field fieldAt(const void *object, uint16_t offset) {
  Field field;
  std::memcpy(&field, static_cast<const char *>(object) + offset, sizeof field);
  return field;
}

} // namespace detail

/// Reads *tensor*, whose type must be one of `Layout.types` and no subclass.
/// Returns false, with no exception set, if anything about it is not as proven:
/// then *out* is undefined and `data_ptr()` has to be asked. Calls nothing and
/// changes nothing; borrows *tensor*; needs the GIL.
inline bool readTorchTensor(const TorchLayout &layout, PyObject *tensor,
                            TorchTensor *out) {
  using detail::fieldAt;
  const auto *impl = fieldAt<const void *>(tensor, layout.tensorImpl);
  // The keys come first: they say that the fields below mean what they say.
  auto word = fieldAt<uint64_t>(impl, layout.keySet);
  size_t kind = 0;
  if (layout.words[0] != word) // the most frequent one
    while (kind < layout.wordCount && layout.words[kind] != word)
      ++kind;
  if (kind == layout.wordCount)
    return false;

  const auto *storage = fieldAt<const void *>(impl, layout.storageImpl);
  auto dtype = fieldAt<uint16_t>(impl, layout.dtype);
  if (!storage || dtype >= TorchLayout::MaxDtypes)
    return false;
  uint8_t itemsize = layout.itemsizes[dtype];
  auto deviceType = fieldAt<int8_t>(impl, layout.device);
  auto check = fieldAt<uint8_t>(storage, layout.dataCheck);
  if (itemsize == 0 || check != 0 || deviceType != layout.deviceTypes[kind])
    return false;

  // Unsigned, as the product may wrap for a tensor without elements.
  auto offset = fieldAt<uint64_t>(impl, layout.storageOffset);
  auto numel = fieldAt<int64_t>(impl, layout.numel);
  auto data = fieldAt<uint64_t>(storage, layout.data);
  out->address = numel == 0 ? 0 : data + offset * itemsize;
  out->dtype = dtype;
  out->deviceType = deviceType;
  out->deviceIndex = fieldAt<int8_t>(impl, layout.device + 1);
  return true;
}

/// Has what `readTorchTensor` reads of the TensorImpl of *tensor* on its way.
inline void prefetchTorchTensor(const TorchLayout &layout, PyObject *tensor) {
  const auto *impl = detail::fieldAt<const char *>(tensor, layout.tensorImpl);
  __builtin_prefetch(impl + layout.keySet);
  __builtin_prefetch(impl + layout.storageImpl);
  __builtin_prefetch(impl + layout.numel);
  __builtin_prefetch(impl + layout.device);
}

/// The same for its StorageImpl, with the TensorImpl at hand.
inline void prefetchTorchStorage(const TorchLayout &layout, PyObject *tensor) {
  const auto *impl = detail::fieldAt<const char *>(tensor, layout.tensorImpl);
  const auto *storage = detail::fieldAt<const char *>(impl, layout.storageImpl);
  __builtin_prefetch(storage + layout.data);
  __builtin_prefetch(storage + layout.dataCheck);
}

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TORCHLAYOUT_H
