//===- Scalar.h - numbers that are known ------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_ANALYSIS_SCALAR_H
#define HOST_ANALYSIS_SCALAR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/APInt.h"
#include <optional>

namespace mlir::host {

/// The number that *value*, an integer or a tensor of integers, is everywhere,
/// if it is a constant. This asks for `arith.constant` by name; docs/abi.md
/// says what is wrong with `m_Constant`.
inline std::optional<APInt> getConstantInt(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (!constant)
    return std::nullopt;
  if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
    return number.getValue();
  auto elements = dyn_cast<DenseIntElementsAttr>(constant.getValue());
  if (!elements || !elements.isSplat())
    return std::nullopt;
  return elements.getSplatValue<APInt>();
}

} // namespace mlir::host

#endif // HOST_ANALYSIS_SCALAR_H
