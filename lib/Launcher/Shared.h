//===- Shared.h - Values with several owners --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What a launch found in a container is its own until it is done with it: code
// of Python's that runs meanwhile may empty the container. So containers keep
// `Shared` values and hand out `Shared` values, never bare pointers.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_SHARED_H
#define GRAFT_LAUNCHER_SHARED_H

#include <utility>

namespace graft::launcher {

/// One of the owners of a value, or of none. Needs the GIL.
template <typename Value> class Shared {
public:
  Shared() = default;
  Shared(const Shared &other) : block(other.block) {
    if (block)
      ++block->owners;
  }
  Shared(Shared &&other) noexcept
      : block(std::exchange(other.block, nullptr)) {}
  Shared &operator=(Shared other) noexcept {
    // The old value goes last: its end may run code that comes back here.
    std::swap(block, other.block);
    return *this;
  }
  ~Shared() {
    if (block && --block->owners == 0)
      destroy(block);
  }

  /// The one owner of a new value.
  static Shared make() { return Shared(new Block()); }

  Value *get() const { return block ? &block->value : nullptr; }
  Value *operator->() const { return &block->value; }
  Value &operator*() const { return block->value; }
  explicit operator bool() const { return block != nullptr; }

private:
  struct Block {
    Value value;
    unsigned owners = 1;
  };
  explicit Shared(Block *made) : block(made) {}

  [[gnu::cold, gnu::noinline]] static void destroy(Block *block) {
    delete block;
  }

  Block *block = nullptr;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_SHARED_H
