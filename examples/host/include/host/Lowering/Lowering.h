//===- Lowering.h - tensors to loops, function by function ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A function is written anew beside the old one, operation by operation and in
// order. A scalar is evaluated where it stands. A tensor is one of two things:
//
// - a buffer: its elements lie in memory, row by row, and stay as they are;
// - an expression: nothing is written for it until a loop asks for an element.
//
// Only operations without effects are expressions. What reads memory becomes a
// buffer where it stands, so that the order of loads and stores is kept.
//
// Types are those of LLVM; `convertType` has the rule. A number of a type that
// processors do not compute with (bf16, fp8) is carried as its bits, in an
// integer, and computed with as fp32.
//
//===----------------------------------------------------------------------===//

#ifndef HOST_LOWERING_LOWERING_H
#define HOST_LOWERING_LOWERING_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"
#include <map>

namespace mlir::host {

/// What the pass was asked for; the same for all functions of a module.
struct LoweringOptions {
  unsigned vectorBits = 0;
  bool vectorMath = false;
  bool checkBounds = false;
  bool checkRaces = false;
};

/// The position of an element: an i64 for each dimension.
using Index = ArrayRef<Value>;

/// How an access to memory that others see is made.
enum class Access { Load = 0, Store = 1, Atomic = 2 };

class Word;

/// Writes one function.
class Lowering {
public:
  Lowering(ModuleOp module, const LoweringOptions &options)
      : module(module), options(options), b(module.getContext()) {}

  /// Writes *function* as an llvm.func before it. Fails with an error at the
  /// operation that cannot be compiled.
  LogicalResult lower(triton::FuncOp function);

  /// Bytes of stack for the buffers of the function.
  int64_t getScratch() const { return scratch; }

private:
  //--- Functions.cpp -------------------------------------------------------
  /// Writes the blocks of *from* into *to*, the first into the block that is
  /// there. *writeEnd* writes the end of those that leave the region.
  LogicalResult
  lowerBlocks(Region &from, Region &to,
              llvm::function_ref<LogicalResult(Operation *)> writeEnd);
  void lowerArguments(triton::FuncOp function);
  /// Writes the operations of *block* up to its terminator, which stays with
  /// the caller.
  LogicalResult lowerBody(Block &block);
  LogicalResult lowerOp(Operation &op);
  /// An operation without effects: a scalar is computed, a tensor is left to
  /// those who read it, or becomes a buffer.
  LogicalResult lowerPure(Operation *op);
  LogicalResult lowerReturn(triton::ReturnOp op);
  LogicalResult lowerCall(triton::CallOp op);
  /// The error for an operation that is not compiled, and why.
  LogicalResult refuse(Operation *op, const Twine &why);

  //--- Types.cpp: numbers --------------------------------------------------
  Type convertType(Type type);
  /// The type of an element in memory: i1 takes a byte.
  Type getMemoryType(Type type);
  int64_t getBytes(Type type);
  /// Whether *type* is fp16, bf16 or fp8, which are computed with as fp32.
  static bool isNarrow(Type type);
  /// *value* of type *type* (as Triton says it) as one that is computed with.
  Value widen(Value value, Type type);
  /// The reverse, to the nearest, ties to even.
  Value narrow(Value value, Type type);
  Value convertFloat(Value value, Type from, Type to, bool towardZero);
  Value constant(TypedAttr attribute);
  Value constantInt(Type type, int64_t value);
  Value constantFloat(Type type, double value);
  Word word(Value value);
  /// Zero, or the null pointer, of a type as Triton says it.
  Value getZero(Type type);
  Value decodeSmallFloat(Value bits, Type type);
  Value encodeSmallFloat(Value value, Type type, bool towardZero);
  Value encodeBF16(Value value, bool towardZero);
  /// *value* in the narrower type *to*, rounded toward zero. With *toOdd*, what
  /// is not exact has its last bit set: rounding it once more, to a type with
  /// at least two bits less, is then as good as rounding once.
  Value truncate(Value value, Type to, bool toOdd);

  //--- Scalars.cpp: operations on one element ------------------------------
  /// Whether *op* computes each element of its results from the elements at
  /// the same position.
  static bool isElementwise(Operation *op);
  /// The results of *op* on *operands*, which are scalars. Null values and an
  /// error if there is no such operation on a processor.
  LogicalResult emitScalarOp(Operation *op, ValueRange operands,
                             SmallVectorImpl<Value> &results);
  /// Runs the one block of *region* on *arguments*; the operands of its
  /// terminator are the results.
  LogicalResult emitRegion(Region &region, ValueRange arguments,
                           SmallVectorImpl<Value> &results);
  /// The one result of *op*, computed from numbers that have been widened.
  Value emitOne(Operation *op, ValueRange operands);
  /// *op* itself, on scalars that have been widened.
  Operation *copyOp(Operation *op, ValueRange operands);
  Value emitConversion(Operation *op, Value operand);
  Value emitIntToFloat(Value value, Type to, bool isSigned);
  Value emitFloatToInt(Value value, Type to, bool isSigned);
  Value emitDivision(Operation *op, Value left, Value right);
  Value emitShift(Operation *op, Value left, Value right);
  Value emitExtremum(Value left, Value right, bool isMaximum, bool propagateNaN,
                     bool isF16);

  //--- Math.cpp: functions of libm -----------------------------------------
  /// The result of *op*, an operation of the dialect math, on numbers that
  /// have been widened. Null and an error if there is none.
  Value emitMath(Operation *op, ValueRange operands);
  /// Calls the function of libm for *op*. Null and an error if libm has none
  /// of this name and these types.
  Value callLibm(Operation *op, StringRef name, Type result,
                 ValueRange operands);
  /// Tells LLVM which functions of libmvec compute *function* on vectors.
  void declareVectorVariants(LLVM::LLVMFuncOp function);

  //--- Tensors.cpp: buffers and expressions --------------------------------
  static RankedTensorType getTensor(Value value) {
    return dyn_cast<RankedTensorType>(value.getType());
  }
  /// A place on the stack for *count* elements of *type* (as Triton says it).
  Value allocate(Type type, int64_t count);
  Value allocate(RankedTensorType type) {
    return allocate(type.getElementType(), type.getNumElements());
  }
  /// The address of an element in the buffer at *address*.
  Value getAddress(Value address, RankedTensorType type, Index index);
  Value getAddress(Value address, Type element, Value position);
  Value getLinear(ArrayRef<int64_t> shape, Index index);
  /// An i64, the same value wherever it is asked for.
  Value constantIndex(int64_t value);
  Value readBuffer(Value address, Type element);
  void writeBuffer(Value address, Type element, Value value);
  /// Writes a loop nest over *shape*; *body* writes what is in it.
  void forEach(ArrayRef<int64_t> shape, llvm::function_ref<void(Index)> body);
  /// A loop from 0 to *count*.
  void forRange(int64_t count, llvm::function_ref<void(Value)> body);
  /// The element of *tensor* at *index*. A scalar is its own element.
  Value element(Value tensor, Index index);
  Value emitElement(OpResult result, Index index);
  Value emitReshape(triton::ReshapeOp op, Index index);
  Value emitGatherPosition(triton::GatherOp op, Index index);
  /// The address of a global with *values*.
  Value getConstantData(DenseElementsAttr values);
  /// The buffer of *tensor*: the one it has, or a new one with its elements.
  Value getBuffer(Value tensor);
  /// From here on, the elements of *tensor* are those at *address*.
  void setBuffer(Value tensor, Value address);
  void copy(Value tensor, Value address);
  /// Writes several tensors to buffers as if at once: none of the sources
  /// sees what is written.
  void copyAll(ArrayRef<std::pair<Value, Value>> sourcesAndBuffers);
  /// The buffers that the expression *tensor* reads; in *moved* those that it
  /// reads at other positions than its own.
  void getReads(Value tensor, bool moved, llvm::SetVector<Value> &read,
                llvm::SetVector<Value> &readMoved);

  //--- Evaluation.cpp: which expressions become buffers --------------------
  bool shouldBuffer(OpResult result);
  double getCost(Value value);
  double getEvaluations(Value value);
  bool isExpression(Operation *op);

  //--- Memory.cpp ----------------------------------------------------------
  LogicalResult lowerLoad(triton::LoadOp op);
  LogicalResult lowerStore(triton::StoreOp op);
  LogicalResult lowerAtomic(Operation *op);
  Value emitAtomic(Operation *op, Value address, Index index);
  Value emitAtomicAddBF16(Value address, Value value, Type type,
                          LLVM::AtomicOrdering ordering);
  void checkAccess(Operation *op, Access access, Value address, Type element,
                   Index index);
  Value getSite(Location where);
  Value getText(StringRef text);

  //--- ControlFlow.cpp -----------------------------------------------------
  LogicalResult lowerIf(scf::IfOp op);
  LogicalResult lowerFor(scf::ForOp op);
  LogicalResult lowerWhile(scf::WhileOp op);
  LogicalResult lowerBranch(Operation *terminator);
  /// Ends a region: tensors among *values* go to *buffers*, in order; the
  /// scalars are returned.
  SmallVector<Value> leave(ValueRange values, ArrayRef<Value> buffers);
  /// Gives each tensor of *values* a buffer, and those in *scalars*, in
  /// order, to the others.
  void define(ValueRange values, ArrayRef<Value> buffers, ValueRange scalars);
  SmallVector<Value> allocateFor(TypeRange types);
  SmallVector<Type> getScalarTypes(TypeRange types);
  /// The block in which a branch ends: that of *to*, or one before it that
  /// copies tensors.
  Block *getEdge(Block *to, OperandRange operands,
                 SmallVectorImpl<Value> &passed);

  //--- Reductions.cpp ------------------------------------------------------
  LogicalResult lowerReduce(triton::ReduceOp op);
  LogicalResult lowerScan(triton::ScanOp op);
  LogicalResult lowerHistogram(triton::HistogramOp op);
  LogicalResult lowerMapElementwise(triton::MapElementwiseOp op);
  /// Runs *region* on two values, each of several operands.
  SmallVector<Value> combine(Region &region, ValueRange left, ValueRange right);
  /// Combines the two elements of the buffers at *addresses* that have *index*
  /// in all dimensions but *axis*. *shape* is that of the buffers without it.
  SmallVector<Value> combineTwo(triton::ReduceOp op, ArrayRef<Value> addresses,
                                ArrayRef<int64_t> shape, unsigned axis,
                                Index index);
  /// Combines all elements of the sources along the axis whose distance from
  /// *position* is a multiple of *depth*; *index* has the other dimensions.
  SmallVector<Value> combineSources(triton::ReduceOp op, int64_t depth,
                                    Index index, Value position);
  SmallVector<Value> elements(ValueRange tensors, Index index);
  /// Buffers of *count* elements of the types of *tensors*.
  SmallVector<Value> allocateAll(ValueRange tensors, int64_t count);
  SmallVector<Value> readAll(ValueRange addresses, ValueRange tensors,
                             Value position);
  void writeAll(ValueRange addresses, ValueRange tensors, Value position,
                ValueRange values);

  //--- Products.cpp --------------------------------------------------------
  LogicalResult lowerDot(triton::DotOp op);
  LogicalResult lowerDotScaled(triton::DotScaledOp op);
  struct Product;
  /// One side of a product: its elements as numbers of the type of the sums.
  struct Side {
    SmallVector<int64_t> shape;
    /// Whether it is read best column by column.
    bool isTransposed;
    /// A buffer with these numbers, if there is one.
    Value address;
    std::function<Value(Index)> element;
  };
  LogicalResult lowerProduct(Operation *op, Value c, Side left, Side right);
  bool isTransposed(Value tensor);
  Value decodeE2M1(Value byte, Value half);
  Value decodeE8M0(Value byte);
  /// The tensor that a loop carries and whose buffer can be the result's of
  /// the product with the accumulator *c*: *c* is that tensor, or computed from
  /// it element by element, nobody else reads it, and the result is what the
  /// loop carries next. Null if there is none.
  static BlockArgument getCarried(Value c);

  //--- Debug.cpp -----------------------------------------------------------
  LogicalResult lowerPrint(triton::PrintOp op);
  LogicalResult lowerAssert(triton::AssertOp op);
  /// A function that libhost_runtime.so has.
  LLVM::LLVMFuncOp getRuntime(StringRef name, Type result,
                              ArrayRef<Type> operands);
  /// Calls one without a result.
  void callRuntime(StringRef name, ValueRange operands);

  /// What has been evaluated in the loops around the point of insertion: an
  /// element is not computed twice in one.
  struct Scope {
    explicit Scope(Lowering &lowering) : lowering(lowering) {
      lowering.memo.emplace_back();
    }
    ~Scope() { lowering.memo.pop_back(); }
    Lowering &lowering;
  };

  Value scalar(Value value) { return scalars.lookup(value); }
  LLVM::LLVMPointerType pointer() {
    return LLVM::LLVMPointerType::get(b.getContext());
  }

  ModuleOp module;
  const LoweringOptions &options;
  OpBuilder b;
  /// Where operations that fail inside an expression are reported.
  bool failedInside = false;
  Location loc = UnknownLoc::get(b.getContext());
  LLVM::LLVMFuncOp target;
  Value program;
  llvm::DenseMap<Value, Value> scalars;
  llvm::DenseMap<Value, Value> buffers;
  llvm::DenseMap<Block *, Block *> blocks;
  llvm::DenseMap<Value, double> costs;
  llvm::DenseMap<Value, double> evaluations;
  llvm::DenseMap<int64_t, Value> indexConstants;
  /// Where a function that is called leaves its results.
  SmallVector<Value> resultAddresses;
  std::vector<std::map<std::pair<void *, std::vector<void *>>, Value>> memo;
  int64_t scratch = 0;
};

} // namespace mlir::host

#endif // HOST_LOWERING_LOWERING_H
