//===- Grid.h - How many programs a launch has ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_GRID_H
#define GRAFT_LAUNCHER_GRID_H

#include "Call.h"

namespace graft::launcher {

/// A grid, in CTA clusters per dimension.
struct Grid {
  int size[3];
  /// Whether there is nothing to launch: whether the product of the dimensions,
  /// which need not fit an int, is zero or negative.
  bool empty() const {
    bool negative = (size[0] < 0) ^ (size[1] < 0) ^ (size[2] < 0);
    return negative || size[0] == 0 || size[1] == 0 || size[2] == 0;
  }
};

/// Reads a grid of one to three integers. Declined if it is anything else.
/// Borrows *object*. Needs the GIL.
Outcome readGrid(PyObject *object, Grid *grid);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_GRID_H
