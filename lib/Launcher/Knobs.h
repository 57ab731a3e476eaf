//===- Knobs.h - Triton's knobs, as a launch reads them ---------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_KNOBS_H
#define GRAFT_LAUNCHER_KNOBS_H

#include "Call.h"

namespace graft::launcher {

/// The knobs that choose a variant, as they were when they were read.
struct Knobs {
  bool debug = false;
  Ref instrumentation; ///< a str
  bool homomorphicCasts = false;
};

/// Reads the knobs. Declined, with the reason in *reason*, if one has a value
/// that the fast path does not take. Needs the GIL.
Outcome readKnobs(Knobs *knobs, Reason *reason);

/// Whether a launch hook is set that would do something. Returns 1, 0, or -1
/// with an exception set. *codeHasRun*: whether Python code has run since
/// `readKnobs`. Needs the GIL.
int launchHooksDoSomething(bool codeHasRun);

/// Whether *hook*, which is None, a chain of functions or a function, would do
/// something. Returns 1, 0, or -1 with an exception set. Needs the GIL.
int launchHookDoesSomething(PyObject *hook);

/// Writes the launch hooks as they are now. Returns false with an exception
/// set. Needs the GIL.
bool readLaunchHooks(Ref *enter, Ref *exit);

/// Takes the module `triton.knobs` and its class `HookChain`. Returns false
/// with an exception set. Needs the GIL.
bool setKnobs(PyObject *module, PyObject *chainType);

/// Makes the names of the knobs. Returns false with an exception set.
bool addKnobs(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_KNOBS_H
