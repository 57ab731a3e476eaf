//===- Launch.cpp - one launch --------------------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Launch.h"
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <utility>

using namespace host;

namespace {

/// The launch whose programs this thread runs, and the way out of one.
struct Running {
  Launch *launch = nullptr;
  std::jmp_buf out;
};

thread_local Running running;

} // namespace

bool Launch::runSome() {
  if (stopped.load(std::memory_order_relaxed))
    return false;
  uint64_t begin = next.fetch_add(piece, std::memory_order_relaxed);
  if (begin >= programs)
    return false;
  running.launch = this;
  // A kernel has nothing to unwind, so a program can be left by a jump.
  if (_setjmp(running.out) == 0)
    run(begin, std::min(begin + piece, programs));
  running.launch = nullptr;
  return true;
}

void Launch::run(uint64_t begin, uint64_t end) {
  uint64_t width = grid[0], plane = width * grid[1];
  int32_t program[6] = {int32_t(begin % width),
                        int32_t(begin % plane / width),
                        int32_t(begin / plane),
                        grid[0],
                        grid[1],
                        grid[2]};
  for (uint64_t i = begin; i < end; ++i) {
    kernel(args, program);
    if (++program[0] == grid[0]) {
      program[0] = 0;
      if (++program[1] == grid[1]) {
        program[1] = 0;
        ++program[2];
      }
    }
  }
}

void Launch::record(HostStatus status, std::string text) {
  Launch *launch = running.launch;
  if (!launch) { // a kernel that was not launched but called
    std::fprintf(stderr, "%s\n", text.c_str());
    std::abort();
  }
  std::lock_guard<std::mutex> lock(launch->mutex);
  if (launch->failure == HostDone) {
    launch->failure = status;
    launch->why = std::move(text);
  }
  launch->stopped = true;
}

Watch *Launch::getWatch() {
  return running.launch ? running.launch->watch : nullptr;
}

void Launch::leave() { std::longjmp(running.out, 1); }
