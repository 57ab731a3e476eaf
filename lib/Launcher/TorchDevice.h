//===- TorchDevice.h - PyTorch's current device -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TORCHDEVICE_H
#define GRAFT_LAUNCHER_TORCHDEVICE_H

namespace graft::launcher {

/// PyTorch's `c10::cuda::current_device`: its DeviceIndex is one signed byte.
using TorchDevice = signed char (*)();

/// Finds the function if PyTorch's library is loaded and has it, else null.
/// Needs no GIL.
TorchDevice findTorchDevice();

/// The device that *function* gives, or -1 if it throws. Needs no GIL.
int askTorchDevice(TorchDevice function);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TORCHDEVICE_H
