//===- Debug.cpp - print and assert, by calls of the runtime --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

LLVM::LLVMFuncOp Lowering::getRuntime(StringRef name, Type result,
                                      ArrayRef<Type> operands) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, name, LLVM::LLVMFunctionType::get(result, operands));
  function.setNoUnwind(true);
  return function;
}

void Lowering::callRuntime(StringRef name, ValueRange operands) {
  Type result = LLVM::LLVMVoidType::get(b.getContext());
  LLVM::CallOp::create(
      b, loc, getRuntime(name, result, llvm::to_vector(operands.getTypes())),
      operands);
}

/// The kind of a value to print, as the runtime takes it (Runtime.h): in the
/// low byte, and above it the width in bits.
enum class Printed { Signed = 0, Unsigned = 1, Float = 2, Pointer = 3 };

LogicalResult Lowering::lowerPrint(tt::PrintOp op) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  bool isOnlyOne = op.getArgs().size() == 1;
  callRuntime("host_print_begin", {program, getText(op.getPrefix()),
                                   constantInt(i32, op.getHex())});
  for (unsigned number = 0; number < op.getArgs().size(); ++number) {
    Value value = op.getArgs()[number];
    Type type = getElementTypeOrSelf(value.getType());
    Printed kind = isa<tt::PointerType>(type)     ? Printed::Pointer
                   : isa<FloatType>(type)         ? Printed::Float
                   : op.getIsSigned()[number] > 0 ? Printed::Signed
                                                  : Printed::Unsigned;
    int width = getBytes(type) * 8;
    auto print = [&](Value bits, Value position) {
      if (kind == Printed::Pointer)
        bits = LLVM::PtrToIntOp::create(b, loc, i64, bits);
      else if (kind == Printed::Float)
        bits = arith::BitcastOp::create(
            b, loc, i64, convertFloat(bits, type, b.getF64Type(), false));
      else if (type.getIntOrFloatBitWidth() < 64)
        bits = kind == Printed::Signed
                   ? arith::ExtSIOp::create(b, loc, i64, bits).getResult()
                   : arith::ExtUIOp::create(b, loc, i64, bits).getResult();
      callRuntime("host_print_value",
                  {constantInt(i32, static_cast<int>(kind) | width << 8),
                   constantInt(i32, isOnlyOne ? -1 : number), position, bits});
    };
    RankedTensorType tensor = getTensor(value);
    if (!tensor) {
      print(scalar(value), constantIndex(-1));
      continue;
    }
    ArrayRef<int64_t> shape = tensor.getShape();
    auto sizes = RankedTensorType::get(tensor.getRank(), i64);
    callRuntime("host_print_shape",
                {constantInt(i32, tensor.getRank()),
                 getConstantData(DenseElementsAttr::get(sizes, shape))});
    forEach(shape, [&](Index index) {
      print(element(value, index), getLinear(shape, index));
    });
  }
  callRuntime("host_print_end", {});
  return success();
}

LogicalResult Lowering::lowerAssert(tt::AssertOp op) {
  Type i32 = b.getI32Type();
  Value holds = op.getCondition();
  if (RankedTensorType tensor = getTensor(holds)) {
    // Whether all hold is found without a branch, which LLVM can vectorise.
    Value all = allocate(i32, 1);
    writeBuffer(all, i32, constantInt(i32, 1));
    forEach(tensor.getShape(), [&](Index index) {
      Value one = arith::ExtUIOp::create(b, loc, i32, element(holds, index));
      Value before = readBuffer(all, i32);
      writeBuffer(all, i32, arith::AndIOp::create(b, loc, before, one));
    });
    holds =
        arith::TruncIOp::create(b, loc, b.getI1Type(), readBuffer(all, i32));
  } else {
    holds = scalar(holds);
  }
  Value fails =
      arith::XOrIOp::create(b, loc, holds, constantInt(b.getI1Type(), 1));
  auto branch = scf::IfOp::create(b, loc, fails, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
  StringRef file = place ? place.getFilename().getValue() : "an unknown file";
  callRuntime("host_assert_failed",
              {getText(op.getMessage()), getText(file),
               getText(op->getParentOfType<tt::FuncOp>().getName()),
               constantInt(i32, place ? place.getLine() : 0), program});
  return success();
}
