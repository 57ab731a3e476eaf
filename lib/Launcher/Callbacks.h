//===- Callbacks.h - The Python side of the launcher ------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_CALLBACKS_H
#define GRAFT_LAUNCHER_CALLBACKS_H

#include "Ref.h"

namespace graft::launcher {

/// What is left to Python (backend/callbacks.py and others).
struct Callbacks {
  Callback make;       ///< what launches an object
  Callback compile;    ///< has Triton compile and launch
  Callback finish;     ///< launches what needs more than the driver
  Callback subscript;  ///< `kernel[grid]` by Triton's own `run`
  Callback tune;       ///< has Triton tune and launch
  Callback describe;   ///< says what a configuration is now
  Callback goOn;       ///< goes on as Triton does where keywords are odd
  Callback refuse;     ///< raises for an argument of another specialisation
  Callback stillHolds; ///< whether a kernel is what would be compiled now
};

/// Never destroyed: the process may end after Python did.
extern Callbacks &callbacks;

/// Adds `set_callbacks` to *module*. Returns false with an exception set on
/// failure.
bool addCallbacks(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CALLBACKS_H
