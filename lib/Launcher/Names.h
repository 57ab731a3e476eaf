//===- Names.h - Interned names ---------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_NAMES_H
#define GRAFT_LAUNCHER_NAMES_H

#include "Ref.h"

#include <initializer_list>
#include <utility>

namespace graft::launcher {

/// Interned names that several files use. Made when the module is.
struct Names {
  PyObject *run, *debug, *preRunHooks, *usedGlobals, *grid, *warmup, *value,
      *bestConfig, *dataPtr, *dtype, *launchMetadata, *ownRun, *function,
      *packedMetadata, *fn, *argNames;
};
extern Names names;

/// Interns each text into its slot, which owns it from then on. Returns false
/// with an exception set on failure.
bool internNames(
    std::initializer_list<std::pair<PyObject **, const char *>> all);

/// Makes them. Returns false with an exception set on failure.
bool addNames(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_NAMES_H
