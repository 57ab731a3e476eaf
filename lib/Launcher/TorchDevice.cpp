//===- TorchDevice.cpp - PyTorch's current device -------------------------===//
//
// SPDX-License-Identifier: MIT
//
// PyTorch knows the current device better than the driver does: it may have put
// off making one current. Its function throws where CUDA is in a bad state, so
// this file is compiled with exceptions.
//
//===----------------------------------------------------------------------===//

#include "TorchDevice.h"

#include <dlfcn.h>

using namespace graft::launcher;

TorchDevice graft::launcher::findTorchDevice() {
  void *library = dlopen("libc10_cuda.so", RTLD_LAZY | RTLD_NOLOAD);
  if (!library)
    return nullptr;
  // c10::cuda::current_device()
  void *function = dlsym(library, "_ZN3c104cuda14current_deviceEv");
  dlclose(library); // PyTorch keeps it
  return reinterpret_cast<TorchDevice>(function);
}

int graft::launcher::askTorchDevice(TorchDevice function) {
  try {
    return function();
  } catch (...) {
    return -1;
  }
}
