//===- Pool.cpp - the threads that run kernels ----------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A launch begins and ends many times more often than a thread. A thread that
// has nothing to do looks for the next launch a while before it sleeps, as one
// often follows at once and waking takes longer than many kernels.
//
//===----------------------------------------------------------------------===//

#include "Pool.h"
#include <cfenv>
#include <chrono>
#include <csignal>
#include <unistd.h>

using namespace host;

namespace {

constexpr uint64_t seat = uint64_t(1) << 32;

/// How long to look before sleeping.
constexpr std::chrono::microseconds patience(20);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Whether *ready* came true within `patience`.
template <typename Ready> bool spin(Ready ready) {
  auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready())
        return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

} // namespace

uint64_t Pool::prepare(uint64_t wanted, size_t stack) {
  if (stack > stackSize) {
    stopAll();
    stackSize = stack;
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  bool sized = pthread_attr_setstacksize(&attributes, stackSize) == 0;
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (sized && threads.size() < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, start, this) != 0)
      break;
    threads.push_back(thread);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return threads.size();
}

void Pool::stopAll() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
  }
  offered.notify_all();
  for (pthread_t thread : threads)
    pthread_join(thread, nullptr);
  threads.clear();
  stopping = false;
}

void Pool::offer(Launch &launch, uint64_t helpers) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    current = &launch;
    seats.store(helpers * seat, std::memory_order_release);
    offers.fetch_add(1, std::memory_order_release);
  }
  if (helpers >= threads.size())
    offered.notify_all();
  else
    for (uint64_t i = 0; i < helpers; ++i)
      offered.notify_one();
}

void Pool::close() { seats.fetch_and(seat - 1, std::memory_order_acq_rel); }

void Pool::wait() {
  auto done = [this] { return seats.load(std::memory_order_acquire) == 0; };
  if (spin(done))
    return;
  std::unique_lock<std::mutex> lock(mutex);
  finished.wait(lock, done);
}

void *Pool::start(void *pool) {
  static_cast<Pool *>(pool)->serve();
  return nullptr;
}

/// Waits for another offer than those that *seen* counts. Returns false if the
/// pool stops.
bool Pool::waitForOffer(uint64_t &seen) {
  auto ready = [&] {
    return stopping || offers.load(std::memory_order_acquire) != seen;
  };
  if (!spin(ready)) {
    std::unique_lock<std::mutex> lock(mutex);
    offered.wait(lock, ready);
  }
  seen = offers.load(std::memory_order_acquire);
  return !stopping;
}

void Pool::serve() {
  // Not what the thread that made this one has set.
  std::fesetenv(FE_DFL_ENV);
  uint64_t seen = 0;
  while (waitForOffer(seen)) {
    uint64_t free = seats.load(std::memory_order_acquire);
    while (free >= seat &&
           !seats.compare_exchange_weak(free, free - seat + 1,
                                        std::memory_order_acq_rel))
      ;
    if (free < seat)
      continue;
    while (current->runSome())
      ;
    close();
    if (seats.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      // The lock keeps this from falling between the look and the sleep of
      // `wait`.
      std::lock_guard<std::mutex> lock(mutex);
      finished.notify_one();
    }
  }
}
