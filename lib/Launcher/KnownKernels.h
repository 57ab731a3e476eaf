//===- KnownKernels.h - Which object launches which kernel ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_KNOWNKERNELS_H
#define GRAFT_LAUNCHER_KNOWNKERNELS_H

#include "Given.h"
#include "Parts.h"

#include <cstddef>
#include <iterator>

namespace graft::launcher {

/// Addresses of cache lines. They are only ever prefetched, which does no harm
/// to memory that is gone.
struct CacheLines {
  static constexpr size_t LineSize = 64;
  const void *lines[24];
  unsigned number = 0;

  /// Adds the lines of an object.
  template <typename Object>
  void add(const Object &object, size_t objects = 1) {
    const char *begin = reinterpret_cast<const char *>(&object);
    for (size_t offset = 0; offset < objects * sizeof(Object);
         offset += LineSize)
      if (number < std::size(lines))
        lines[number++] = begin + offset;
  }
  void prefetch() const {
    for (unsigned i = 0; i < number; ++i)
      __builtin_prefetch(lines[i]);
  }
};

/// Launches *kernel* as `kernel[grid](...)` does, the fast way where it can,
/// else Triton's. Returns a new reference to what Triton returns, or null with
/// an exception set. Needs the GIL.
PyObject *launchAny(PyObject *kernel, PyObject *grid, const Arguments &args);

/// Launches *kernel* by its own `run` method, Triton's own or another.
[[gnu::cold]] PyObject *runTritonsWay(PyObject *kernel, PyObject *grid,
                                      const Arguments &args);

/// How an object of a native type launches the *kernel* that it belongs to.
using LaunchFunction = PyObject *(*)(PyObject *target, PyObject *kernel,
                                     PyObject *grid, const Arguments &args);

/// Has objects of *type*, which `make` may return, launch by *function*.
void addTarget(PyTypeObject *type, LaunchFunction function);

/// Forgets *target*, which is about to go.
void forgetTarget(PyObject *target);

/// For `Py_tp_dealloc` of a type given to `addTarget`.
template <typename Object> void deallocTarget(PyObject *object) {
  PyObject_GC_UnTrack(object); // before anything is given up
  forgetTarget(object);
  deallocObject<Object>(object);
}

/// Has the memory that launching *kernel* will touch on its way, for whoever
/// asks for `kernel[grid]` is about to launch. Needs the GIL.
void warmUp(PyObject *kernel);

/// What `warmUp` is to have on its way for *kernel*: nothing yet but what
/// launches it. Null if it was not launched a moment ago.
CacheLines *beginLines(PyObject *kernel);

/// Adds `forget_kernels` to *module*. Returns false with an exception set on
/// failure.
bool addKnownKernels(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_KNOWNKERNELS_H
