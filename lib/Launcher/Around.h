//===- Around.h - Launches that call Python functions -----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Launch hooks are called before and after a launch, and an allocator makes the
// scratch memory of kernels that need some. What these functions do to the
// arguments counts, as they are read after them.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_AROUND_H
#define GRAFT_LAUNCHER_AROUND_H

#include "Loaded.h"
#include "Room.h"

namespace graft::launcher {

/// A launch that is all but done.
struct ReadyLaunch {
  const Loaded &loaded;
  const std::vector<Param> &params;
  PyObject *const *values; ///< of the parameters; borrowed
  PyObject *grid;          ///< as hooks see it
  Grid size;
  CUstream stream;
  int device;
  Room &room; ///< its call has been read from the values
};

/// Launches *ready* between the launch hooks, with scratch memory if it needs
/// some. Declined before anything was called, if it is Triton's launcher that
/// has to meet a descriptor. `Failed` has an exception set. Needs the GIL.
Outcome launchAround(const ReadyLaunch &ready);

/// Launches *ready* with nothing but the driver, *scratch* being the two
/// buffers. Returns false with an exception set. Needs the GIL.
bool launchReady(const ReadyLaunch &ready, CUdeviceptr scratch[2]);

/// Has Python launch *loaded* with *values*, a tuple of one for each parameter,
/// and call the launch hooks if *withHooks*. Returns false with an exception
/// set. Needs the GIL.
bool launchInPython(const Loaded &loaded, PyObject *grid, CUstream stream,
                    PyObject *values, bool withHooks);

/// Reads the pointers of *ready* again: code has run that may have moved them.
/// Descriptors were read before, and nothing else can change. Declined if a
/// value is no longer what it was. `Failed` has an exception set. Needs the
/// GIL.
Outcome readPointersAgain(const ReadyLaunch &ready);

/// The scratch memory of a launch, while it is under way.
class Scratch {
public:
  CUdeviceptr addresses[2] = {0, 0}; ///< the kernel's own, the profiler's

  /// Has Python allocate what *loaded* needs for a launch over *grid*. Returns
  /// false with an exception set. Needs the GIL.
  bool allocate(const Loaded &loaded, Grid grid, CUstream stream);
  /// Asks where that is. Returns false with an exception set. Needs the GIL.
  bool locate(const Plan &plan);

private:
  Ref owners; ///< a pair; null: nothing is needed
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_AROUND_H
