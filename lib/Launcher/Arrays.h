//===- Arrays.h - Address and dtype of array arguments ----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
// Four ways, the first that fits: torch's tensors by their layout in memory
// where that was proven, the C interface of DLPack, and the `data_ptr` and
// `dtype` of any other object.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_ARRAYS_H
#define GRAFT_LAUNCHER_ARRAYS_H

#include "Call.h"
#include "DLPack.h"
#include "TorchLayout.h"

namespace graft::launcher {

/// What a launch needs to know about an array.
struct Array {
  uint64_t address; ///< of the first element, in bytes
  uint64_t dtype;   ///< a number for the element type, below 2^48
  bool foreign;     ///< perhaps not memory of a CUDA device
};

/// Reads *value* into *out*. `Declined` if it is no array. Borrows *value*.
/// Needs the GIL.
Outcome readArray(PyObject *value, Array *out);

/// Writes the number of the dtype of *array*, as `readArray` has it. Declined
/// if it has none. Borrows *array*. Needs the GIL.
Outcome readDtype(PyObject *array, uint64_t *number);

/// Which class of tensor descriptors a type is: none, Triton's, Gluon's, which
/// has a layout, too, or Gluon's for convolutions.
enum class DescriptorClass : uint8_t { None, Tritons, Gluons, Im2Col };

/// Which one *type* is, which `readArray` declined last.
DescriptorClass descriptorClass(PyTypeObject *type);

/// What is known of torch in this process.
struct KnownTorch {
  bool layoutProven = false;
  TorchLayout layout;
  /// Its own array types, torch.Tensor first; owned, null without torch.
  PyTypeObject *types[2] = {nullptr, nullptr};
};
extern KnownTorch knownTorch;

/// Reads *value* if it is a torch tensor as proven: what most arguments are.
/// Returns whether it is. Borrows *value*; needs the GIL.
inline bool readKnownTensor(PyObject *value, Array *out) {
  TorchTensor tensor;
  if (Py_TYPE(value) != knownTorch.types[0] || !knownTorch.layoutProven ||
      !readTorchTensor(knownTorch.layout, value, &tensor))
    return false;
  out->address = tensor.address;
  out->dtype = tensor.dtype; // other sources' numbers are larger
  out->foreign = tensor.deviceType != TorchDeviceCUDA;
  return true;
}

/// Has the memory of torch's tensors among *values* on its way, so that reading
/// one does not wait for the next. Borrows *values*; needs the GIL.
void prefetchArrays(PyObject *const *values, size_t number);

/// Writes the exchange interface that *type* has, or null. Returns false with
/// an exception set that is not ours to drop.
[[nodiscard]] bool exchangeAPI(PyObject *type, const dlpack::ExchangeAPI **api);

/// Whether arrays were seen that only DLPack can read.
bool foreignArraysKnown();

/// Adds `set_torch` and what it goes with to *module*. Returns false with an
/// exception set on failure.
bool addArrays(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_ARRAYS_H
