//===- Interval.h - from which to which number? -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Between which numbers a number lies. Both ends are numbers that it may be, so
// that there is no end to be off by one: a signed type holds one number more
// below zero than above, which a count of bits does not say.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_INTERVAL_H
#define GRAFT_ANALYSIS_INTERVAL_H

#include <cstdint>
#include <optional>

namespace mlir::graft {

/// The numbers from `min` to `max`, both included.
struct Interval {
  int64_t min;
  int64_t max;

  /// The number *number* alone.
  static Interval of(int64_t number) { return {number, number}; }
  /// What a signed type of *bits* bits holds, of 1 to 64.
  static Interval ofSigned(unsigned bits);
};

/// The sums, differences and products of two numbers of *a* and *b*; nothing
/// where one of them is not a number of 64 bits.
std::optional<Interval> operator+(Interval a, Interval b);
std::optional<Interval> operator-(Interval a, Interval b);
std::optional<Interval> operator*(Interval a, Interval b);

/// The numbers that are in both; nothing if there are none.
std::optional<Interval> operator&(Interval a, Interval b);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_INTERVAL_H
