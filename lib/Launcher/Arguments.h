//===- Arguments.h - Reading the arguments of a launch ----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_ARGUMENTS_H
#define GRAFT_LAUNCHER_ARGUMENTS_H

#include "Call.h"

namespace graft::launcher {

/// Reads *value*, the argument for *param*, into *call*. Borrows *value*.
/// `Failed` has an exception set. Needs the GIL.
Outcome readArgument(Call &call, PyObject *value, const Param &param);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_ARGUMENTS_H
