//===- Launcher.h - What the launcher's files share -------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The launcher is the extension module
// `triton.backends.graft.launch._launcher`. It is compiled against CPython's
// full interface or its stable one (Py_LIMITED_API), so only what both have is
// used. One file per concept; each adds its own names to the module (Module.cpp
// calls them all).
//
// Unless a comment says otherwise, a function needs the GIL and reports failure
// with a Python exception set.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_LAUNCHER_H
#define GRAFT_LAUNCHER_LAUNCHER_H

#include "Ref.h"

namespace graft::launcher {

/// Lets other Python threads run while this scope touches no Python object.
class WithoutGil {
public:
  /// Does nothing if not *wanted*.
  explicit WithoutGil(bool wanted = true)
      : state(wanted ? PyEval_SaveThread() : nullptr) {}
  WithoutGil(const WithoutGil &) = delete;
  WithoutGil &operator=(const WithoutGil &) = delete;
  ~WithoutGil() {
    if (state)
      PyEval_RestoreThread(state);
  }

private:
  PyThreadState *state;
};

/// The pointer that a method table holds for *function*, whatever calling
/// convention its flags name.
template <typename Function> PyCFunction method(Function *function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

/// Calls *callable* with *argument*. Returns a new reference, or null with an
/// exception set. Borrows both.
inline PyObject *callOne(PyObject *callable, PyObject *argument) {
  return PyObject_Vectorcall(callable, &argument, 1, nullptr);
}

/// Adds `load_binary`, `get_current_device` and the other device utilities to
/// *module*. Returns false with an exception set on failure.
bool addDevice(PyObject *module);

/// Adds `set_triton` to *module*. Returns false with an exception set on
/// failure.
bool addTriton(PyObject *module);

/// Adds `set_errors` to *module*. Returns false with an exception set on
/// failure.
bool addErrors(PyObject *module);

/// Adds the type `TensorMap` and the functions that fill one to *module*.
/// Returns false with an exception set on failure.
bool addTensorMap(PyObject *module);

/// Adds the type that launches kernels to *module*. Returns false with an
/// exception set on failure.
bool addDispatcher(PyObject *module);

/// Adds what launches autotuned kernels to *module*. Returns false with an
/// exception set on failure.
bool addTuner(PyObject *module);

/// Adds what launches kernels with heuristics to *module*. Returns false with
/// an exception set on failure.
bool addHeuristic(PyObject *module);

/// Adds what launches with most arguments fixed to *module*. Returns false with
/// an exception set on failure.
bool addFrozen(PyObject *module);

/// Adds the type of `kernel[grid]` to *module*. Returns false with an exception
/// set on failure.
bool addSubscript(PyObject *module);

/// Adds what calls functions of the host's to *module*. Returns false with an
/// exception set on failure.
bool addHostFunction(PyObject *module);

/// Adds what checks tensor descriptors to *module*. Returns false with an
/// exception set on failure.
bool addDescriptorCheck(PyObject *module);

/// Adds what has `run` of kernels launch natively to *module*. Returns false
/// with an exception set on failure.
bool addRun(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_LAUNCHER_H
