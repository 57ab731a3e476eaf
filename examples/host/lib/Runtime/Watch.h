//===- Watch.h - what a launch does to memory -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_LIB_RUNTIME_WATCH_H
#define HOST_LIB_RUNTIME_WATCH_H

#include "host/Runtime.h"
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace host {

/// One access: what `host_check` and `host_race` are told.
struct Access {
  uint64_t address;
  int64_t bytes;
  int32_t kind;
  const char *site;
  int64_t index;
  const int32_t *program;
};

/// The buffers of a launch, and who has touched which bytes of them.
class Watch {
public:
  Watch(const HostBuffer *buffers, uint64_t count);

  /// What is wrong with *access* if it is not within one buffer, else nothing.
  std::string checkBounds(const Access &access) const;

  /// What is wrong with *access* if it meets another program's in one byte, and
  /// one of the two is a store and no atomic operation, else nothing.
  std::string checkRace(const Access &access);

private:
  /// A program that touched some bytes, and where in its code. No site: none
  /// did.
  struct Touch {
    const char *site = nullptr;
    uint64_t program = 0;
    int32_t kind = 0;
  };

  /// What there is to know of bytes: the first program that touched them, the
  /// first other one, and the only one that may have stored to them.
  struct Bytes {
    Touch first, other, store;
  };

  /// 64 bytes of memory, as words of four until a part of a word is touched.
  struct Line {
    std::vector<Bytes> parts = std::vector<Bytes>(16);
    void split();
  };

  struct Shard {
    std::mutex mutex;
    std::unordered_map<uint64_t, Line> lines;
  };

  const HostBuffer *getNearest(uint64_t address) const;
  std::string describe(const Access &access, const Touch &touch) const;

  /// By address.
  std::vector<HostBuffer> buffers;
  std::array<Shard, 64> shards;
};

} // namespace host

#endif // HOST_LIB_RUNTIME_WATCH_H
