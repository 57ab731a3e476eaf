//===- Shapes.h - The ways in which launches are written --------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What can be worked out from how a launch is written alone, such as where each
// parameter's argument stands, is worked out once and kept.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_SHAPES_H
#define GRAFT_LAUNCHER_SHAPES_H

#include "Call.h"

#include <memory>
#include <vector>

namespace graft::launcher {

/// The shapes that one object's launches have. A `Shape` has `isOf(key...)` and
/// `static std::unique_ptr<Shape> make(const Shapes &others, key...)`, which is
/// null with an exception set on failure. Shapes stay as long as this does.
template <typename Shape> class Shapes {
public:
  /// A program writes the launches of one kernel in few ways; beyond this,
  /// Triton's own way.
  static constexpr std::size_t Max = 64;

  /// Finds the shape of *key*, or makes it. Declined if there are too many.
  /// `Failed` has an exception set. Needs the GIL.
  template <typename... Key>
  Outcome find(const Shape **found, const Key &...key) {
    if (!recent || !recent->isOf(key...))
      return findOther(found, key...);
    *found = recent;
    return Outcome::Done;
  }

  std::size_t size() const { return all.size(); }
  auto begin() const { return all.begin(); }
  auto end() const { return all.end(); }

private:
  template <typename... Key>
  [[gnu::noinline]] Outcome findOther(const Shape **found, const Key &...key) {
    for (const auto &shape : all)
      if (shape->isOf(key...)) {
        *found = recent = shape.get();
        return Outcome::Done;
      }
    if (all.size() >= Max)
      return Outcome::Declined;
    std::unique_ptr<Shape> made = Shape::make(*this, key...);
    if (!made)
      return Outcome::Failed;
    *found = recent = made.get();
    all.push_back(std::move(made));
    return Outcome::Done;
  }

  std::vector<std::unique_ptr<Shape>> all;
  const Shape *recent = nullptr;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_SHAPES_H
