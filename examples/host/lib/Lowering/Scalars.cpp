//===- Scalars.cpp - operations on one element ----------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What is not in a list here is not compiled. No operation traps, and none has
// an arbitrary result where LLVM's would: a lane that a mask turns off may have
// any operand.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "host/Lowering/Word.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

/// Whether *op* is the same on one element, but for types.
static bool isCopied(Operation *op) {
  return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
             arith::OrIOp, arith::XOrIOp, arith::MaxSIOp, arith::MaxUIOp,
             arith::MinSIOp, arith::MinUIOp, arith::AddUIExtendedOp,
             arith::MulSIExtendedOp, arith::MulUIExtendedOp, arith::CmpIOp,
             arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp,
             arith::IndexCastOp, arith::IndexCastUIOp, arith::AddFOp,
             arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::RemFOp,
             arith::NegFOp, arith::CmpFOp>(op);
}

/// Whether *op* makes a number of one type into one of another, of which at
/// least one may be carried as bits.
static bool isConversion(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp,
             arith::FPToSIOp, arith::FPToUIOp, arith::BitcastOp, tt::BitcastOp,
             tt::FpToFpOp, tt::IntToPtrOp, tt::PtrToIntOp>(op);
}

static bool isExtremum(Operation *op) {
  return isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
             arith::MinNumFOp>(op);
}

/// Whether what *op* computes from numbers of a type is a number of that type.
static bool isExact(Operation *op) {
  return isExtremum(op) || isa<arith::NegFOp, arith::RemFOp, tt::ClampFOp,
                               math::AbsFOp, math::CeilOp, math::FloorOp>(op);
}

static bool isMath(Operation *op) {
  return op->getName().getDialectNamespace() == "math";
}

bool Lowering::isElementwise(Operation *op) {
  return isCopied(op) || isConversion(op) || isExtremum(op) || isMath(op) ||
         isa<arith::SelectOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
             arith::RemUIOp, arith::ShLIOp, arith::ShRUIOp, arith::ShRSIOp,
             tt::AddPtrOp, tt::MulhiUIOp, tt::ClampFOp, tt::PreciseSqrtOp,
             tt::PreciseDivFOp, tt::ApproxDivFOp, tt::ExternElementwiseOp,
             tt::ElementwiseInlineAsmOp, ub::PoisonOp>(op);
}

LogicalResult Lowering::emitScalarOp(Operation *op, ValueRange operands,
                                     SmallVectorImpl<Value> &results) {
  // Any value will do, and this one is the same each time.
  if (isa<ub::PoisonOp>(op)) {
    results.push_back(getZero(getElementTypeOrSelf(op->getResult(0))));
    return success();
  }
  if (isa<arith::SelectOp>(op) || isConversion(op)) {
    Value value = isConversion(op)
                      ? emitConversion(op, operands[0])
                      : arith::SelectOp::create(b, loc, operands[0],
                                                operands[1], operands[2]);
    results.push_back(value);
    return success(value);
  }
  SmallVector<Value> wide;
  for (auto [value, from] : llvm::zip_equal(operands, op->getOperandTypes()))
    wide.push_back(widen(value, getElementTypeOrSelf(from)));
  SmallVector<Value> values;
  if (isCopied(op))
    llvm::append_range(values, copyOp(op, wide)->getResults());
  else
    values.push_back(emitOne(op, wide));
  if (!values.front())
    return failure();
  for (auto [value, to] : llvm::zip_equal(values, op->getResultTypes())) {
    // Cutting off zeros takes less than rounding; fp16 has an instruction.
    Type type = getElementTypeOrSelf(to);
    results.push_back(isExact(op) && isNarrow(type) && !type.isF16()
                          ? convertFloat(value, b.getF32Type(), type,
                                         /*towardZero=*/true)
                          : narrow(value, type));
  }
  return success();
}

Operation *Lowering::copyOp(Operation *op, ValueRange operands) {
  Operation *copy = b.clone(*op);
  copy->setLoc(loc);
  copy->setDiscardableAttrs(b.getDictionaryAttr({}));
  copy->setOperands(operands);
  for (OpResult result : copy->getResults()) {
    Type type = getElementTypeOrSelf(result.getType());
    result.setType(isNarrow(type) ? b.getF32Type() : convertType(type));
  }
  return copy;
}

Value Lowering::emitOne(Operation *op, ValueRange operands) {
  bool isF16 = getElementTypeOrSelf(op->getResult(0)).isF16();
  if (isMath(op))
    return emitMath(op, operands);
  if (isExtremum(op))
    return emitExtremum(operands[0], operands[1],
                        isa<arith::MaximumFOp, arith::MaxNumFOp>(op),
                        isa<arith::MaximumFOp, arith::MinimumFOp>(op), isF16);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(
          [&](Operation *op) {
            return emitDivision(op, operands[0], operands[1]);
          })
      .Case<arith::ShLIOp, arith::ShRUIOp, arith::ShRSIOp>([&](Operation *op) {
        return emitShift(op, operands[0], operands[1]);
      })
      .Case([&](tt::AddPtrOp op) -> Value {
        auto type = cast<tt::PointerType>(getElementTypeOrSelf(op.getType()));
        Value offset = operands[1];
        if (offset.getType().getIntOrFloatBitWidth() < 64)
          offset = arith::ExtSIOp::create(b, loc, b.getI64Type(), offset);
        return LLVM::GEPOp::create(b, loc, pointer(),
                                   getMemoryType(type.getPointeeType()),
                                   operands[0], offset);
      })
      .Case([&](tt::MulhiUIOp) -> Value {
        return arith::MulUIExtendedOp::create(b, loc, operands[0], operands[1])
            .getHigh();
      })
      .Case([&](tt::ClampFOp op) {
        bool propagateNaN = op.getPropagateNan() == tt::PropagateNan::ALL;
        Value above = emitExtremum(operands[0], operands[1],
                                   /*isMaximum=*/true, propagateNaN, isF16);
        return emitExtremum(above, operands[2], /*isMaximum=*/false,
                            propagateNaN, isF16);
      })
      .Case([&](tt::PreciseSqrtOp) -> Value {
        return LLVM::SqrtOp::create(b, loc, operands[0].getType(), operands[0]);
      })
      .Case<tt::PreciseDivFOp, tt::ApproxDivFOp>([&](Operation *) -> Value {
        return arith::DivFOp::create(b, loc, operands[0], operands[1]);
      })
      .Case([&](tt::ExternElementwiseOp op) {
        Type type = getElementTypeOrSelf(op.getType());
        return callLibm(op, op.getSymbol(),
                        isNarrow(type) ? b.getF32Type() : convertType(type),
                        operands);
      })
      .Default([&](Operation *op) -> Value {
        (void)refuse(op, "its instructions are those of another chip; write "
                         "it in Triton");
        return {};
      });
}

LogicalResult Lowering::emitRegion(Region &region, ValueRange arguments,
                                   SmallVectorImpl<Value> &results) {
  Block &block = region.front();
  for (auto [argument, value] :
       llvm::zip_equal(block.getArguments(), arguments))
    scalars[argument] = value;
  if (failed(lowerBody(block)))
    return failure();
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(scalar(value));
  return success();
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value Lowering::emitConversion(Operation *op, Value operand) {
  Type from = getElementTypeOrSelf(op->getOperand(0));
  Type to = getElementTypeOrSelf(op->getResult(0));
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<arith::ExtFOp, arith::TruncFOp>([&](Operation *) {
        return convertFloat(operand, from, to, /*towardZero=*/false);
      })
      .Case([&](tt::FpToFpOp op) {
        return convertFloat(operand, from, to,
                            op.getRounding() == tt::RoundingMode::RTZ);
      })
      .Case<arith::SIToFPOp, arith::UIToFPOp>([&](Operation *op) {
        return emitIntToFloat(operand, to, isa<arith::SIToFPOp>(op));
      })
      .Case<arith::FPToSIOp, arith::FPToUIOp>([&](Operation *op) {
        return emitFloatToInt(widen(operand, from), to,
                              isa<arith::FPToSIOp>(op));
      })
      .Default([&](Operation *) -> Value {
        Type made = convertType(to), given = operand.getType();
        if (made == given)
          return operand;
        if (isa<LLVM::LLVMPointerType>(made))
          return LLVM::IntToPtrOp::create(b, loc, made, operand);
        if (isa<LLVM::LLVMPointerType>(given))
          return LLVM::PtrToIntOp::create(b, loc, made, operand);
        return arith::BitcastOp::create(b, loc, made, operand);
      });
}

// Only bf16 reaches so far that an integer is rounded on the way: fp32 has all
// that are below the largest numbers of fp16 and fp8, as fp64 has all of 32
// bits. Of 64 bits, the last eleven become one that is set if any of them is.
Value Lowering::emitIntToFloat(Value value, Type to, bool isSigned) {
  unsigned width = value.getType().getIntOrFloatBitWidth();
  Type wide = isNarrow(to) ? b.getF32Type() : to;
  if (to.isBF16() && width > 24) {
    wide = b.getF64Type();
    if (width > 53) {
      Word number = word(value);
      Word top = isSigned ? (number + (int64_t(1) << 53)) >> 54 : number >> 53;
      Word odd = (number | ((number & 0x7ff) + 0x7ff)) & ~int64_t(0x7ff);
      value = (top != 0).select(odd, number);
    }
  }
  value = isSigned ? Value(arith::SIToFPOp::create(b, loc, wide, value))
                   : Value(arith::UIToFPOp::create(b, loc, wide, value));
  return convertFloat(value, wide, to, /*towardZero=*/false);
}

// What is out of range becomes the nearest integer, and NaN 0, as on NVIDIA's
// chips. LLVM's intrinsic for it does not become vectors.
Value Lowering::emitFloatToInt(Value value, Type to, bool isSigned) {
  unsigned width = to.getIntOrFloatBitWidth();
  auto isAtLeast = [&](double bound) {
    Value number = constantFloat(value.getType(), bound);
    return word(arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE, value,
                                      number));
  };
  auto limit = [&](const APInt &number) {
    return word(constantInt(to, number.getSExtValue()));
  };
  if (!isSigned) {
    Word number = word(arith::FPToUIOp::create(b, loc, to, value));
    number = isAtLeast(std::ldexp(1, width))
                 .select(limit(APInt::getMaxValue(width)), number);
    return isAtLeast(0).select(number, number.number(0));
  }
  Word number = word(arith::FPToSIOp::create(b, loc, to, value));
  number = isAtLeast(std::ldexp(1, width - 1))
               .select(limit(APInt::getSignedMaxValue(width)), number);
  number = isAtLeast(-std::ldexp(1, width - 1))
               .select(number, limit(APInt::getSignedMinValue(width)));
  Word isNaN = word(
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value));
  return isNaN.select(number.number(0), number);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// The bits of an integer or an index.
static unsigned getWidth(Value value) {
  Type type = value.getType();
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

/// The number that *value* is, if it is a constant.
static std::optional<APInt> getConstant(Value value) {
  auto op = value.getDefiningOp<arith::ConstantOp>();
  auto number = op ? dyn_cast<IntegerAttr>(op.getValue()) : IntegerAttr();
  return number ? std::optional(number.getValue()) : std::nullopt;
}

// A divisor that would trap is 1. In a tensor, 32 bits or less are divided as
// fp64, of which there are vectors. That is exact: a quotient that is not an
// integer is further from one than fp64 rounds.
Value Lowering::emitDivision(Operation *op, Value left, Value right) {
  bool isSigned = isa<arith::DivSIOp, arith::RemSIOp>(op);
  std::optional<APInt> known = getConstant(right);
  if (known && !known->isZero() && !(isSigned && known->isAllOnes()))
    return copyOp(op, {left, right})->getResult(0);
  Type type = left.getType(), f64 = b.getF64Type();
  unsigned width = getWidth(left);
  Word dividend = word(left), divisor = word(right);
  Word traps = divisor == 0;
  if (isSigned) {
    int64_t smallest = APInt::getSignedMinValue(width).getSExtValue();
    traps = traps | ((divisor == -1) & (dividend == smallest));
  }
  divisor = traps.select(divisor.number(1), divisor);
  if (!getTensor(op->getResult(0)) || width == 1 || width > 32)
    return copyOp(op, {dividend, divisor})->getResult(0);
  auto wide = [&](Value value) { return emitIntToFloat(value, f64, isSigned); };
  Value ratio = arith::DivFOp::create(b, loc, wide(dividend), wide(divisor));
  Word quotient =
      word(isSigned ? Value(arith::FPToSIOp::create(b, loc, type, ratio))
                    : Value(arith::FPToUIOp::create(b, loc, type, ratio)));
  return isa<arith::DivSIOp, arith::DivUIOp>(op)
             ? quotient
             : dividend - quotient * divisor;
}

// Shifts by as many bits as there are, or more, shift all of them out.
Value Lowering::emitShift(Operation *op, Value left, Value right) {
  unsigned width = getWidth(left);
  std::optional<APInt> known = getConstant(right);
  Word by = word(right);
  if (isa<arith::ShRSIOp>(op) && !(known && known->ult(width)))
    by = (by > width - 1).select(by.number(width - 1), by);
  Word shifted = word(copyOp(op, {left, by})->getResult(0));
  if (isa<arith::ShRSIOp>(op) || (known && known->ult(width)))
    return shifted;
  return (by < width).select(shifted, shifted.number(0));
}

// LLVM has no vectors for the minimum and maximum of fp16, so there it is a
// comparison, which does not tell -0 from 0. Of two numbers of which one is
// NaN, the result is NaN if that propagates, and else the other.
Value Lowering::emitExtremum(Value left, Value right, bool isMaximum,
                             bool propagateNaN, bool isF16) {
  if (!isF16 && propagateNaN)
    return isMaximum ? Value(arith::MaximumFOp::create(b, loc, left, right))
                     : Value(arith::MinimumFOp::create(b, loc, left, right));
  if (!isF16)
    return isMaximum ? Value(arith::MaxNumFOp::create(b, loc, left, right))
                     : Value(arith::MinNumFOp::create(b, loc, left, right));
  auto is = [&](arith::CmpFPredicate predicate, Value one, Value other) {
    return word(arith::CmpFOp::create(b, loc, predicate, one, other));
  };
  Word isBeyond = isMaximum ? is(arith::CmpFPredicate::OGT, left, right)
                            : is(arith::CmpFPredicate::OGT, right, left);
  Value other = propagateNaN ? left : right;
  return (isBeyond | is(arith::CmpFPredicate::UNO, other, other))
      .select(word(left), word(right));
}
