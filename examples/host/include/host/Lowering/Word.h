//===- Word.h - arithmetic on integers, as code -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_LOWERING_WORD_H
#define HOST_LOWERING_WORD_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::host {

/// The constant of *type*, an integer or an index, with the low bits of
/// *number*.
inline Value createNumber(OpBuilder &b, Location loc, Type type,
                          int64_t number) {
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  int64_t bits = llvm::SignExtend64(number, width);
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, bits));
}

/// An integer in the code that is written. An operator writes an operation;
/// shifts and comparisons take the number as unsigned.
class Word {
public:
  Word(OpBuilder &b, Location loc, Value value)
      : builder(&b), loc(loc), value(value) {}

  operator Value() const { return value; }
  Word number(int64_t number) const {
    return make(createNumber(*builder, loc, value.getType(), number));
  }

#define HOST_WORD_OPERATOR(OPERATOR, OP)                                       \
  Word operator OPERATOR(Word right) const {                                   \
    return make(arith::OP::create(*builder, loc, value, right.value));         \
  }                                                                            \
  Word operator OPERATOR(int64_t right) const {                                \
    return *this OPERATOR number(right);                                       \
  }
  HOST_WORD_OPERATOR(+, AddIOp)
  HOST_WORD_OPERATOR(-, SubIOp)
  HOST_WORD_OPERATOR(*, MulIOp)
  HOST_WORD_OPERATOR(&, AndIOp)
  HOST_WORD_OPERATOR(|, OrIOp)
  HOST_WORD_OPERATOR(<<, ShLIOp)
  HOST_WORD_OPERATOR(>>, ShRUIOp)
#undef HOST_WORD_OPERATOR

#define HOST_WORD_COMPARISON(OPERATOR, PREDICATE)                              \
  Word operator OPERATOR(int64_t right) const {                                \
    return make(arith::CmpIOp::create(*builder, loc,                           \
                                      arith::CmpIPredicate::PREDICATE, value,  \
                                      number(right)));                         \
  }
  HOST_WORD_COMPARISON(==, eq)
  HOST_WORD_COMPARISON(!=, ne)
  HOST_WORD_COMPARISON(<, ult)
  HOST_WORD_COMPARISON(>, ugt)
#undef HOST_WORD_COMPARISON

  /// *yes* where this, an i1, is true, and *no* elsewhere.
  Word select(Word yes, Word no) const {
    return make(arith::SelectOp::create(*builder, loc, value, yes, no));
  }

private:
  Word make(Value value) const { return Word(*builder, loc, value); }

  OpBuilder *builder;
  Location loc;
  Value value;
};

} // namespace mlir::host

#endif // HOST_LOWERING_WORD_H
