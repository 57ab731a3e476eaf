//===- Watch.cpp - what a launch does to memory ---------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The checks of HOST_SANITIZE and HOST_RACES. A kernel that was compiled for
// them calls `host_check` or `host_race` before each access.
//
//===----------------------------------------------------------------------===//

#include "Watch.h"
#include "Launch.h"
#include <algorithm>

using namespace host;

static const char *const names[] = {"load", "store", "atomic operation"};

/// `(1, 0, 0)`
static std::string toText(uint64_t x, uint64_t y, uint64_t z) {
  return "(" + std::to_string(x) + ", " + std::to_string(y) + ", " +
         std::to_string(z) + ")";
}

Watch::Watch(const HostBuffer *begin, uint64_t count)
    : buffers(begin, begin + count) {
  std::sort(buffers.begin(), buffers.end(),
            [](const HostBuffer &left, const HostBuffer &right) {
              return left.begin < right.begin;
            });
}

/// The buffer that *address* is in, else the one next to it, if there is any.
const HostBuffer *Watch::getNearest(uint64_t address) const {
  const HostBuffer *nearest = nullptr;
  uint64_t distance = UINT64_MAX;
  for (const HostBuffer &buffer : buffers) {
    uint64_t end = buffer.begin + buffer.size;
    uint64_t away = address < buffer.begin ? buffer.begin - address
                    : address < end        ? 0
                                           : address - end + 1;
    if (away < distance) {
      nearest = &buffer;
      distance = away;
    }
  }
  return nearest;
}

std::string Watch::checkBounds(const Access &access) const {
  uint64_t end = access.address + access.bytes;
  for (const HostBuffer &buffer : buffers)
    if (access.address >= buffer.begin && end <= buffer.begin + buffer.size)
      return "";
  std::string text =
      std::string(access.site) + ": a " + names[access.kind] + " of " +
      std::to_string(access.bytes) + " bytes, for element " +
      std::to_string(access.index) + " in program " +
      toText(access.program[0], access.program[1], access.program[2]);
  const HostBuffer *buffer = getNearest(access.address);
  if (!buffer)
    return text + ", and the kernel has no buffer";
  bool before = access.address < buffer->begin;
  uint64_t away = before ? buffer->begin - access.address
                         : end - (buffer->begin + buffer->size);
  return text + (before ? ", begins " : ", ends ") + std::to_string(away) +
         (before ? " bytes before the begin of " : " bytes after the end of ") +
         buffer->name + ", which has " + std::to_string(buffer->size) +
         " bytes";
}

void Watch::Line::split() {
  std::vector<Bytes> split;
  for (const Bytes &word : parts)
    split.insert(split.end(), 4, word);
  parts = std::move(split);
}

std::string Watch::describe(const Access &access, const Touch &touch) const {
  const int32_t *program = access.program;
  uint64_t width = program[3], plane = width * program[4];
  std::string text = "two programs meet in ";
  const HostBuffer *buffer = getNearest(access.address);
  if (buffer && access.address >= buffer->begin)
    text += "byte " + std::to_string(access.address - buffer->begin) + " of " +
            buffer->name;
  else
    text += "the address " + std::to_string(access.address);
  return text + ": " +
         toText(touch.program % width, touch.program % plane / width,
                touch.program / plane) +
         " by the " + names[touch.kind] + " at " + touch.site + ", and " +
         toText(program[0], program[1], program[2]) + " by the " +
         names[access.kind] + " at " + access.site + ", for element " +
         std::to_string(access.index);
}

std::string Watch::checkRace(const Access &access) {
  const int32_t *program = access.program;
  Touch here{access.site,
             program[0] + uint64_t(program[3]) *
                              (program[1] + uint64_t(program[4]) * program[2]),
             access.kind};
  constexpr int32_t store = 1;
  auto isOther = [&](const Touch &touch) {
    return touch.site && touch.program != here.program;
  };
  uint64_t end = access.address + access.bytes;
  for (uint64_t at = access.address; at < end;) {
    Shard &shard = shards[at / 64 % shards.size()];
    std::lock_guard<std::mutex> lock(shard.mutex);
    Line &line = shard.lines[at / 64];
    uint64_t until = std::min(end, (at / 64 + 1) * 64);
    if (line.parts.size() == 16 && (at % 4 || until % 4))
      line.split();
    uint64_t step = 64 / line.parts.size();
    for (; at < until; at += step) {
      Bytes &bytes = line.parts[at % 64 / step];
      if (isOther(bytes.store))
        return describe(access, bytes.store);
      if (here.kind == store) {
        if (isOther(bytes.first))
          return describe(access, bytes.first);
        if (isOther(bytes.other))
          return describe(access, bytes.other);
        if (!bytes.store.site)
          bytes.store = here;
      }
      if (!bytes.first.site)
        bytes.first = here;
      else if (isOther(bytes.first) && !bytes.other.site)
        bytes.other = here;
    }
  }
  return "";
}

/// Ends this program if *check* says that something is wrong.
template <typename Check> static void judge(HostStatus status, Check check) {
  {
    Watch *watch = Launch::getWatch();
    std::string text = watch ? check(*watch) : "";
    if (text.empty())
      return;
    Launch::record(status, std::move(text));
  }
  Launch::leave();
}

void host_check(const void *address, int64_t bytes, int32_t kind,
                const char *site, int64_t index, const int32_t *program) {
  Access access{
      reinterpret_cast<uint64_t>(address), bytes, kind, site, index, program};
  judge(HostOutOfBounds,
        [&](Watch &watch) { return watch.checkBounds(access); });
}

void host_race(const void *address, int64_t bytes, int32_t kind,
               const char *site, int64_t index, const int32_t *program) {
  Access access{
      reinterpret_cast<uint64_t>(address), bytes, kind, site, index, program};
  judge(HostRaced, [&](Watch &watch) { return watch.checkRace(access); });
}
