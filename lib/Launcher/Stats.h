//===- Stats.h - How many launches went which way ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_STATS_H
#define GRAFT_LAUNCHER_STATS_H

#include <Python.h>

#include <cstdint>

namespace graft::launcher {

/// Why a launch went the way it did. The table in Stats.cpp says it in words,
/// and how a launch goes on that was declined for it.
enum class Reason : uint8_t {
  Hit,
  Tuned,
  Frozen,
  FirstLaunch,
  Inactive,
  RunReplaced,
  Kernel,
  Device,
  Knobs,
  InspectionHook,
  Binding,
  Keyword,
  ArgumentType,
  ArgumentRange,
  Constant,
  TooMany,
  Function,
  GlobalChanged,
  Stale,
  Conversion,
  Compiled,
  TuningKey,
  ConfigChanged,
  CompiledKernel,
  Count
};

/// How a launch goes on that the fast way has declined.
enum class Way : uint8_t {
  Tritons, ///< by Triton's own `run`, or whatever is in its place
  Ours,    ///< the same, or by a `run` of ours where that reads more arrays
  Compile, ///< by a `run` of ours, and what it compiles is remembered
};
Way wayOf(Reason reason);

extern uint64_t reasonCounts[static_cast<unsigned>(Reason::Count)];

inline void count(Reason reason) {
  ++reasonCounts[static_cast<unsigned>(reason)];
}

/// Adds `stats` and `reset_stats` to *module*. Returns false with an exception
/// set on failure.
bool addStats(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_STATS_H
