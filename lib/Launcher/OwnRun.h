//===- OwnRun.h - Whether an object's run is Triton's -----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_OWNRUN_H
#define GRAFT_LAUNCHER_OWNRUN_H

#include "Changes.h"
#include "Given.h"

#include <vector>

namespace graft::launcher {

/// Tells whether an object still has the `run` method that it was born with:
/// what somebody has put in its place is theirs to call.
struct OwnRun {
  Ref attributes;           ///< the object's dict
  std::vector<Ref> classes; ///< the dicts of its class and bases down to run's
  Ref run;                  ///< ours, which stands in for Triton's
  Ref original;             ///< Triton's, or None

  /// Adds the object's dict to *look*, and what else it reads. True without
  /// looking for who was *called by run*. Returns 1, 0, or -1 with an exception
  /// set. Needs the GIL.
  int holds(Look &look, bool calledByRun) const;
  int traverse(visitproc visit, void *arg) const;
};

/// Reads (attributes, classes, run). Returns false with an exception set.
bool readOwnRun(PyObject *item, OwnRun *ownRun);

/// What a launch depends on is looked at by who calls.
struct CheckedStates {
  CheckedState bySubscript, byRun;

  CheckedState &of(const Arguments &args) {
    return args.run ? byRun : bySubscript;
  }
  int traverse(visitproc visit, void *arg) const {
    if (int stop = bySubscript.traverse(visit, arg))
      return stop;
    return byRun.traverse(visit, arg);
  }
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_OWNRUN_H
