//===- Reductions.cpp - reduce, scan, histogram, map ----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A reduction goes by halves, so that its order is always the same and no
// element waits for the one before it:
//
//   element i = element i combined with element i + width / 2
//
// The first steps read the source, which need not be a buffer, and later ones
// scratch memory. Where rows are short, all rows of a tile are one row, and
// neighbours are combined:
//
//   element i = element 2 i combined with element 2 i + 1
//
// A shape here is outer dimensions, the axis, and inner dimensions.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <numeric>

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

/// How many elements of the source are combined before anything is written.
static constexpr int64_t firstFactor = 4;
/// The elements of scratch memory for a tile: less than half of the smallest
/// first-level cache, with two operands of 32 bits.
static constexpr int64_t tileLimit = 1024;

static int64_t product(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

template <typename T>
static SmallVector<T> inserted(ArrayRef<T> values, unsigned axis, T value) {
  SmallVector<T> all(values);
  all.insert(all.begin() + axis, value);
  return all;
}

static SmallVector<int64_t> without(ArrayRef<int64_t> shape, unsigned axis) {
  SmallVector<int64_t> kept(shape);
  kept.erase(kept.begin() + axis);
  return kept;
}

/// The part of *kept*, all dimensions but the axis, that is reduced at a time,
/// *depth* elements of scratch memory for each of its elements. The last of
/// the inner dimensions stays longer than a vector.
static SmallVector<int64_t> getTile(ArrayRef<int64_t> kept, unsigned axis,
                                    int64_t depth, int64_t lanes) {
  SmallVector<int64_t> tile(kept);
  for (unsigned i = 0; i < tile.size(); ++i) {
    bool isLastInner = i >= axis && i + 1 == tile.size();
    int64_t least = isLastInner ? 4 * lanes : 1;
    while (tile[i] > least && product(tile) * depth > tileLimit)
      tile[i] /= 2;
  }
  return tile;
}

SmallVector<Value> Lowering::combine(Region &region, ValueRange left,
                                     ValueRange right) {
  SmallVector<Value> arguments(left), results;
  llvm::append_range(arguments, right);
  if (succeeded(emitRegion(region, arguments, results)))
    return results;
  failedInside = true;
  return SmallVector<Value>(left);
}

SmallVector<Value> Lowering::elements(ValueRange tensors, Index index) {
  SmallVector<Value> found;
  for (Value tensor : tensors)
    found.push_back(element(tensor, index));
  return found;
}

SmallVector<Value> Lowering::readAll(ValueRange addresses, ValueRange tensors,
                                     Value position) {
  SmallVector<Value> found;
  for (auto [address, tensor] : llvm::zip_equal(addresses, tensors)) {
    Type type = getElementTypeOrSelf(tensor.getType());
    found.push_back(readBuffer(getAddress(address, type, position), type));
  }
  return found;
}

void Lowering::writeAll(ValueRange addresses, ValueRange tensors,
                        Value position, ValueRange values) {
  for (auto [address, tensor, value] :
       llvm::zip_equal(addresses, tensors, values)) {
    Type type = getElementTypeOrSelf(tensor.getType());
    writeBuffer(getAddress(address, type, position), type, value);
  }
}

SmallVector<Value> Lowering::allocateAll(ValueRange tensors, int64_t count) {
  SmallVector<Value> addresses;
  for (Value tensor : tensors)
    addresses.push_back(
        allocate(getElementTypeOrSelf(tensor.getType()), count));
  return addresses;
}

SmallVector<Value> Lowering::combineTwo(tt::ReduceOp op,
                                        ArrayRef<Value> addresses,
                                        ArrayRef<int64_t> shape, unsigned axis,
                                        Index index) {
  SmallVector<int64_t> both = inserted<int64_t>(shape, axis, 2);
  SmallVector<Value> sides[2];
  for (int64_t side : {0, 1}) {
    SmallVector<Value> at = inserted(index, axis, constantIndex(side));
    sides[side] = readAll(addresses, op.getSrcs(), getLinear(both, at));
  }
  return combine(op.getCombineOp(), sides[0], sides[1]);
}

SmallVector<Value> Lowering::combineSources(tt::ReduceOp op, int64_t depth,
                                            Index index, Value position) {
  unsigned axis = op.getAxis();
  int64_t count = getTensor(op.getSrcs()[0]).getDimSize(axis) / depth;
  SmallVector<SmallVector<Value>> values;
  for (int64_t i = 0; i < count; ++i) {
    Value at = getLinear({count, depth}, {constantIndex(i), position});
    values.push_back(elements(op.getSrcs(), inserted(index, axis, at)));
  }
  for (int64_t half = count / 2; half; half /= 2)
    for (int64_t i = 0; i < half; ++i)
      values[i] = combine(op.getCombineOp(), values[i], values[i + half]);
  return values[0];
}

LogicalResult Lowering::lowerReduce(tt::ReduceOp op) {
  OperandRange sources = op.getSrcs();
  ArrayRef<int64_t> shape = getTensor(sources[0]).getShape();
  unsigned axis = op.getAxis();
  SmallVector<int64_t> kept = without(shape, axis);
  int64_t lanes = std::max<int64_t>(options.vectorBits / 32, 1);
  int64_t depth = std::max<int64_t>(shape[axis] / firstFactor, 1);
  SmallVector<int64_t> tile =
      depth == 1 ? kept : getTile(kept, axis, depth, lanes);
  int64_t rows = product(ArrayRef(tile).take_front(axis));
  int64_t inner = product(tile) / rows;
  SmallVector<int64_t> blocks;
  for (auto [whole, part] : llvm::zip_equal(kept, tile))
    blocks.push_back(whole / part);

  SmallVector<Value> addresses = allocateFor(op.getResultTypes()), from, to;
  if (depth > 1)
    from = allocateAll(sources, depth * rows * inner);
  if (depth > 2)
    to = allocateAll(sources, depth / 2 * rows * inner);
  forEach(blocks, [&](Index block) {
    auto getKept = [&](Index inside) {
      SmallVector<Value> index;
      for (unsigned i = 0; i < inside.size(); ++i)
        index.push_back(getLinear({blocks[i], tile[i]}, {block[i], inside[i]}));
      return index;
    };
    auto finish = [&](Index index, ValueRange values) {
      if (kept.empty())
        return define(op.getResults(), {}, values);
      writeAll(addresses, sources, getLinear(kept, index), values);
    };
    if (depth == 1)
      return forEach(tile, [&](Index index) {
        finish(index, combineSources(op, depth, index, constantIndex(0)));
      });
    SmallVector<int64_t> deep = inserted<int64_t>(tile, axis, depth);
    forEach(deep, [&](Index at) {
      SmallVector<Value> inside(at);
      inside.erase(inside.begin() + axis);
      writeAll(from, sources, getLinear(deep, at),
               combineSources(op, depth, getKept(inside), at[axis]));
    });
    auto step = [&](ArrayRef<int64_t> shape) {
      forEach(shape, [&](Index at) {
        writeAll(to, sources, getLinear(shape, at),
                 combineTwo(op, from, shape, /*axis=*/1, at));
      });
      std::swap(from, to);
    };
    for (int64_t half = depth / 2; half > 1; half /= 2)
      if (axis == kept.size() && half < lanes)
        step({rows * half});
      else
        step({rows, half * inner});
    forEach(tile, [&](Index inside) {
      finish(getKept(inside), combineTwo(op, from, tile, axis, inside));
    });
  });
  if (!kept.empty())
    define(op.getResults(), addresses, {});
  return failure(failedInside);
}

/// The sum or product of two elements that is all that *op* combines them by;
/// null if it does anything else.
static Operation *getSumOrProduct(tt::ScanOp op) {
  Block &block = op.getCombineOp().front();
  Operation *first = &block.front();
  bool isAll = block.getNumArguments() == 2 &&
               first->getNextNode() == block.getTerminator() &&
               block.getTerminator()->getOperand(0) == first->getResult(0) &&
               first->getOperand(0) != first->getOperand(1);
  return isAll && isa<arith::AddFOp, arith::MulFOp>(first) ? first : nullptr;
}

LogicalResult Lowering::lowerScan(tt::ScanOp op) {
  OperandRange sources = op.getSrcs();
  ArrayRef<int64_t> shape = getTensor(sources[0]).getShape();
  unsigned axis = op.getAxis();
  int64_t size = shape[axis];
  bool reverse = op.getReverse();
  SmallVector<Value> addresses = allocateFor(op.getResultTypes());
  auto write = [&](Index index, ValueRange values) {
    writeAll(addresses, sources, getLinear(shape, index), values);
  };
  // One element after the other, errors would add up in a number of few bits.
  // So a running sum or product of such numbers is one of fp32.
  Type type = getElementTypeOrSelf(sources[0].getType()), f32 = b.getF32Type();
  Operation *running = isNarrow(type) ? getSumOrProduct(op) : nullptr;
  SmallVector<int64_t> rows = without(shape, axis);
  Value totals = running ? allocate(f32, product(rows)) : Value();
  auto getTotal = [&](Index index) {
    SmallVector<Value> kept(index);
    kept.erase(kept.begin() + axis);
    return getAddress(totals, f32, getLinear(rows, kept));
  };
  Value start = constantIndex(reverse ? size - 1 : 0);
  forEach(rows, [&](Index kept) {
    SmallVector<Value> index = inserted(kept, axis, start);
    SmallVector<Value> values = elements(sources, index);
    if (running)
      writeBuffer(getTotal(index), f32, widen(values[0], type));
    write(index, values);
  });
  SmallVector<int64_t> rest(shape);
  rest[axis] = size - 1;
  if (size > 1)
    forEach(rest, [&](Index at) {
      SmallVector<Value> before(at), index(at);
      if (reverse)
        before[axis] = arith::SubIOp::create(b, loc, start, at[axis]);
      index[axis] = arith::AddIOp::create(b, loc, before[axis],
                                          constantIndex(reverse ? -1 : 1));
      if (running) {
        Value total = getTotal(index);
        Value next = widen(element(sources[0], index), type);
        next = copyOp(running, {readBuffer(total, f32), next})->getResult(0);
        writeBuffer(total, f32, next);
        return write(index, narrow(next, type));
      }
      write(index,
            combine(op.getCombineOp(),
                    readAll(addresses, sources, getLinear(shape, before)),
                    elements(sources, index)));
    });
  define(op.getResults(), addresses, {});
  return failure(failedInside);
}

LogicalResult Lowering::lowerHistogram(tt::HistogramOp op) {
  RankedTensorType type = op.getType();
  Type counter = type.getElementType();
  int64_t bins = type.getNumElements();
  Value one = constantInt(counter, 1), zero = constantInt(counter, 0);
  // What is not counted goes to a bin after the last, which nobody reads.
  Value address = allocate(counter, bins + 1);
  forRange(bins, [&](Value bin) {
    writeBuffer(getAddress(address, counter, bin), counter, zero);
  });
  forEach(getTensor(op.getSrc()).getShape(), [&](Index index) {
    Value bin = element(op.getSrc(), index);
    if (bin.getType().getIntOrFloatBitWidth() < 64)
      bin = arith::ExtSIOp::create(b, loc, b.getI64Type(), bin);
    // A negative number is a large one without a sign.
    Value counted = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                          bin, constantIndex(bins));
    if (op.getMask())
      counted =
          arith::AndIOp::create(b, loc, counted, element(op.getMask(), index));
    bin = arith::SelectOp::create(b, loc, counted, bin, constantIndex(bins));
    Value place = getAddress(address, counter, bin);
    Value before = readBuffer(place, counter);
    writeBuffer(place, counter, arith::AddIOp::create(b, loc, before, one));
  });
  setBuffer(op.getResult(), address);
  return failure(failedInside);
}

LogicalResult Lowering::lowerMapElementwise(tt::MapElementwiseOp op) {
  int64_t pack = op.getPack();
  SmallVector<int64_t> packs(getTensor(op.getSrcs()[0]).getShape());
  if (packs.back() % pack)
    return refuse(op, "it takes " + Twine(pack) +
                          " elements at a time, and the last dimension has " +
                          Twine(packs.back()) +
                          "; pass a pack that divides it");
  packs.back() /= pack;
  SmallVector<Value> addresses = allocateFor(op.getResultTypes());
  LogicalResult done = success();
  forEach(packs, [&](Index at) {
    SmallVector<SmallVector<Value>> indices(pack, SmallVector<Value>(at));
    for (int64_t i = 0; i < pack; ++i)
      indices[i].back() =
          getLinear({packs.back(), pack}, {at.back(), constantIndex(i)});
    for (auto [i, argument] : llvm::enumerate(op.getScalarOp().getArguments()))
      scalars[argument] = element(op.getSrcs()[i / pack], indices[i % pack]);

    SmallVector<Type> types;
    for (Type type : op.getResultTypes())
      types.append(pack, convertType(getElementTypeOrSelf(type)));
    auto run = scf::ExecuteRegionOp::create(b, loc, types);
    {
      OpBuilder::InsertionGuard guard(b);
      b.createBlock(&run.getRegion());
      done =
          lowerBlocks(op.getScalarOp(), run.getRegion(), [&](Operation *end) {
            scf::YieldOp::create(b, loc, leave(end->getOperands(), {}));
            return success();
          });
    }
    if (failed(done))
      return;
    for (auto [i, value] : llvm::enumerate(run.getResults())) {
      RankedTensorType type = getTensor(op->getResult(i / pack));
      writeBuffer(getAddress(addresses[i / pack], type, indices[i % pack]),
                  type.getElementType(), value);
    }
  });
  define(op.getResults(), addresses, {});
  return done;
}
