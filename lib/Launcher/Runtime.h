//===- Runtime.h - What a launch reads of its surroundings ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
// The current device and stream, and whether our driver is the active one.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_RUNTIME_H
#define GRAFT_LAUNCHER_RUNTIME_H

#include "Cuda.h"
#include "DLPack.h"
#include "Ref.h"
#include "TorchDevice.h"

namespace graft::launcher {

/// Whether launches go the fast way: our driver is the active one.
extern bool active;

/// Where the current device and stream come from. Each has a fast source, which
/// may be missing, and the driver's Python function.
struct Sources {
  bool ownDevice = false; ///< the driver's function is ours: ask CUDA
  bool ownStream = false; ///< the driver's, too: the default stream
  /// PyTorch is asked, and there is one device: it is the current one always.
  bool onlyDevice = false;
  TorchDevice torchDevice = nullptr; ///< asked through `askTorchDevice`
  const dlpack::ExchangeAPI *torchStream = nullptr;
  Callback getDevice, getStream;
};
extern Sources &sources;

/// `currentDevice` and `currentStream` where there is no faster way.
bool askForDevice(int *device);
bool askForStream(int device, CUstream *stream);

/// Sees to it that an exception is set; returns false.
[[gnu::cold]] bool raiseNoStream();

/// Writes the current device's number. Returns false with an exception set.
/// Needs the GIL.
inline bool currentDevice(int *device) {
  *device = 0;
  return sources.onlyDevice || askForDevice(device);
}

/// Writes the stream that work for *device* goes to. Returns false with an
/// exception set. Needs the GIL.
inline bool currentStream(int device, CUstream *stream) {
  if (!sources.torchStream)
    return askForStream(device, stream);
  void *current = nullptr;
  int failed =
      sources.torchStream->currentStream(dlpack::DeviceCUDA, device, &current);
  *stream = static_cast<CUstream>(current);
  return failed == 0 || raiseNoStream();
}

/// The Python integer for *device*. A new reference, or an empty one with an
/// exception set. Needs the GIL.
Ref deviceNumber(int device);

/// Adds `activate`, `deactivate` and what they need to *module*. Returns false
/// with an exception set on failure.
bool addRuntime(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_RUNTIME_H
