//===- Memory.cpp - loads, stores and atomics -----------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

Value Lowering::getText(StringRef text) {
  // One global for each text of the module.
  std::string name = ("host_text_" + Twine(llvm::hash_value(text))).str();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    std::string whole = text.str();
    whole.push_back('\0');
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), whole.size());
    global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                                    LLVM::Linkage::Internal, name,
                                    b.getStringAttr(whole));
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

Value Lowering::getSite(Location where) {
  auto place = where->findInstanceOf<FileLineColLoc>();
  if (!place)
    return getText("an unknown place");
  return getText((place.getFilename().getValue() + ":" +
                  Twine(place.getLine()) + ":" + Twine(place.getColumn()))
                     .str());
}

void Lowering::checkAccess(Operation *op, Access access, Value address,
                           Type element, Index index) {
  if (!options.checkBounds && !options.checkRaces)
    return;
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  SmallVector<int64_t> shape(index.size(), 1);
  for (Value operand : op->getOperands())
    if (RankedTensorType type = getTensor(operand))
      shape.assign(type.getShape().begin(), type.getShape().end());
  Value position = getLinear(shape, index),
        size = constantIndex(getBytes(element));
  SmallVector<Type> types{pointer(), i64, i32, pointer(), i64, pointer()};
  auto call = [&](StringRef name) {
    Value kind = constantInt(i32, static_cast<int>(access));
    LLVM::CallOp::create(
        b, loc,
        getRuntime(name, LLVM::LLVMVoidType::get(b.getContext()), types),
        ValueRange{address, size, kind, getSite(op->getLoc()), position,
                   program});
  };
  if (options.checkBounds)
    call("host_check");
  if (options.checkRaces)
    call("host_race");
}

Value Lowering::getZero(Type type) {
  if (isa<tt::PointerType>(type))
    return LLVM::ZeroOp::create(b, loc, pointer());
  return constant(b.getZeroAttr(type));
}

/// Writes *body* so that it runs where *mask*, if there is one, is true.
static void guarded(OpBuilder &b, Location loc, Value mask,
                    llvm::function_ref<void()> body) {
  if (!mask)
    return body();
  auto branch = scf::IfOp::create(b, loc, mask, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

/// The value of *body* where *mask*, if there is one, is true, else *other*.
static Value guarded(OpBuilder &b, Location loc, Value mask, Value other,
                     llvm::function_ref<Value()> body) {
  if (!mask)
    return body();
  auto branch = scf::IfOp::create(b, loc, TypeRange(other.getType()), mask,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, loc, body());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, other);
  return branch.getResult(0);
}

LogicalResult Lowering::lowerLoad(tt::LoadOp op) {
  Type type = getElementTypeOrSelf(op.getType());
  auto load = [&](Index index) {
    Value address = element(op.getPtr(), index);
    Value mask = op.getMask() ? element(op.getMask(), index) : Value();
    Value other;
    if (mask)
      other = op.getOther() ? element(op.getOther(), index) : getZero(type);
    return guarded(b, loc, mask, other, [&] {
      checkAccess(op, Access::Load, address, type, index);
      return readBuffer(address, type);
    });
  };
  RankedTensorType tensor = getTensor(op.getResult());
  if (!tensor) {
    scalars[op.getResult()] = load({});
    return success();
  }
  Value buffer = allocate(tensor);
  forEach(tensor.getShape(), [&](Index index) {
    Value value = load(index);
    writeBuffer(getAddress(buffer, tensor, index), type, value);
  });
  setBuffer(op.getResult(), buffer);
  return success();
}

LogicalResult Lowering::lowerStore(tt::StoreOp op) {
  Type type = getElementTypeOrSelf(op.getValue().getType());
  auto store = [&](Index index) {
    Value address = element(op.getPtr(), index);
    Value mask = op.getMask() ? element(op.getMask(), index) : Value();
    Value value = element(op.getValue(), index);
    guarded(b, loc, mask, [&] {
      checkAccess(op, Access::Store, address, type, index);
      writeBuffer(address, type, value);
    });
  };
  if (RankedTensorType tensor = getTensor(op.getValue()))
    forEach(tensor.getShape(), store);
  else
    store({});
  return success();
}

static LLVM::AtomicOrdering getOrdering(tt::MemSemantic semantic) {
  switch (semantic) {
  case tt::MemSemantic::RELAXED:
    return LLVM::AtomicOrdering::monotonic;
  case tt::MemSemantic::ACQUIRE:
    return LLVM::AtomicOrdering::acquire;
  case tt::MemSemantic::RELEASE:
    return LLVM::AtomicOrdering::release;
  case tt::MemSemantic::ACQUIRE_RELEASE:
    return LLVM::AtomicOrdering::acq_rel;
  }
  llvm_unreachable("an order that Triton does not have");
}

static LLVM::AtomicBinOp getBinary(tt::RMWOp operation) {
  switch (operation) {
  case tt::RMWOp::AND:
    return LLVM::AtomicBinOp::_and;
  case tt::RMWOp::OR:
    return LLVM::AtomicBinOp::_or;
  case tt::RMWOp::XOR:
    return LLVM::AtomicBinOp::_xor;
  case tt::RMWOp::ADD:
    return LLVM::AtomicBinOp::add;
  case tt::RMWOp::FADD:
    return LLVM::AtomicBinOp::fadd;
  case tt::RMWOp::MAX:
    return LLVM::AtomicBinOp::max;
  case tt::RMWOp::MIN:
    return LLVM::AtomicBinOp::min;
  case tt::RMWOp::UMAX:
    return LLVM::AtomicBinOp::umax;
  case tt::RMWOp::UMIN:
    return LLVM::AtomicBinOp::umin;
  case tt::RMWOp::XCHG:
    return LLVM::AtomicBinOp::xchg;
  }
  llvm_unreachable("an operation that Triton does not have");
}

/// Adds *value* to the bf16 at *address*, for which there is no instruction:
/// tries until nobody else has written in between. Gives the old bits.
Value Lowering::emitAtomicAddBF16(Value address, Value value, Type type,
                                  LLVM::AtomicOrdering ordering) {
  Value first = LLVM::LoadOp::create(
      b, loc, value.getType(), address, getBytes(type), /*isVolatile=*/false,
      /*isNonTemporal=*/false, /*isInvariant=*/false,
      /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic);
  auto loop = scf::WhileOp::create(
      b, loc, TypeRange(value.getType()), ValueRange{first},
      [&](OpBuilder &, Location, ValueRange old) {
        Value sum = arith::AddFOp::create(b, loc, widen(old[0], type),
                                          widen(value, type));
        auto tried = LLVM::AtomicCmpXchgOp::create(
            b, loc, address, old[0], narrow(sum, type), ordering,
            LLVM::AtomicOrdering::monotonic);
        Value seen = LLVM::ExtractValueOp::create(b, loc, tried, 0);
        Value done = LLVM::ExtractValueOp::create(b, loc, tried, 1);
        Value again =
            arith::XOrIOp::create(b, loc, done, constantInt(b.getI1Type(), 1));
        scf::ConditionOp::create(b, loc, again, seen);
      },
      [&](OpBuilder &, Location, ValueRange seen) {
        scf::YieldOp::create(b, loc, seen);
      });
  return loop.getResult(0);
}

Value Lowering::emitAtomic(Operation *op, Value address, Index index) {
  auto operand = [&](Value value) { return element(value, index); };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](tt::AtomicRMWOp op) -> Value {
        Type type = getElementTypeOrSelf(op.getVal().getType());
        auto ordering = getOrdering(op.getSem());
        bool isSum = op.getAtomicRmwOp() == tt::RMWOp::FADD;
        if (isSum && type.isBF16())
          return emitAtomicAddBF16(address, operand(op.getVal()), type,
                                   ordering);
        return LLVM::AtomicRMWOp::create(b, loc, getBinary(op.getAtomicRmwOp()),
                                         address, operand(op.getVal()),
                                         ordering);
      })
      .Case([&](tt::AtomicCASOp op) -> Value {
        // Numbers are compared by their bits.
        Value expected = operand(op.getCmp()), value = operand(op.getVal());
        Type type = expected.getType();
        Type bits = isa<FloatType>(type)
                        ? b.getIntegerType(type.getIntOrFloatBitWidth())
                        : type;
        if (bits != type) {
          expected = arith::BitcastOp::create(b, loc, bits, expected);
          value = arith::BitcastOp::create(b, loc, bits, value);
        }
        auto ordering = getOrdering(op.getSem());
        bool acquires = ordering == LLVM::AtomicOrdering::acquire ||
                        ordering == LLVM::AtomicOrdering::acq_rel;
        auto tried = LLVM::AtomicCmpXchgOp::create(
            b, loc, address, expected, value, ordering,
            acquires ? LLVM::AtomicOrdering::acquire
                     : LLVM::AtomicOrdering::monotonic);
        Value old = LLVM::ExtractValueOp::create(b, loc, tried, 0);
        return bits == type ? old : arith::BitcastOp::create(b, loc, type, old);
      })
      .Case([&](tt::AtomicLoadOp op) -> Value {
        Type type = getElementTypeOrSelf(op.getType());
        return LLVM::LoadOp::create(
            b, loc, convertType(type), address, getBytes(type),
            /*isVolatile=*/false, /*isNonTemporal=*/false,
            /*isInvariant=*/false, /*isInvariantGroup=*/false,
            getOrdering(op.getSem()));
      })
      .Case([&](tt::AtomicStoreOp op) -> Value {
        Type type = getElementTypeOrSelf(op.getValue().getType());
        LLVM::StoreOp::create(b, loc, operand(op.getValue()), address,
                              getBytes(type), /*isVolatile=*/false,
                              /*isNonTemporal=*/false,
                              /*isInvariantGroup=*/false,
                              getOrdering(op.getSem()));
        return nullptr;
      });
}

LogicalResult Lowering::lowerAtomic(Operation *op) {
  Value pointers = op->getOperand(0);
  auto elementType =
      cast<tt::PointerType>(getElementTypeOrSelf(pointers)).getPointeeType();
  if (elementType.isInteger(1))
    return refuse(op, "a processor has no atomic operation on one bit");
  Value mask;
  if (auto predicated = dyn_cast<tt::PredicatedOpInterface>(op))
    mask = predicated.getPredicateOperand();
  auto emit = [&](Index index) -> Value {
    Value address = element(pointers, index);
    Value where = mask ? element(mask, index) : Value();
    auto body = [&] {
      checkAccess(op, Access::Atomic, address, elementType, index);
      return emitAtomic(op, address, index);
    };
    if (op->getNumResults() == 0) {
      guarded(b, loc, where, [&] { body(); });
      return nullptr;
    }
    Value other = where ? getZero(elementType) : Value();
    return guarded(b, loc, where, other, body);
  };
  RankedTensorType tensor = getTensor(pointers);
  if (!tensor) {
    if (Value result = emit({}))
      scalars[op->getResult(0)] = result;
    return success();
  }
  RankedTensorType type = tensor.clone(elementType);
  Value buffer = op->getNumResults() ? allocate(type) : Value();
  forEach(type.getShape(), [&](Index index) {
    if (Value result = emit(index))
      writeBuffer(getAddress(buffer, type, index), elementType, result);
  });
  if (buffer)
    setBuffer(op->getResult(0), buffer);
  return success();
}
