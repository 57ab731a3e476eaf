//===- Launch.h - one launch ------------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_LIB_RUNTIME_LAUNCH_H
#define HOST_LIB_RUNTIME_LAUNCH_H

#include "host/Runtime.h"
#include <atomic>
#include <mutex>
#include <string>

namespace host {

class Watch;

/// A launch: its programs, of which each thread takes the next few, and the
/// first failure.
class Launch {
public:
  Launch(HostKernel kernel, const uint64_t *args, const int32_t (&grid)[3],
         uint64_t programs, uint64_t piece, Watch *watch)
      : kernel(kernel), args(args), grid{grid[0], grid[1], grid[2]},
        programs(programs), piece(piece), watch(watch) {}

  /// Runs the next few programs. Returns false if there are no more, or if one
  /// has failed.
  bool runSome();

  /// Says why the launch fails that this thread works for, unless something was
  /// said already.
  static void record(HostStatus status, std::string text);

  /// Ends the program that this thread runs. Called after `record`, by what has
  /// nothing left to destroy.
  [[noreturn]] static void leave();

  /// The watch over the launch that this thread works for, if there is one.
  static Watch *getWatch();

  HostStatus status() const { return failure; }
  const std::string &text() const { return why; }

private:
  void run(uint64_t begin, uint64_t end);

  const HostKernel kernel;
  const uint64_t *const args;
  const int32_t grid[3];
  const uint64_t programs, piece;
  Watch *const watch;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> stopped{false};
  std::mutex mutex;
  HostStatus failure = HostDone;
  std::string why;
};

/// For what writes to the standard output, in pieces that stay whole.
std::mutex &getOutputLock();

} // namespace host

#endif // HOST_LIB_RUNTIME_LAUNCH_H
