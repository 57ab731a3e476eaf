//===- Tensors.cpp - buffers and expressions ------------------------------===//
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

/// Widest vectors of the processors that there are, in bytes.
static constexpr unsigned bufferAlignment = 64;

Value Lowering::allocate(Type type, int64_t count) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&target.getBody().front());
  int64_t bytes = llvm::alignTo(count * getBytes(type), bufferAlignment);
  scratch += bytes;
  Value size = constantInt(b.getI64Type(), bytes);
  return LLVM::AllocaOp::create(b, loc, pointer(), b.getI8Type(), size,
                                bufferAlignment);
}

Value Lowering::constantIndex(int64_t value) {
  Value &known = indexConstants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&target.getBody().front());
    known = constantInt(b.getI64Type(), value);
  }
  return known;
}

Value Lowering::getLinear(ArrayRef<int64_t> shape, Index index) {
  Value linear;
  for (auto [size, position] : llvm::zip_equal(shape, index)) {
    if (linear && size != 1)
      linear = arith::MulIOp::create(b, loc, linear, constantIndex(size));
    if (size != 1)
      linear =
          linear ? arith::AddIOp::create(b, loc, linear, position) : position;
  }
  return linear ? linear : constantIndex(0);
}

Value Lowering::getAddress(Value address, Type element, Value position) {
  return LLVM::GEPOp::create(b, loc, pointer(), getMemoryType(element), address,
                             ArrayRef<LLVM::GEPArg>{position},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value Lowering::getAddress(Value address, RankedTensorType type, Index index) {
  return getAddress(address, type.getElementType(),
                    getLinear(type.getShape(), index));
}

Value Lowering::readBuffer(Value address, Type element) {
  Type stored = getMemoryType(element), computed = convertType(element);
  Value value =
      LLVM::LoadOp::create(b, loc, stored, address, getBytes(element));
  if (stored == computed)
    return value;
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value,
                               constantInt(stored, 0));
}

void Lowering::writeBuffer(Value address, Type element, Value value) {
  Type stored = getMemoryType(element);
  if (value.getType() != stored)
    value = arith::ExtUIOp::create(b, loc, stored, value);
  LLVM::StoreOp::create(b, loc, value, address, getBytes(element));
}

void Lowering::forRange(int64_t count, llvm::function_ref<void(Value)> body) {
  if (count == 1) {
    Scope scope(*this);
    return body(constantIndex(0));
  }
  auto loop = scf::ForOp::create(b, loc, constantIndex(0), constantIndex(count),
                                 constantIndex(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Scope scope(*this);
  body(loop.getInductionVar());
}

void Lowering::forEach(ArrayRef<int64_t> shape,
                       llvm::function_ref<void(Index)> body) {
  SmallVector<Value> index;
  std::function<void()> nest = [&] {
    if (index.size() == shape.size())
      return body(index);
    forRange(shape[index.size()], [&](Value position) {
      index.push_back(position);
      nest();
      index.pop_back();
    });
  };
  nest();
}

Value Lowering::element(Value tensor, Index index) {
  RankedTensorType type = getTensor(tensor);
  if (!type)
    return scalar(tensor);
  std::pair<void *, std::vector<void *>> key{tensor.getAsOpaquePointer(), {}};
  for (Value position : index)
    key.second.push_back(position.getAsOpaquePointer());
  for (const auto &known : llvm::reverse(memo))
    if (auto found = known.find(key); found != known.end())
      return found->second;
  Value found;
  if (Value buffer = buffers.lookup(tensor))
    found = readBuffer(getAddress(buffer, type, index), type.getElementType());
  else
    found = emitElement(cast<OpResult>(tensor), index);
  return memo.back()[std::move(key)] = found;
}

/// The positions in a shape with some dimensions of size 1 more or less are the
/// same. Empty if *from* is not *to* but for those.
static std::optional<SmallVector<Value>>
moveUnitDimensions(ArrayRef<int64_t> from, ArrayRef<int64_t> to, Index index,
                   Value zero) {
  SmallVector<Value> kept, moved;
  SmallVector<int64_t> sizes;
  for (auto [size, position] : llvm::zip_equal(from, index))
    if (size != 1) {
      kept.push_back(position);
      sizes.push_back(size);
    }
  unsigned next = 0;
  for (int64_t size : to) {
    if (size == 1) {
      moved.push_back(zero);
      continue;
    }
    if (next == sizes.size() || sizes[next] != size)
      return std::nullopt;
    moved.push_back(kept[next++]);
  }
  return moved;
}

Value Lowering::emitReshape(tt::ReshapeOp op, Index index) {
  ArrayRef<int64_t> from = op.getType().getShape();
  ArrayRef<int64_t> to = op.getSrc().getType().getShape();
  if (auto moved = moveUnitDimensions(from, to, index, constantIndex(0)))
    return element(op.getSrc(), *moved);
  Value linear = getLinear(from, index);
  SmallVector<Value> positions(to.size());
  for (int i = to.size() - 1; i >= 0; --i) {
    Value size = constantIndex(to[i]);
    positions[i] = arith::RemUIOp::create(b, loc, linear, size);
    linear = arith::DivUIOp::create(b, loc, linear, size);
  }
  return element(op.getSrc(), positions);
}

Value Lowering::getConstantData(DenseElementsAttr values) {
  OpBuilder::InsertPoint here = b.saveInsertionPoint();
  auto type = cast<RankedTensorType>(values.getType());
  Type stored = getMemoryType(type.getElementType());
  auto data = LLVM::LLVMArrayType::get(stored, type.getNumElements());
  std::string name =
      ("host_data_" + Twine(module.getBody()->getOperations().size())).str();
  b.setInsertionPointToStart(module.getBody());
  auto global = LLVM::GlobalOp::create(b, loc, data, /*isConstant=*/true,
                                       LLVM::Linkage::Internal, name,
                                       /*value=*/Attribute());
  b.createBlock(&global.getInitializerRegion());
  Value whole = LLVM::UndefOp::create(b, loc, data);
  int64_t position = 0;
  for (Attribute value : values.getValues<Attribute>()) {
    Value one = constant(cast<TypedAttr>(value));
    if (one.getType() != stored)
      one = arith::ExtUIOp::create(b, loc, stored, one);
    whole = LLVM::InsertValueOp::create(b, loc, whole, one, position++);
  }
  LLVM::ReturnOp::create(b, loc, whole);
  b.restoreInsertionPoint(here);
  return LLVM::AddressOfOp::create(b, loc, global);
}

Value Lowering::emitElement(OpResult result, Index index) {
  Operation *op = result.getOwner();
  Value zero = constantIndex(0);
  auto concatenated = [&](Value first, Value second, unsigned axis) {
    // Both are read, at a position that each has.
    int64_t size = getTensor(first).getRank() > axis
                       ? getTensor(first).getDimSize(axis)
                       : 1;
    Value limit = constantIndex(size);
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                          index[axis], limit);
    Value rest = arith::SubIOp::create(b, loc, index[axis], limit);
    SmallVector<Value> left(index), right(index);
    left[axis] = arith::SelectOp::create(b, loc, isFirst, index[axis], zero);
    right[axis] = arith::SelectOp::create(b, loc, isFirst, zero, rest);
    if (getTensor(first).getRank() < static_cast<int64_t>(index.size())) {
      left.pop_back();
      right.pop_back();
    }
    Value a = element(first, left), c = element(second, right);
    return Value(arith::SelectOp::create(b, loc, isFirst, a, c));
  };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::ConstantOp op) {
        auto values = cast<DenseElementsAttr>(op.getValue());
        return constant(cast<TypedAttr>(values.getSplatValue<Attribute>()));
      })
      .Case([&](tt::SplatOp op) { return scalar(op.getSrc()); })
      .Case([&](tt::MakeRangeOp op) -> Value {
        Value position =
            arith::TruncIOp::create(b, loc, b.getI32Type(), index[0]);
        int64_t start = op.getStartAttr().getInt();
        return arith::AddIOp::create(b, loc, position,
                                     constantInt(b.getI32Type(), start));
      })
      .Case([&](tt::BroadcastOp op) {
        SmallVector<Value> source(index);
        for (auto [i, size] : llvm::enumerate(op.getSrc().getType().getShape()))
          if (size == 1)
            source[i] = zero;
        return element(op.getSrc(), source);
      })
      .Case([&](tt::ExpandDimsOp op) {
        SmallVector<Value> source(index);
        source.erase(source.begin() + op.getAxis());
        return element(op.getSrc(), source);
      })
      .Case([&](tt::TransOp op) {
        SmallVector<Value> source(index.size());
        for (auto [i, from] : llvm::enumerate(op.getOrder()))
          source[from] = index[i];
        return element(op.getSrc(), source);
      })
      .Case([&](tt::ReshapeOp op) { return emitReshape(op, index); })
      .Case([&](tt::CatOp op) {
        return concatenated(op.getLhs(), op.getRhs(), 0);
      })
      .Case([&](tt::JoinOp op) {
        return concatenated(op.getLhs(), op.getRhs(), index.size() - 1);
      })
      .Case([&](tt::SplitOp op) {
        SmallVector<Value> source(index);
        source.push_back(constantIndex(result.getResultNumber()));
        return element(op.getSrc(), source);
      })
      .Case([&](tt::GatherOp op) {
        SmallVector<Value> source(index);
        source[op.getAxis()] = emitGatherPosition(op, index);
        return element(op.getSrc(), source);
      })
      .Default([&](Operation *op) {
        SmallVector<Value> operands, results;
        for (Value operand : op->getOperands())
          operands.push_back(element(operand, index));
        failedInside |= failed(emitScalarOp(op, operands, results));
        return results.empty()
                   ? LLVM::PoisonOp::create(
                         b, loc,
                         convertType(getElementTypeOrSelf(result.getType())))
                         .getResult()
                   : results[result.getResultNumber()];
      });
}

Value Lowering::emitGatherPosition(tt::GatherOp op, Index index) {
  Value position = element(op.getIndices(), index);
  unsigned width = position.getType().getIntOrFloatBitWidth();
  if (width < 64)
    position = arith::ExtSIOp::create(b, loc, b.getI64Type(), position);
  // An index that is out of range is the user's fault, and must not leave the
  // buffer all the same. The size is a power of two.
  int64_t size = op.getSrc().getType().getDimSize(op.getAxis());
  return arith::AndIOp::create(b, loc, position, constantIndex(size - 1));
}

Value Lowering::getBuffer(Value tensor) {
  if (Value buffer = buffers.lookup(tensor))
    return buffer;
  Value buffer = allocate(getTensor(tensor));
  copy(tensor, buffer);
  setBuffer(tensor, buffer);
  return buffer;
}

void Lowering::setBuffer(Value tensor, Value address) {
  buffers[tensor] = address;
  costs.clear();
  evaluations.clear();
}

void Lowering::copy(Value tensor, Value address) {
  RankedTensorType type = getTensor(tensor);
  if (buffers.lookup(tensor) == address)
    return;
  forEach(type.getShape(), [&](Index index) {
    Value value = element(tensor, index);
    writeBuffer(getAddress(address, type, index), type.getElementType(), value);
  });
}

void Lowering::getReads(Value tensor, bool moved, llvm::SetVector<Value> &read,
                        llvm::SetVector<Value> &readMoved) {
  if (!getTensor(tensor))
    return;
  if (Value buffer = buffers.lookup(tensor)) {
    read.insert(buffer);
    if (moved)
      readMoved.insert(buffer);
    return;
  }
  Operation *op = tensor.getDefiningOp();
  for (Value operand : op->getOperands())
    getReads(operand, moved || !isElementwise(op), read, readMoved);
}

void Lowering::copyAll(ArrayRef<std::pair<Value, Value>> sourcesAndBuffers) {
  llvm::SetVector<Value> written;
  for (auto [source, buffer] : sourcesAndBuffers)
    written.insert(buffer);
  SmallVector<std::pair<Value, Value>> safe(sourcesAndBuffers);
  for (auto &[source, buffer] : safe) {
    llvm::SetVector<Value> read, readMoved;
    getReads(source, /*moved=*/false, read, readMoved);
    if (buffers.lookup(source) == buffer)
      continue;
    bool disturbed = llvm::any_of(read, [&, own = buffer](Value other) {
      return written.contains(other) &&
             (other != own || readMoved.contains(other));
    });
    if (!disturbed)
      continue;
    Value between = allocate(getTensor(source));
    copy(source, between);
    // Nothing after the copies reads the source.
    setBuffer(source, between);
  }
  for (auto [source, buffer] : safe)
    copy(source, buffer);
}
