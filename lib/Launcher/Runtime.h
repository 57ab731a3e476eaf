//===- Runtime.h - What a launch reads of its surroundings ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
// The current device and stream, and whether our driver is the active one.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_RUNTIME_H
#define GRAFT_LAUNCHER_RUNTIME_H

#include "Arguments.h"
#include "Cuda.h"

namespace graft::launcher {

/// Whether launches go the fast way: our driver is the active one.
extern bool active;

/// Writes the current device's number. Returns false with an exception set.
/// Needs the GIL.
bool currentDevice(int *device);

/// Writes the stream that work for *device* goes to. Returns false with an
/// exception set. Needs the GIL.
bool currentStream(int device, CUstream *stream);

/// The Python integer for *device*. Borrowed; null with an exception set. Needs
/// the GIL.
PyObject *deviceNumber(int device);

/// Adds `activate`, `deactivate` and what they need to *module*. Returns false
/// with an exception set on failure.
bool addRuntime(PyObject *module);

/// The dict of *object*'s attributes, or an empty reference if it has none; no
/// exception is set. Needs the GIL.
Ref attributesOf(PyObject *object);

/// Looks an interned *name* up in a dict. Borrowed, or null; no exception is
/// set.
inline PyObject *lookup(PyObject *dict, PyObject *name) {
  return PyDict_GetItemWithError(dict, name);
}

/// Interned names that several files use. Made when the module is.
struct Names {
  PyObject *run, *debug, *preRunHooks, *usedGlobals, *grid, *warmup,
      *launchMetadata, *value, *bestConfig, *nargs;
};
extern Names names;

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_RUNTIME_H
