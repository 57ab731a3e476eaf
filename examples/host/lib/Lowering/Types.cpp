//===- Types.cpp - numbers, and what carries them -------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// fp16, bf16 and fp8 are computed with as fp32: fp32 has more than twice their
// bits, so that a sum, a product, a quotient and a root that are rounded to
// fp32 and then to one of them are rounded right. bf16 and fp8 are made and
// read with operations on integers of which every processor has vectors.
//
// What users see of fp8 is what NVIDIA's cvt.rn.satfinite gives them: a number
// that is too large, infinity among them, becomes the largest finite one, in
// E5M2 as in E4M3. Only if rounding is toward zero does infinity stay, as it
// does where Triton cuts off half of an fp16.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "host/Lowering/Word.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

/// Whether a number of *type* is carried as its bits.
static bool isCarriedAsBits(Type type) {
  auto number = dyn_cast<FloatType>(type);
  return number && (number.isBF16() || number.getWidth() == 8);
}

Type Lowering::convertType(Type type) {
  if (isa<tt::PointerType>(type))
    return pointer();
  if (isCarriedAsBits(type))
    return b.getIntegerType(type.getIntOrFloatBitWidth());
  return type;
}

Type Lowering::getMemoryType(Type type) {
  bool small = type.isInteger() && type.getIntOrFloatBitWidth() < 8;
  return small ? b.getI8Type() : convertType(type);
}

int64_t Lowering::getBytes(Type type) {
  Type stored = getMemoryType(type);
  return stored.isIntOrFloat() ? stored.getIntOrFloatBitWidth() / 8 : 8;
}

Value Lowering::constant(TypedAttr attribute) {
  if (isCarriedAsBits(attribute.getType()))
    attribute = b.getIntegerAttr(
        convertType(attribute.getType()),
        cast<FloatAttr>(attribute).getValue().bitcastToAPInt());
  return arith::ConstantOp::create(b, loc, attribute);
}

Value Lowering::constantInt(Type type, int64_t value) {
  return createNumber(b, loc, type, value);
}

Value Lowering::constantFloat(Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

Word Lowering::word(Value value) { return Word(b, loc, value); }

bool Lowering::isNarrow(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32;
}

Value Lowering::widen(Value value, Type type) {
  return isNarrow(type)
             ? convertFloat(value, type, b.getF32Type(), /*towardZero=*/false)
             : value;
}

Value Lowering::narrow(Value value, Type type) {
  return isNarrow(type) ? convertFloat(value, value.getType(), type,
                                       /*towardZero=*/false)
                        : value;
}

/// *value* with its bits taken as a *type*.
static Value bitcast(OpBuilder &b, Location loc, Value value, Type type) {
  return arith::BitcastOp::create(b, loc, type, value);
}

// The way is from fp64 to fp32 to any other, or from any other to fp32 to
// fp64. What would be rounded twice is rounded to odd first.
Value Lowering::convertFloat(Value value, Type from, Type to, bool towardZero) {
  Type f32 = b.getF32Type();
  if (from == to)
    return value;
  if (from.isF64()) {
    bool last = to.isF32();
    value = last && !towardZero ? arith::TruncFOp::create(b, loc, f32, value)
                                : truncate(value, f32, /*toOdd=*/!last);
  } else if (from.isF16()) {
    value = arith::ExtFOp::create(b, loc, f32, value);
  } else if (from.isBF16()) {
    Word bits = word(arith::ExtUIOp::create(b, loc, b.getI32Type(), value));
    value = bitcast(b, loc, bits << 16, f32);
  } else if (!from.isF32()) {
    value = decodeSmallFloat(value, from);
  }
  if (to.isF32())
    return value;
  if (to.isF64())
    return arith::ExtFOp::create(b, loc, to, value);
  if (to.isF16())
    return towardZero ? truncate(value, to, /*toOdd=*/false)
                      : arith::TruncFOp::create(b, loc, to, value);
  return to.isBF16() ? encodeBF16(value, towardZero)
                     : encodeSmallFloat(value, to, towardZero);
}

// The nearest number, one step back if it is beyond *value*. A number and the
// next one toward zero are bits that differ by one, infinity and the largest
// finite one as well. NaN is not beyond anything.
Value Lowering::truncate(Value value, Type to, bool toOdd) {
  Type bitsType = b.getIntegerType(to.getIntOrFloatBitWidth());
  auto compare = [&](arith::CmpFPredicate predicate, Value left, Value right) {
    Value answer = arith::CmpFOp::create(b, loc, predicate, left, right);
    return word(arith::ExtUIOp::create(b, loc, bitsType, answer));
  };
  auto absolute = [&](Value number) {
    return LLVM::FAbsOp::create(b, loc, number.getType(), number);
  };
  Value nearest = arith::TruncFOp::create(b, loc, to, value);
  Value back = arith::ExtFOp::create(b, loc, value.getType(), nearest);
  Word bits = word(bitcast(b, loc, nearest, bitsType));
  bits = bits -
         compare(arith::CmpFPredicate::OGT, absolute(back), absolute(value));
  if (toOdd)
    bits = bits | compare(arith::CmpFPredicate::ONE, back, value);
  return bitcast(b, loc, bits, to);
}

Value Lowering::encodeBF16(Value value, bool towardZero) {
  Word bits = word(bitcast(b, loc, value, b.getI32Type()));
  Word top = bits >> 16;
  Word rounded = towardZero ? top : (bits + (top & 1) + 0x7fff) >> 16;
  // A NaN may have all its bits in the half that goes away.
  Word isNaN = (bits & 0x7fffffff) > 0x7f800000;
  return arith::TruncIOp::create(b, loc, b.getI16Type(),
                                 isNaN.select(top | 0x40, rounded));
}

namespace {

/// What the bits of an fp8 number mean.
struct SmallFloat {
  explicit SmallFloat(Type type) {
    const llvm::fltSemantics &of = cast<FloatType>(type).getFloatSemantics();
    mantissa = APFloat::semanticsPrecision(of) - 1;
    bias = 1 - APFloat::semanticsMinExponent(of);
    largest = APFloat::getLargest(of).bitcastToAPInt().getZExtValue();
    infinite = APFloat::semanticsHasInf(of);
    // FNUZ: the bits that would be -0 are the one NaN.
    signedZero = APFloat::getZero(of, /*Negative=*/true).isNegative();
    nan = signedZero ? 0x7f : 0x80;
  }

  /// The distance between numbers that are less than normal.
  double step() const { return std::ldexp(1.0, 1 - bias - mantissa); }
  /// The bits of 1 as fp32, less those of 1 here, moved to the same place.
  int64_t rebias() const { return int64_t(127 - bias) << 23; }
  /// How much longer the mantissa of fp32 is.
  int shift() const { return 23 - mantissa; }

  int mantissa, bias;
  int64_t largest, nan;
  bool infinite, signedZero;
};

} // namespace

Value Lowering::decodeSmallFloat(Value bits, Type type) {
  SmallFloat format(type);
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  Word given = word(arith::ExtUIOp::create(b, loc, i32, bits));
  Word magnitude = given & 0x7f;
  Word normal = (magnitude << format.shift()) + format.rebias();
  Value steps = arith::SIToFPOp::create(b, loc, f32, magnitude);
  Value product =
      arith::MulFOp::create(b, loc, steps, constantFloat(f32, format.step()));
  Word subnormal = word(bitcast(b, loc, product, i32));
  Word result = (magnitude < (1 << format.mantissa)).select(subnormal, normal);
  if (format.largest < 0x7f)
    result = (magnitude > format.largest).select(normal | 0x7f800000, result);
  result = result | ((given & 0x80) << 24);
  if (!format.signedZero)
    result = (given == format.nan).select(result.number(0x7fc00000), result);
  return bitcast(b, loc, result, f32);
}

Value Lowering::encodeSmallFloat(Value value, Type type, bool towardZero) {
  SmallFloat format(type);
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  auto number = [&](double number) { return constantFloat(f32, number); };
  Word bits = word(bitcast(b, loc, value, i32));
  Word magnitude = bits & 0x7fffffff;
  Value absolute = bitcast(b, loc, magnitude, f32);

  // Half of the last place less one, and one more to a number that is odd,
  // carries into the last place what is to be rounded up.
  Word normal = magnitude - format.rebias();
  if (!towardZero)
    normal = normal + ((1 << (format.shift() - 1)) - 1) +
             ((magnitude >> format.shift()) & 1);
  normal = normal >> format.shift();

  // Added to a number whose last place is one step, the sum is rounded to
  // whole steps, and its bits count them.
  Value steps;
  double large = std::ldexp(format.step(), 23);
  if (towardZero) {
    Value scaled =
        arith::MulFOp::create(b, loc, absolute, number(1 / format.step()));
    steps = arith::FPToSIOp::create(b, loc, i32, scaled);
  } else {
    Value sum = arith::AddFOp::create(b, loc, absolute, number(large));
    steps = word(bitcast(b, loc, sum, i32)) -
            word(bitcast(b, loc, number(large), i32));
  }

  Word isSubnormal = magnitude < format.rebias() + (1 << 23);
  Word code = isSubnormal.select(word(steps), normal);
  code = (code > format.largest).select(code.number(format.largest), code);
  if (towardZero && format.infinite)
    code =
        (magnitude == 0x7f800000).select(code.number(format.largest + 1), code);
  Word withSign = code | ((bits >> 24) & 0x80);
  code = format.signedZero ? withSign : (code == 0).select(code, withSign);
  code = (magnitude > 0x7f800000).select(code.number(format.nan), code);
  return arith::TruncIOp::create(b, loc, b.getI8Type(), code);
}
