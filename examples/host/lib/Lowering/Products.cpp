//===- Products.cpp - dot and dot_scaled ----------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A product of matrices is written with vectors, as no optimizer finds this
// form: a tile of the result stays in registers while the loop goes over the
// depth, and each number of the left side is multiplied with some vectors of
// the right side.
//
//   for each panel, some columns of the right side:
//     copy the panel, so that its rows follow one another
//     for each tile of rows:
//       sums = the accumulator
//       for k: sums[r][v] += splat(left[r, k]) * right[k, v]
//       result = sums
//
// Numbers are multiplied and summed as fp32; fp64 and integers as what the
// result is. A side that is in memory as such numbers is read where it is.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

/// The type that a product with results of *type* is computed in, or none.
static Type getSumType(Type type) {
  if (type.isF16())
    return Float32Type::get(type.getContext());
  return type.isF32() || type.isF64() || type.isInteger(32) ? type : Type();
}

//===----------------------------------------------------------------------===//
// The accumulator
//===----------------------------------------------------------------------===//

/// Whether *use* is the accumulator of a product.
static bool isAccumulator(OpOperand &use) {
  if (auto dot = dyn_cast<tt::DotOp>(use.getOwner()))
    return &use == &dot.getCMutable();
  auto dot = dyn_cast<tt::DotScaledOp>(use.getOwner());
  return dot && &use == &dot.getCMutable();
}

BlockArgument Lowering::getCarried(Value c) {
  if (!c.hasOneUse() || !isAccumulator(*c.use_begin()))
    return nullptr;
  Operation *dot = *c.user_begin();
  Value result = dot->getResult(0);
  auto loop = dyn_cast<scf::ForOp>(dot->getParentOp());
  if (!loop || !result.hasOneUse() ||
      *result.user_begin() != loop.getBody()->getTerminator())
    return nullptr;
  BlockArgument carried =
      loop.getRegionIterArg(result.use_begin()->getOperandNumber());
  Value value = carried;
  while (value.hasOneUse() && value.getType() == c.getType()) {
    if (value == c)
      return carried;
    Operation *user = *value.user_begin();
    if (!isElementwise(user) || user->getNumResults() != 1 ||
        user->getBlock() != dot->getBlock())
      return nullptr;
    value = user->getResult(0);
  }
  return nullptr;
}

static bool isZero(Value tensor) {
  auto constant = tensor.getDefiningOp<arith::ConstantOp>();
  auto values = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                         : DenseElementsAttr();
  if (!values || !values.isSplat())
    return false;
  if (isa<FloatType>(values.getElementType()))
    return values.getSplatValue<APFloat>().isPosZero();
  return values.getSplatValue<APInt>().isZero();
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// A product while it is written. What a function takes as `batch` is the
/// position in the dimensions before the last two.
struct Lowering::Product {
  Product(Lowering &lowering, RankedTensorType type, Type sumType, Side left,
          Side right);

  /// Writes all of it: sums that begin with what is at *begin*, or with zero
  /// if that is null, go to *address*.
  void write(Value begin, Value address);

private:
  void copyLeft(Index batch);
  void copyPanel(Index batch, Value panel);
  void transposePanel();
  void writeTile(Index batch, Value panel, Value rowTile);
  /// Adds the products of a tile to *sums*, which has its rows one by one.
  void multiply(Index batch, Value panel, Value rowTile,
                SmallVectorImpl<Value> &sums);
  Value multiplyAdd(Value number, Value vector, Value sum);
  Value readLeft(Index batch, Value row, Value k);
  Value readRight(Index batch, Value panel, Value inside, Value k);

  Value readVector(Value address, Type element, Value position);
  void writeVector(Value address, Type element, Value position, Value vector);
  Value getColumn(Value panel, Value inside) {
    return l.getLinear({columns / width, width}, {panel, inside});
  }
  Value getRow(Value rowTile, int64_t row) {
    return l.getLinear({rows / height, height},
                       {rowTile, l.constantIndex(row)});
  }
  static SmallVector<Value> at(Index batch, Value row, Value column) {
    SmallVector<Value> index(batch);
    index.append({row, column});
    return index;
  }

  Lowering &l;
  OpBuilder &b;
  RankedTensorType type;
  Type sumType;
  Side left, right;
  int64_t rows, columns, depth;
  /// The size of a tile. A row has `width / lanes` vectors.
  int64_t height, width, lanes;
  Value begin, address;
  /// Where the sides are copied to, if they are.
  Value leftCopy, panelCopy, panelColumns;
};

Lowering::Product::Product(Lowering &lowering, RankedTensorType type,
                           Type sumType, Side leftSide, Side rightSide)
    : l(lowering), b(lowering.b), type(type), sumType(sumType),
      left(std::move(leftSide)), right(std::move(rightSide)) {
  ArrayRef<int64_t> shape = type.getShape();
  rows = shape[shape.size() - 2];
  columns = shape.back();
  depth = left.shape.back();
  // Half of the vector registers hold sums. There are 32 of the widest kind,
  // and 16 of the others, or more.
  int64_t bits = l.options.vectorBits, sums = bits >= 512 ? 16 : 8;
  lanes =
      std::clamp<int64_t>(bits / sumType.getIntOrFloatBitWidth(), 1, columns);
  int64_t vectors = std::min<int64_t>(columns / lanes, 2);
  height = std::min(rows, sums / vectors);
  width = lanes * std::min(columns / lanes, sums / height);

  if (!left.address)
    leftCopy = l.allocate(sumType, rows * depth);
  // A panel that is read once, or that is all columns, can stay where it is.
  if (right.address && (rows == height || columns == width))
    return;
  panelCopy = l.allocate(sumType, depth * width);
  if (right.isTransposed && depth >= lanes && lanes > 1)
    panelColumns = l.allocate(sumType, depth * width);
}

void Lowering::Product::write(Value beginning, Value result) {
  begin = beginning;
  address = result;
  l.forEach(type.getShape().drop_back(2), [&](Index batch) {
    if (leftCopy)
      copyLeft(batch);
    l.forRange(columns / width, [&](Value panel) {
      if (panelCopy)
        copyPanel(batch, panel);
      l.forRange(rows / height,
                 [&](Value rowTile) { writeTile(batch, panel, rowTile); });
    });
  });
}

void Lowering::Product::copyLeft(Index batch) {
  // The order is that of the source; one number at a time is read of it.
  SmallVector<int64_t> shape{rows, depth};
  if (left.isTransposed)
    std::swap(shape[0], shape[1]);
  l.forEach(shape, [&](Index index) {
    Value row = index[left.isTransposed], k = index[!left.isTransposed];
    Value place = l.getAddress(leftCopy, sumType, l.getLinear(shape, index));
    l.writeBuffer(place, sumType, left.element(at(batch, row, k)));
  });
}

void Lowering::Product::copyPanel(Index batch, Value panel) {
  bool isTransposed = panelColumns != nullptr;
  Value to = isTransposed ? panelColumns : panelCopy;
  SmallVector<int64_t> shape{depth, width};
  if (isTransposed)
    std::swap(shape[0], shape[1]);
  l.forEach(shape, [&](Index index) {
    Value k = index[isTransposed],
          column = getColumn(panel, index[!isTransposed]);
    Value place = l.getAddress(to, sumType, l.getLinear(shape, index));
    l.writeBuffer(place, sumType, right.element(at(batch, k, column)));
  });
  if (isTransposed)
    transposePanel();
}

void Lowering::Product::transposePanel() {
  l.forEach({width / lanes, depth / lanes}, [&](Index square) {
    auto getPlace = [&](bool isColumn, int64_t line) {
      SmallVector<int64_t> shape{depth / lanes, lanes, width / lanes, lanes};
      SmallVector<Value> index{square[1], l.constantIndex(line), square[0],
                               l.constantIndex(0)};
      if (isColumn) {
        std::rotate(shape.begin(), shape.begin() + 2, shape.end());
        std::swap(index[0], index[2]);
      }
      return l.getLinear(shape, index);
    };
    SmallVector<Value> lines;
    for (int64_t i = 0; i < lanes; ++i)
      lines.push_back(readVector(panelColumns, sumType, getPlace(true, i)));
    // Of each square of four blocks, the two off the diagonal change places;
    // then the same within each block.
    for (int64_t half = lanes / 2; half; half /= 2) {
      SmallVector<int32_t> upper, lower;
      for (int64_t i = 0; i < lanes; ++i) {
        upper.push_back(i & half ? lanes + i - half : i);
        lower.push_back(i & half ? lanes + i : i + half);
      }
      for (int64_t i = 0; i < lanes; ++i) {
        if (i & half)
          continue;
        Value first = lines[i], second = lines[i + half];
        lines[i] =
            LLVM::ShuffleVectorOp::create(b, l.loc, first, second, upper);
        lines[i + half] =
            LLVM::ShuffleVectorOp::create(b, l.loc, first, second, lower);
      }
    }
    for (int64_t i = 0; i < lanes; ++i)
      writeVector(panelCopy, sumType, getPlace(false, i), lines[i]);
  });
}

void Lowering::Product::writeTile(Index batch, Value panel, Value rowTile) {
  Type element = type.getElementType();
  auto stored = VectorType::get(lanes, element);
  auto summed = VectorType::get(lanes, sumType);
  SmallVector<Value> places, sums;
  for (int64_t row = 0; row < height; ++row)
    for (int64_t inside = 0; inside < width; inside += lanes) {
      Value column = getColumn(panel, l.constantIndex(inside));
      places.push_back(l.getLinear(type.getShape(),
                                   at(batch, getRow(rowTile, row), column)));
      Value sum = begin ? readVector(begin, element, places.back())
                        : l.constant(b.getZeroAttr(stored));
      sums.push_back(element == sumType
                         ? sum
                         : arith::ExtFOp::create(b, l.loc, summed, sum));
    }
  multiply(batch, panel, rowTile, sums);
  for (auto [place, sum] : llvm::zip_equal(places, sums))
    writeVector(address, element, place,
                element == sumType
                    ? sum
                    : arith::TruncFOp::create(b, l.loc, stored, sum));
}

void Lowering::Product::multiply(Index batch, Value panel, Value rowTile,
                                 SmallVectorImpl<Value> &sums) {
  auto loop =
      scf::ForOp::create(b, l.loc, l.constantIndex(0), l.constantIndex(depth),
                         l.constantIndex(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value k = loop.getInductionVar();
  SmallVector<Value> vectors, next(loop.getRegionIterArgs());
  for (int64_t inside = 0; inside < width; inside += lanes)
    vectors.push_back(readRight(batch, panel, l.constantIndex(inside), k));
  for (int64_t row = 0; row < height; ++row) {
    Value number = readLeft(batch, getRow(rowTile, row), k);
    for (auto [i, vector] : llvm::enumerate(vectors)) {
      Value &sum = next[row * vectors.size() + i];
      sum = multiplyAdd(number, vector, sum);
    }
  }
  scf::YieldOp::create(b, l.loc, next);
  sums.assign(loop.result_begin(), loop.result_end());
}

Value Lowering::Product::multiplyAdd(Value number, Value vector, Value sum) {
  Value one = LLVM::InsertElementOp::create(
      b, l.loc, LLVM::PoisonOp::create(b, l.loc, sum.getType()), number,
      l.constantInt(b.getI32Type(), 0));
  Value all = LLVM::ShuffleVectorOp::create(b, l.loc, one, one,
                                            SmallVector<int32_t>(lanes, 0));
  // Rounded once where the processor can.
  if (isa<FloatType>(sumType))
    return LLVM::FMulAddOp::create(b, l.loc, all, vector, sum);
  return arith::AddIOp::create(
      b, l.loc, arith::MulIOp::create(b, l.loc, all, vector), sum);
}

Value Lowering::Product::readLeft(Index batch, Value row, Value k) {
  Value from = left.address ? left.address : leftCopy;
  Value position = left.address ? l.getLinear(left.shape, at(batch, row, k))
                   : left.isTransposed ? l.getLinear({depth, rows}, {k, row})
                                       : l.getLinear({rows, depth}, {row, k});
  return l.readBuffer(l.getAddress(from, sumType, position), sumType);
}

Value Lowering::Product::readRight(Index batch, Value panel, Value inside,
                                   Value k) {
  if (panelCopy)
    return readVector(panelCopy, sumType,
                      l.getLinear({depth, width}, {k, inside}));
  Value column = getColumn(panel, inside);
  return readVector(right.address, sumType,
                    l.getLinear(right.shape, at(batch, k, column)));
}

Value Lowering::Product::readVector(Value from, Type element, Value position) {
  return LLVM::LoadOp::create(b, l.loc, VectorType::get(lanes, element),
                              l.getAddress(from, element, position),
                              l.getBytes(element));
}

void Lowering::Product::writeVector(Value to, Type element, Value position,
                                    Value vector) {
  LLVM::StoreOp::create(b, l.loc, vector, l.getAddress(to, element, position),
                        l.getBytes(element));
}

LogicalResult Lowering::lowerProduct(Operation *op, Value c, Side left,
                                     Side right) {
  Value result = op->getResult(0);
  RankedTensorType type = getTensor(result);
  Type sumType = getSumType(type.getElementType());
  if (!sumType)
    return refuse(op, "the result of a product is f16, f32, f64 or i32");
  Product product(*this, type, sumType, std::move(left), std::move(right));
  BlockArgument carried = getCarried(c);
  Value address = carried ? buffers.lookup(carried) : allocate(type);
  Value begin = carried ? Value() : buffers.lookup(c);
  if (!begin && !isZero(c)) {
    copy(c, address);
    begin = address;
  }
  product.write(begin, address);
  setBuffer(result, address);
  return failure(failedInside);
}

/// Whether numbers of *tensor* that follow one another where they are read
/// are those of a column.
bool Lowering::isTransposed(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (!op || !getTensor(tensor) || buffers.contains(tensor))
    return false;
  if (auto transposed = dyn_cast<tt::TransOp>(op)) {
    ArrayRef<int32_t> order = transposed.getOrder();
    unsigned last = order.size() - 1;
    return order[last] == static_cast<int32_t>(last) - 1 &&
           !isTransposed(transposed.getSrc());
  }
  return isElementwise(op) &&
         llvm::any_of(op->getOperands(),
                      [&](Value operand) { return isTransposed(operand); });
}

LogicalResult Lowering::lowerDot(tt::DotOp op) {
  Type sumType = getSumType(op.getType().getElementType());
  auto getSide = [&](Value tensor) {
    RankedTensorType type = getTensor(tensor);
    Type element = type.getElementType();
    Side side{SmallVector<int64_t>(type.getShape()), isTransposed(tensor),
              /*address=*/nullptr, /*element=*/nullptr};
    if (element == sumType)
      side.address = buffers.lookup(tensor);
    side.element = [this, tensor, element, sumType](Index index) -> Value {
      Value value = this->element(tensor, index);
      if (isa<FloatType>(element))
        return convertFloat(value, element, sumType, /*towardZero=*/false);
      return element == sumType
                 ? value
                 : arith::ExtSIOp::create(b, loc, sumType, value);
    };
    return side;
  };
  return lowerProduct(op, op.getC(), getSide(op.getA()), getSide(op.getB()));
}

//===----------------------------------------------------------------------===//
// Microscaling formats
//===----------------------------------------------------------------------===//

/// What the four bits of *byte* from 4 * *half* on are as e2m1, in fp32.
Value Lowering::decodeE2M1(Value byte, Value half) {
  Type i32 = b.getI32Type();
  auto number = [&](uint32_t value) {
    return constantInt(i32, static_cast<int32_t>(value));
  };
  Value wide = arith::ExtUIOp::create(b, loc, i32, byte);
  Value shift = arith::ShLIOp::create(
      b, loc, arith::TruncIOp::create(b, loc, i32, half), number(2));
  Value bits = arith::ShRUIOp::create(b, loc, wide, shift);
  Value magnitude = arith::AndIOp::create(b, loc, bits, number(7));
  // Exponent and fraction move to their places in fp32, and the exponent from
  // its bias of 1 to 127. The one subnormal number is 0.5.
  Value normal = arith::AddIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, magnitude, number(22)),
      number(126u << 23));
  Value subnormal =
      arith::MulIOp::create(b, loc, magnitude, number(126u << 23));
  Value isNormal = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt,
                                         magnitude, number(1));
  Value found = arith::SelectOp::create(b, loc, isNormal, normal, subnormal);
  Value sign = arith::ShLIOp::create(
      b, loc, arith::AndIOp::create(b, loc, bits, number(8)), number(28));
  return arith::BitcastOp::create(b, loc, b.getF32Type(),
                                  arith::OrIOp::create(b, loc, found, sign));
}

/// A power of two, whose exponent with a bias of 127 is *byte*, in fp32.
Value Lowering::decodeE8M0(Value byte) {
  Type i32 = b.getI32Type();
  auto ifEqual = [&](int64_t exponent, int64_t bits, Value value, Value other) {
    Value isEqual = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                          value, constantInt(i32, exponent));
    return arith::SelectOp::create(b, loc, isEqual, constantInt(i32, bits),
                                   other);
  };
  Value exponent = arith::ExtUIOp::create(b, loc, i32, byte);
  Value bits = arith::ShLIOp::create(b, loc, exponent, constantInt(i32, 23));
  bits = ifEqual(0, 1 << 22, exponent, bits);      // 2^-127 is subnormal.
  bits = ifEqual(255, 0x7fc00000, exponent, bits); // Not a number.
  return arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
}

LogicalResult Lowering::lowerDotScaled(tt::DotScaledOp op) {
  Type f32 = b.getF32Type();
  int64_t group = op.deduceScaleFactor();
  // *depthAxis* and *otherAxis* are the dimensions of a matrix.
  auto getSide = [&](Value tensor, Value scales, tt::ScaleDotElemType format,
                     bool isPackedAlongDepth, unsigned depthAxis,
                     unsigned otherAxis) {
    Type element = getTensor(tensor).getElementType();
    bool isPacked = format == tt::ScaleDotElemType::E2M1;
    unsigned packedAxis = isPackedAlongDepth ? depthAxis : otherAxis;
    SmallVector<int64_t> shape(getTensor(tensor).getShape());
    if (isPacked)
      shape[packedAxis] *= 2;
    Side side{shape, /*isTransposed=*/false, /*address=*/nullptr,
              /*element=*/nullptr};
    side.element = [this, tensor, scales, element, isPacked, packedAxis,
                    depthAxis, otherAxis, group, f32](Index index) -> Value {
      Value value;
      if (isPacked) {
        SmallVector<Value> at(index);
        Value one = constantIndex(1);
        at[packedAxis] = arith::ShRUIOp::create(b, loc, at[packedAxis], one);
        value =
            decodeE2M1(this->element(tensor, at),
                       arith::AndIOp::create(b, loc, index[packedAxis], one));
      } else {
        value = convertFloat(this->element(tensor, index), element, f32,
                             /*towardZero=*/false);
      }
      if (!scales)
        return value;
      SmallVector<Value> at(index);
      at[at.size() - 2] = index[otherAxis];
      at[at.size() - 1] = arith::DivUIOp::create(b, loc, index[depthAxis],
                                                 constantIndex(group));
      Value scale = this->element(scales, at);
      Type type = getTensor(scales).getElementType();
      scale = isa<FloatType>(type)
                  ? convertFloat(scale, type, f32, /*towardZero=*/false)
                  : decodeE8M0(scale);
      return arith::MulFOp::create(b, loc, value, scale);
    };
    return side;
  };
  for (tt::ScaleDotElemType format : {op.getAElemType(), op.getBElemType()})
    if (format == tt::ScaleDotElemType::E2M3 ||
        format == tt::ScaleDotElemType::E3M2)
      return refuse(op, "numbers of six bits are not known; use e2m1, e4m3, "
                        "e5m2, bf16 or fp16");
  unsigned last = op.getType().getRank() - 1;
  return lowerProduct(op, op.getC(),
                      getSide(op.getA(), op.getAScale(), op.getAElemType(),
                              op.getLhsKPack(), last, last - 1),
                      getSide(op.getB(), op.getBScale(), op.getBElemType(),
                              op.getRhsKPack(), last - 1, last));
}
