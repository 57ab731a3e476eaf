//===- Dialect.cpp - instructions of the chip's ---------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/IR/Dialect.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::host;

MLIR_DEFINE_EXPLICIT_TYPE_ID(mlir::host::HostDialect)
MLIR_DEFINE_EXPLICIT_TYPE_ID(mlir::host::IncrementOp)

HostDialect::HostDialect(MLIRContext *context)
    : Dialect(getDialectNamespace(), context, TypeID::get<HostDialect>()) {
  addOperations<IncrementOp>();
}

IncrementOp IncrementOp::create(OpBuilder &builder, Location loc, Value value) {
  OperationState state(loc, getOperationName());
  state.addOperands(value);
  state.addTypes(value.getType());
  return cast<IncrementOp>(builder.create(state));
}

ParseResult IncrementOp::parse(OpAsmParser &parser, OperationState &state) {
  OpAsmParser::UnresolvedOperand value;
  Type type;
  if (parser.parseOperand(value) ||
      parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonType(type))
    return failure();
  state.addTypes(type);
  return parser.resolveOperand(value, type, state.operands);
}

void IncrementOp::print(OpAsmPrinter &printer) {
  printer << " " << getOperand();
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getResult().getType();
}

LogicalResult IncrementOp::verify() {
  Type type = getOperand().getType();
  if (getResult().getType() != type ||
      !getElementTypeOrSelf(type).isSignlessInteger())
    return emitOpError("expects an integer or a tensor of integers");
  return success();
}
