//===- Interval.cpp - from which to which number? -------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Interval.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::graft;

Interval Interval::ofSigned(unsigned bits) {
  return {llvm::minIntN(bits), llvm::maxIntN(bits)};
}

std::optional<Interval> graft::operator+(Interval a, Interval b) {
  Interval sum;
  if (llvm::AddOverflow(a.min, b.min, sum.min) ||
      llvm::AddOverflow(a.max, b.max, sum.max))
    return std::nullopt;
  return sum;
}

std::optional<Interval> graft::operator-(Interval a, Interval b) {
  Interval difference;
  if (llvm::SubOverflow(a.min, b.max, difference.min) ||
      llvm::SubOverflow(a.max, b.min, difference.max))
    return std::nullopt;
  return difference;
}

std::optional<Interval> graft::operator*(Interval a, Interval b) {
  int64_t corners[4];
  if (llvm::MulOverflow(a.min, b.min, corners[0]) ||
      llvm::MulOverflow(a.min, b.max, corners[1]) ||
      llvm::MulOverflow(a.max, b.min, corners[2]) ||
      llvm::MulOverflow(a.max, b.max, corners[3]))
    return std::nullopt;
  auto [min, max] = std::minmax_element(corners, corners + 4);
  return Interval{*min, *max};
}

std::optional<Interval> graft::operator&(Interval a, Interval b) {
  Interval both{std::max(a.min, b.min), std::min(a.max, b.max)};
  if (both.min > both.max)
    return std::nullopt;
  return both;
}
