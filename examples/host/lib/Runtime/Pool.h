//===- Pool.h - the threads that run kernels --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_LIB_RUNTIME_POOL_H
#define HOST_LIB_RUNTIME_POOL_H

#include "Launch.h"
#include <condition_variable>
#include <pthread.h>
#include <vector>

namespace host {

/// Threads that wait for launches. A process has one pool and never destroys
/// it; the child of a fork, which has none of the threads, makes another.
class Pool {
public:
  /// Has at least *wanted* threads, each with *stack* bytes or more, from here
  /// on, or as many as the system gives. Returns how many there are.
  uint64_t prepare(uint64_t wanted, size_t stack);

  /// Has up to *helpers* threads work for *launch*. Returns at once.
  void offer(Launch &launch, uint64_t helpers);

  /// Lets none begin any more. Called by whoever finds that all is taken.
  void close();

  /// Waits until it is closed and none is at work.
  void wait();

private:
  static void *start(void *pool);
  void serve();
  bool waitForOffer(uint64_t &seen);
  void stopAll();

  std::vector<pthread_t> threads;
  size_t stackSize = 0;

  std::mutex mutex;
  std::condition_variable offered, finished;
  /// How many offers there were; a thread that has seen the last one waits.
  std::atomic<uint64_t> offers{0};
  std::atomic<bool> stopping{false};
  Launch *current = nullptr;
  /// How many threads may still begin, in the upper half, and how many are at
  /// work, in the lower: one number, so that none begins after `close`.
  std::atomic<uint64_t> seats{0};
};

} // namespace host

#endif // HOST_LIB_RUNTIME_POOL_H
