//===- Launch.h - From kernel[grid](...) to the launch ----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_LAUNCH_H
#define GRAFT_LAUNCHER_LAUNCH_H

#include "Given.h"
#include "KernelState.h"

namespace graft::launcher {

/// Launches *kernel*, of which *state* is known, as `kernel[grid](...)` does:
/// the fast way where it can, else Triton's. Returns a new reference to what
/// Triton returns, or null with an exception set. The caller holds *state*.
/// Needs the GIL.
PyObject *launch(KernelState &state, PyObject *kernel, PyObject *grid,
                 const Arguments &args);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_LAUNCH_H
