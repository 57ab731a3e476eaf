//===- Compiled.h - Whether a compiled kernel is Triton's -------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Tools that record or forbid launches replace `run` or `launch_metadata` of
// Triton's class CompiledKernel, or `_run` of one kernel. What they put there
// is theirs to call, so such kernels are launched Triton's own way.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_COMPILED_H
#define GRAFT_LAUNCHER_COMPILED_H

#include "Ref.h"

namespace graft::launcher {

/// Takes the dict of the class CompiledKernel, and Triton's `run` and
/// `launch_metadata`, None for one that it does not have. Needs the GIL.
void setCompiledKernel(PyObject *dict, PyObject *run, PyObject *metadata);

/// Whether the class has these still. Returns 1, 0, or -1 with an exception
/// set. Needs the GIL.
int compiledKernelIsTritons();

/// What a launch by the driver alone takes for granted of one compiled kernel:
/// the values of its attributes.
struct CompiledAttributes {
  Ref dict, run, function, packedMetadata;

  /// Reads those of *compiled*. Returns false with an exception set.
  [[nodiscard]] bool read(PyObject *compiled);
  /// Whether they are as they were, and none is in the way of the class's.
  /// Returns 1, 0, or -1 with an exception set.
  int hold() const;
  int traverse(visitproc visit, void *arg) const {
    Py_VISIT(dict.get());
    Py_VISIT(run.get());
    return 0;
  }
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_COMPILED_H
