//===- Dispatcher.h - From kernel[grid](...) to the launch ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_DISPATCHER_H
#define GRAFT_LAUNCHER_DISPATCHER_H

#include "Changes.h"
#include "Compiled.h"
#include "Knobs.h"
#include "Loaded.h"
#include "Parts.h"
#include "Reads.h"
#include "Runtime.h"
#include "Shapes.h"
#include "Table.h"

#include <memory>

namespace graft::launcher {

/// What somebody wrote in the parentheses of `kernel[grid](...)`, as vectorcall
/// passes it; all borrowed.
struct Arguments {
  PyObject *const *values;
  Py_ssize_t numPositional;
  PyObject *keywords; ///< a tuple of names, or null

  Py_ssize_t numKeywords() const { return keywords ? tupleSize(keywords) : 0; }
};

/// Whether two different tuples of names, either perhaps null, have the same.
bool haveSameNames(PyObject *a, PyObject *b);

/// Whether two tuples of names, either perhaps null, are the same. Those of one
/// call site are one tuple every time, so identity decides mostly.
inline bool sameNames(PyObject *a, PyObject *b) {
  return a == b || haveSameNames(a, b);
}

/// One way of writing the arguments of a kernel: how many by position and which
/// by name. Worked out once.
struct CallShape {
  static constexpr int16_t Default = -1, Variadic = -2;

  Ref keywords;
  Py_ssize_t numPositional = 0;
  Reason reason = Reason::Hit;   ///< why this way is not taken, or Hit
  std::vector<int16_t> sources;  ///< of each parameter: an argument, or above
  std::vector<uint16_t> options; ///< the arguments that are options
  bool inOrder = false;   ///< whether the arguments are those of the parameters
  uint64_t optionsId = 0; ///< equal for the same options in the same order

  bool isOf(const std::vector<Param> &, const Arguments &args) const {
    return numPositional == args.numPositional &&
           sameNames(keywords.get(), args.keywords);
  }
  static std::unique_ptr<CallShape> make(const Shapes<CallShape> &others,
                                         const std::vector<Param> &params,
                                         const Arguments &args);
};

/// A variant of a kernel for one device.
struct Variant : Loaded {
  CompiledAttributes attributes;
  CheckedState checked; ///< whether Triton has it, with these attributes
  std::unique_ptr<Reads> reads; ///< what it was compiled from; null: nothing

  /// Reads what the compile callback says. Returns false with an exception set.
  bool read(PyObject *facts);
  int traverse(visitproc visit, void *arg) const;
};

/// A global that a kernel uses, and the value it was compiled with.
struct UsedGlobal {
  Ref name, dict, expected;
  Ref seen, seenValue; ///< found equal to *expected* before, and immutable
};

/// All globals that a kernel uses. Comparing them runs code that may have
/// others read, so who compares holds what it compares.
struct UsedGlobals {
  Ref source; ///< the dict that they were read from
  std::vector<UsedGlobal> all;
};

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

/// The Python type `Dispatcher`: launches one kernel. Kept in the attributes of
/// the kernel and collected with it.
struct Dispatcher {
  PyObject_HEAD struct Parts;
  Parts *parts;
};

/// The variants for one device.
struct DeviceTable {
  Ref owner; ///< the entry of Triton's caches that they belong to
  CheckedState checked;
  Table<Variant> variants;
};

struct Dispatcher::Parts {
  const Variant *warm = nullptr; ///< the variant that `warmUp` knows; no owner
  OwnRun ownRun;
  Ref caches; ///< the kernel's device_caches while our driver is active
  std::vector<Param> params;
  Shapes<CallShape> shapes;
  std::vector<std::unique_ptr<DeviceTable>> tables; ///< by device

  CheckedState checked; ///< whether *ownRun* and what follows still hold
  Ref debug, preRunHooks, usedGlobals;

  Shared<UsedGlobals> globals;
};

/// Launches *kernel* as `kernel[grid](...)` does, the fast way where it can,
/// else Triton's. Returns a new reference to what Triton returns, or null with
/// an exception set. Needs the GIL.
PyObject *launchAny(PyObject *kernel, PyObject *grid, const Arguments &args);

/// Launches *kernel* by its own `run` method, Triton's own or another.
[[gnu::cold]] PyObject *runTritonsWay(PyObject *kernel, PyObject *grid,
                                      const Arguments &args);

/// Reads a grid of one to three integers. Declined if it is anything else.
/// Borrows *object*. Needs the GIL.
Outcome readGrid(PyObject *object, Grid *grid);

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

/// The arguments as a tuple and a dict. Returns false with an exception set.
bool collect(const Arguments &args, Ref *positional, Ref *keywords);

/// Adds the types and functions for launching kernels to *module*. Returns
/// false with an exception set on failure.
bool addDispatcher(PyObject *module);

/// Has the memory that launching *kernel* will touch on its way, for whoever
/// asks for `kernel[grid]` is about to launch. Needs the GIL.
void warmUp(PyObject *kernel);

/// Adds what launches autotuned kernels and those with heuristics to *module*.
/// Returns false with an exception set on failure.
bool addTuning(PyObject *module);

/// Reads one parameter: (name, default in a tuple of one or an empty one, rule,
/// align, split sign, keyword-only, variadic). Returns false with an exception
/// set.
bool readParam(PyObject *item, Param *param);

/// Adds what launches with most arguments fixed to *module*. Returns false with
/// an exception set on failure.
bool addFrozen(PyObject *module);

/// Adds the type of `kernel[grid]` to *module*. Returns false with an exception
/// set on failure.
bool addSubscript(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_DISPATCHER_H
