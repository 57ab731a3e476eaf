//===- KernelState.h - What is known of a kernel that is launched *- C++
//-*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_KERNELSTATE_H
#define GRAFT_LAUNCHER_KERNELSTATE_H

#include "CallShape.h"
#include "OwnRun.h"
#include "UsedGlobals.h"
#include "Variant.h"

#include <memory>
#include <vector>

namespace graft::launcher {

/// What is known of one kernel, as long as it lives.
struct KernelState {
  const Variant *warm = nullptr; ///< the variant that `warmUp` knows; no owner
  OwnRun ownRun;
  Ref caches; ///< the kernel's device_caches while our driver is active
  std::vector<Param> params;
  Shapes<CallShape> shapes;
  std::vector<std::unique_ptr<DeviceTable>> tables; ///< by device

  CheckedStates checked; ///< whether *ownRun* and what follows still hold
  Ref debug, preRunHooks, usedGlobals;

  Shared<UsedGlobals> globals;

  /// How many variants are known, over all devices.
  size_t numVariants() const;
  int traverse(visitproc visit, void *arg) const;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_KERNELSTATE_H
