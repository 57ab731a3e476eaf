//===- Runtime.cpp - launching a kernel -----------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/Runtime.h"
#include "Launch.h"
#include "Pool.h"
#include "Watch.h"
#include <algorithm>
#include <cfenv>
#include <chrono>
#include <pthread.h>

using namespace host;

namespace {

/// What a program may need besides its scratch: for the C library's functions,
/// and for registers that are spilled.
constexpr uint64_t slack = 512 * 1024;

/// A launch that is over sooner than this is over before another thread wakes.
constexpr std::chrono::nanoseconds short_launch(10000);

/// Pieces of a launch for each thread: many, for programs that take unequally
/// long, but few enough for the counter.
constexpr uint64_t pieces = 16;

/// All that launches share. It is never destroyed: threads may outlive `main`.
struct Shared {
  std::mutex one_at_a_time, output;
  Pool pool;
};

std::atomic<Shared *> shared{nullptr};
std::atomic<int32_t> thread_count{1};
thread_local std::string error;

/// The child of a fork has the memory of its parent, locks included, but not
/// its threads, and begins anew.
void forget() { shared = nullptr; }

Shared &getShared() {
  [[maybe_unused]] static int once = pthread_atfork(nullptr, nullptr, forget);
  Shared *found = shared.load(std::memory_order_acquire);
  if (!found) {
    auto *made = new Shared;
    if (shared.compare_exchange_strong(found, made))
      return *made;
    delete made;
  }
  return *found;
}

/// How many bytes are left of the stack of this thread.
uint64_t getStackLeft() {
  static thread_local uintptr_t lowest = [] {
    pthread_attr_t attributes;
    void *address = nullptr;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
      return UINTPTR_MAX;
    pthread_attr_getstack(&attributes, &address, &size);
    pthread_attr_destroy(&attributes);
    return reinterpret_cast<uintptr_t>(address);
  }();
  auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return here > lowest ? here - lowest : 0;
}

/// Runs what it is given with the rounding and the subnormal numbers that every
/// thread of the pool has, whatever the caller has set.
template <typename Work> void withDefaultArithmetic(Work work) {
  std::fenv_t before;
  std::fegetenv(&before);
  std::fesetenv(FE_DFL_ENV);
  work();
  std::fesetenv(&before);
}

} // namespace

std::mutex &host::getOutputLock() { return getShared().output; }

void host_set_threads(int32_t threads) { thread_count = threads; }

const char *host_error() { return error.c_str(); }

HostStatus host_launch(HostKernel kernel, const uint64_t *args, int32_t x,
                       int32_t y, int32_t z, uint64_t scratch, int64_t *pace,
                       const HostBuffer *buffers, uint64_t count) {
  using Clock = std::chrono::steady_clock;
  Shared &state = getShared();
  std::lock_guard<std::mutex> lock(state.one_at_a_time);

  const int32_t grid[3] = {x, y, z};
  uint64_t programs = uint64_t(x) * uint64_t(y) * uint64_t(z);
  uint64_t threads = std::min<uint64_t>(thread_count, programs);
  bool here = getStackLeft() >= scratch + slack;
  uint64_t helpers = threads - here;
  if (helpers)
    helpers =
        std::min(helpers, state.pool.prepare(helpers, scratch + 2 * slack));
  if (!here && !helpers) {
    error = "the system gives no thread with a stack of " +
            std::to_string(scratch + 2 * slack) + " bytes";
    return HostNoThread;
  }

  std::unique_ptr<Watch> watch;
  if (buffers)
    watch = std::make_unique<Watch>(buffers, count);
  Launch launch(kernel, args, grid, programs,
                std::max<uint64_t>(1, programs / (threads * pieces)),
                watch.get());
  bool alone =
      here && *pace && uint64_t(*pace) < short_launch.count() / programs;
  auto begin = Clock::now();
  if (helpers && !alone)
    state.pool.offer(launch, helpers);
  if (here)
    withDefaultArithmetic([&] {
      while (launch.runSome())
        if (helpers && alone && Clock::now() - begin > short_launch) {
          alone = false;
          state.pool.offer(launch, helpers);
        }
    });
  if (helpers && !alone) {
    if (here)
      state.pool.close();
    state.pool.wait();
  }
  auto took = std::chrono::nanoseconds(Clock::now() - begin).count();
  uint64_t workers = alone ? 1 : helpers + here;
  *pace = std::max<int64_t>(1, took * int64_t(workers) / int64_t(programs));

  if (launch.status() != HostDone)
    error = launch.text();
  return launch.status();
}

void host_assert_failed(const char *message, const char *file,
                        const char *function, int32_t line,
                        const int32_t *program) {
  {
    auto number = [](int32_t value) { return std::to_string(value); };
    Launch::record(HostAsserted,
                   std::string(file) + ":" + number(line) + ": " + function +
                       ": block: [" + number(program[0]) + "," +
                       number(program[1]) + "," + number(program[2]) +
                       "] Assertion `" + message + "` failed.");
  }
  Launch::leave();
}
