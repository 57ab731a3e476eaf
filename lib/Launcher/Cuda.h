//===- Cuda.h - The CUDA driver as a table of functions ---------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The driver's library is opened when it is first needed and never linked, so
// the extension loads on machines that have none.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_CUDA_H
#define GRAFT_LAUNCHER_CUDA_H

#include "cuda.h"

namespace graft::launcher {

// What every supported driver has, and what only newer ones have. Triton 3.9
// runs on drivers since CUDA 11; these lists are the only place to add a name.
#define GRAFT_CUDA_REQUIRED(X)                                                 \
  X(cuCtxGetCurrent)                                                           \
  X(cuCtxGetDevice)                                                            \
  X(cuCtxGetLimit)                                                             \
  X(cuCtxSetCurrent)                                                           \
  X(cuCtxSetLimit)                                                             \
  X(cuDeviceGet)                                                               \
  X(cuDeviceGetAttribute)                                                      \
  X(cuDeviceGetCount)                                                          \
  X(cuDevicePrimaryCtxRelease)                                                 \
  X(cuDevicePrimaryCtxRetain)                                                  \
  X(cuDriverGetVersion)                                                        \
  X(cuFuncGetAttribute)                                                        \
  X(cuFuncSetAttribute)                                                        \
  X(cuFuncSetCacheConfig)                                                      \
  X(cuGetErrorName)                                                            \
  X(cuGetErrorString)                                                          \
  X(cuInit)                                                                    \
  X(cuModuleGetFunction)                                                       \
  X(cuModuleLoadData)                                                          \
  X(cuModuleUnload)                                                            \
  X(cuPointerGetAttribute)                                                     \
  X(cuStreamIsCapturing)                                                       \
  X(cuThreadExchangeStreamCaptureMode)
#define GRAFT_CUDA_OPTIONAL(X)                                                 \
  X(cuLaunchKernelEx)                                                          \
  X(cuOccupancyMaxActiveClusters)                                              \
  X(cuTensorMapEncodeIm2col)                                                   \
  X(cuTensorMapEncodeTiled)

/// The functions of the driver. Those of GRAFT_CUDA_OPTIONAL may be null:
/// `requireCuda` says so in words.
struct Cuda {
#define GRAFT_CUDA_MEMBER(name) decltype(&::name) name = nullptr;
  GRAFT_CUDA_REQUIRED(GRAFT_CUDA_MEMBER)
  GRAFT_CUDA_OPTIONAL(GRAFT_CUDA_MEMBER)
#undef GRAFT_CUDA_MEMBER
};

/// The driver's functions, opened by the first call. Returns null with an
/// exception set if there is no driver or it lacks a function. Needs the GIL.
const Cuda *cuda();

/// Returns *present*, whether the function called *name* is there; if not, an
/// exception says so. Needs the GIL.
bool requireCuda(bool present, const char *name);

/// Sets the exception for *call*, which returned *code*; *detail* (may be null)
/// says what it was given, *what* (ends in ": ") what was to be done. Needs the
/// GIL.
void raiseCuda(const char *call, CUresult code, const char *detail = nullptr,
               const char *what = "");

/// Makes the primary context of *device* current if this thread has no context.
/// Returns false with an exception set on failure. Needs the GIL.
bool ensureContext(int device);

/// A sequence of driver calls that stops at the first failure and remembers it.
/// Needs the GIL for `raise` alone, so the calls can run without it.
class CudaCalls {
public:
  /// Whether *code*, the result of *call*, is success and every one before was.
  bool operator()(const char *call, CUresult code) {
    if (failedCode == CUDA_SUCCESS && code != CUDA_SUCCESS) {
      failedCall = call;
      failedCode = code;
    }
    return failedCode == CUDA_SUCCESS;
  }
  bool failed() const { return failedCode != CUDA_SUCCESS; }
  /// Sets the exception for the call that failed; *detail* as in `raiseCuda`.
  void raise(const char *detail = nullptr) const {
    raiseCuda(failedCall, failedCode, detail);
  }

private:
  const char *failedCall = nullptr;
  CUresult failedCode = CUDA_SUCCESS;
};

/// Makes the primary context of *device* current if this thread has none, as a
/// part of *calls*. Needs no GIL.
bool ensureContext(const Cuda &cuda, CudaCalls &calls, int device);

/// Makes the primary context of *device* current, as a part of *calls*. The
/// process holds it from then on, once. Needs no GIL.
bool usePrimaryContext(const Cuda &cuda, CudaCalls &calls, int device);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CUDA_H
