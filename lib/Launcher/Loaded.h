//===- Loaded.h - A kernel that is compiled and loaded ----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_LOADED_H
#define GRAFT_LAUNCHER_LOADED_H

#include "Plan.h"

namespace graft::launcher {

/// What Python says of a kernel that is loaded for one device. It owns the
/// kernel that Triton compiled, and with it the module.
struct Loaded {
  Ref compiled;
  Ref kernelCache,
      key; ///< where Triton keeps it; gone from there, it is not used
  Ref planOwner;
  LaunchConfig config;
  bool direct = false; ///< whether it can be launched from here
  Ref allocate;        ///< makes its scratch memory; null: it needs none

  /// Reads (compiled, kernel_cache, key, plan, function, num_warps, num_ctas,
  /// shared, direct, allocate), as the compile callback has it. Returns false
  /// with an exception set. Borrows *facts*; needs the GIL.
  bool read(PyObject *facts);

  /// Of one that was read.
  const Plan &plan() const {
    return *reinterpret_cast<const Plan *>(planOwner.get());
  }
  int traverse(visitproc visit, void *arg) const {
    for (const Ref *object :
         {&compiled, &kernelCache, &key, &planOwner, &allocate})
      Py_VISIT(object->get());
    return 0;
  }
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_LOADED_H
