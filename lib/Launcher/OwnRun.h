//===- OwnRun.h - Whether an object's run is Triton's -----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_OWNRUN_H
#define GRAFT_LAUNCHER_OWNRUN_H

#include "Changes.h"

#include <vector>

namespace graft::launcher {

/// Tells whether an object still has the `run` method that it was born with:
/// what somebody has put in its place is theirs to call.
struct OwnRun {
  Ref attributes;           ///< the object's dict
  std::vector<Ref> classes; ///< the dicts of its class and bases down to run's
  Ref run;                  ///< Triton's

  /// Adds the dicts that it reads to *look*. Returns 1, 0, or -1 with an
  /// exception set. Needs the GIL.
  int holds(Look &look) const;
  int traverse(visitproc visit, void *arg) const;
};

/// Reads (attributes, classes, run). Returns false with an exception set.
bool readOwnRun(PyObject *item, OwnRun *ownRun);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_OWNRUN_H
