//===- Dialect.h - instructions of the chip's -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The dialect `host`, written by hand: Debian's mlir-tblgen reads
// descriptions of passes for any LLVM, but operations it writes for its own.
// Where you have the mlir-tblgen of the headers, ODS does this better.
//
//===----------------------------------------------------------------------===//

#ifndef HOST_IR_DIALECT_H
#define HOST_IR_DIALECT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::host {

/// Instructions of the chip's that no dialect of Triton's has.
class HostDialect : public Dialect {
public:
  explicit HostDialect(MLIRContext *context);
  static constexpr StringLiteral getDialectNamespace() { return "host"; }
};

/// One more, of an integer or of each element of a tensor of integers:
/// `host.increment %x : tensor<64xi32>`. It has no effect on memory.
class IncrementOp
    : public Op<IncrementOp, OpTrait::ZeroRegions, OpTrait::OneResult,
                OpTrait::OneTypedResult<Type>::Impl, OpTrait::ZeroSuccessors,
                OpTrait::OneOperand, MemoryEffectOpInterface::Trait> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "host.increment"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  static IncrementOp create(OpBuilder &builder, Location loc, Value value);
  static ParseResult parse(OpAsmParser &parser, OperationState &state);
  void print(OpAsmPrinter &printer);
  LogicalResult verify();
  void getEffects(
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &) {}
};

} // namespace mlir::host

MLIR_DECLARE_EXPLICIT_TYPE_ID(mlir::host::HostDialect)
MLIR_DECLARE_EXPLICIT_TYPE_ID(mlir::host::IncrementOp)

#endif // HOST_IR_DIALECT_H
