//===- Functions.cpp - functions, and what lowers each operation ----------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A kernel becomes `void name(ptr args, ptr program)`: a slot of eight bytes
// for each argument, and six i32, the program's position in the grid and the
// grid. A function that kernels call has the program first, then its
// arguments, a tensor as the address of its buffer, and then an address for
// each result.
//
//===----------------------------------------------------------------------===//

#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::host {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_HOSTLOWERTENSORS
#include "host/Transforms/LowerTensors.h.inc"
} // namespace mlir::host

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

LogicalResult Lowering::refuse(Operation *op, const Twine &why) {
  return op->emitError() << op->getName()
                         << " has no meaning on a processor: " << why;
}

/// The attributes by which LLVM uses vectors as wide as the registers.
static ArrayAttr getVectorAttributes(OpBuilder &b, unsigned bits) {
  std::string width = std::to_string(bits);
  SmallVector<Attribute> found{b.getStringAttr("nounwind")};
  for (StringRef name : {"prefer-vector-width", "min-legal-vector-width"})
    found.push_back(b.getStrArrayAttr({name, width}));
  return b.getArrayAttr(found);
}

/// Whether a launch can run *function*: it takes no tensors and gives nothing.
static bool isKernel(tt::FuncOp function) {
  return function.isPublic() && function.getNumResults() == 0 &&
         llvm::none_of(function.getArgumentTypes(),
                       llvm::IsaPred<RankedTensorType>);
}

LogicalResult Lowering::lower(tt::FuncOp function) {
  loc = function.getLoc();
  b.setInsertionPoint(function);
  SmallVector<Type> parameters{pointer(), pointer()};
  if (!isKernel(function)) {
    parameters.assign(1, pointer());
    for (Type type : function.getArgumentTypes())
      parameters.push_back(isa<RankedTensorType>(type) ? Type(pointer())
                                                       : convertType(type));
    parameters.append(function.getNumResults(), pointer());
  }
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), parameters);
  target = LLVM::LLVMFuncOp::create(b, loc, function.getName(), type);
  target.setPassthroughAttr(getVectorAttributes(b, options.vectorBits));
  if (!isKernel(function))
    target.setLinkage(LLVM::Linkage::Internal);
  b.setInsertionPointToStart(target.addEntryBlock(b));
  lowerArguments(function);
  auto writeEnd = [&](Operation *end) {
    auto returned = dyn_cast<tt::ReturnOp>(end);
    return returned ? lowerReturn(returned) : lowerBranch(end);
  };
  if (failed(lowerBlocks(function.getBody(), target.getBody(), writeEnd)))
    return failure();
  return failure(failedInside);
}

void Lowering::lowerArguments(tt::FuncOp function) {
  Block &entry = target.getBody().front();
  Scope scope(*this);
  if (!isKernel(function)) {
    program = entry.getArgument(0);
    unsigned next = 1;
    for (BlockArgument argument : function.getArguments())
      if (getTensor(argument))
        setBuffer(argument, entry.getArgument(next++));
      else
        scalars[argument] = entry.getArgument(next++);
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      resultAddresses.push_back(entry.getArgument(next++));
    return;
  }
  program = entry.getArgument(1);
  for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
    Value slot =
        getAddress(entry.getArgument(0), b.getI64Type(), constantIndex(i));
    scalars[argument] = readBuffer(slot, argument.getType());
  }
}

LogicalResult
Lowering::lowerBlocks(Region &from, Region &to,
                      llvm::function_ref<LogicalResult(Operation *)> writeEnd) {
  Block *entry = b.getBlock();
  blocks[&from.front()] = entry;
  for (Block &block : llvm::drop_begin(from)) {
    SmallVector<Type> types = getScalarTypes(block.getArgumentTypes());
    SmallVector<Location> locations(types.size(), loc);
    SmallVector<Value> addresses = allocateFor(block.getArgumentTypes());
    OpBuilder::InsertionGuard guard(b);
    Block *made = b.createBlock(&to, to.end(), types, locations);
    define(block.getArguments(), addresses, made->getArguments());
    blocks[&block] = made;
  }
  // What a block uses is defined in those before it in this order.
  for (Block *block : llvm::ReversePostOrderTraversal<Region *>(&from)) {
    Scope scope(*this);
    b.setInsertionPointToEnd(blocks.lookup(block));
    if (failed(lowerBody(*block)))
      return failure();
    Operation *terminator = block->getTerminator();
    loc = terminator->getLoc();
    bool leaves = terminator->getNumSuccessors() == 0;
    if (failed(leaves ? writeEnd(terminator) : lowerBranch(terminator)))
      return failure();
  }
  // A block that nothing reaches has not been written.
  for (Block &block : llvm::make_early_inc_range(to))
    if (block.empty())
      block.erase();
  return success();
}

LogicalResult Lowering::lowerReturn(tt::ReturnOp op) {
  SmallVector<std::pair<Value, Value>> copies;
  for (auto [value, address] :
       llvm::zip_equal(op.getOperands(), resultAddresses))
    if (getTensor(value))
      copies.emplace_back(value, address);
    else
      writeBuffer(address, value.getType(), scalar(value));
  copyAll(copies);
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return success();
}

LogicalResult Lowering::lowerCall(tt::CallOp op) {
  SmallVector<Value> operands{program};
  for (Value operand : op.getOperands())
    operands.push_back(getTensor(operand) ? getBuffer(operand)
                                          : scalar(operand));
  for (Type type : op.getResultTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    operands.push_back(tensor ? allocate(tensor) : allocate(type, 1));
  }
  LLVM::CallOp::create(b, loc, TypeRange(), op.getCallee(), operands);
  for (auto [result, address] : llvm::zip_equal(
           op.getResults(), ArrayRef(operands).take_back(op.getNumResults())))
    if (getTensor(result))
      setBuffer(result, address);
    else
      scalars[result] = readBuffer(address, result.getType());
  return success();
}

LogicalResult Lowering::lowerBody(Block &block) {
  for (Operation &op : block.without_terminator()) {
    loc = op.getLoc();
    if (failed(lowerOp(op)))
      return failure();
  }
  loc = block.getTerminator()->getLoc();
  return success();
}

LogicalResult Lowering::lowerOp(Operation &op) {
  auto position = [&](int axis) {
    Value slot = getAddress(program, b.getI32Type(), constantIndex(axis));
    scalars[op.getResult(0)] = readBuffer(slot, b.getI32Type());
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](tt::LoadOp op) { return lowerLoad(op); })
      .Case([&](tt::StoreOp op) { return lowerStore(op); })
      .Case<tt::AtomicRMWOp, tt::AtomicCASOp, tt::AtomicLoadOp,
            tt::AtomicStoreOp>([&](Operation *op) { return lowerAtomic(op); })
      .Case([&](tt::AtomicPollOp op) {
        return refuse(op, "programs run one after the other, so one that waits "
                          "for another may wait forever");
      })
      .Case([&](tt::ReduceOp op) { return lowerReduce(op); })
      .Case([&](tt::ScanOp op) { return lowerScan(op); })
      .Case([&](tt::HistogramOp op) { return lowerHistogram(op); })
      .Case([&](tt::MapElementwiseOp op) { return lowerMapElementwise(op); })
      .Case([&](tt::DotOp op) { return lowerDot(op); })
      .Case([&](tt::DotScaledOp op) { return lowerDotScaled(op); })
      .Case([&](tt::PrintOp op) { return lowerPrint(op); })
      .Case([&](tt::AssertOp op) { return lowerAssert(op); })
      .Case([&](tt::CallOp op) { return lowerCall(op); })
      .Case([&](scf::IfOp op) { return lowerIf(op); })
      .Case([&](scf::ForOp op) { return lowerFor(op); })
      .Case([&](scf::WhileOp op) { return lowerWhile(op); })
      .Case([&](tt::GetProgramIdOp op) { return position(op.getAxisAsInt()); })
      .Case([&](tt::GetNumProgramsOp op) {
        return position(3 + op.getAxisAsInt());
      })
      .Case([&](tt::UnsplatOp op) {
        SmallVector<Value> zeros(op.getSrc().getType().getRank(),
                                 constantIndex(0));
        scalars[op.getResult()] = element(op.getSrc(), zeros);
        return success();
      })
      .Case([&](tt::GatherOp op) {
        getBuffer(op.getSrc());
        getBuffer(op.getResult());
        return success();
      })
      // What a processor needs no help with.
      .Case<tt::GridDependencyWaitOp, tt::GridDependencyLaunchDependentsOp,
            LLVM::AssumeOp>([](Operation *) { return success(); })
      .Default([&](Operation *op) {
        // A program is one thread, which has nobody to wait for.
        bool isBarrier = op->getName().getStringRef() == "ttg.barrier";
        return isBarrier ? success() : lowerPure(op);
      });
}

LogicalResult Lowering::lowerPure(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto values = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!values)
      scalars[constant] = this->constant(cast<TypedAttr>(constant.getValue()));
    else if (!values.isSplat())
      setBuffer(constant, getConstantData(values));
    return success();
  }
  if (!isExpression(op))
    return refuse(op, "this backend does not know it");
  for (OpResult result : op->getResults()) {
    if (getTensor(result)) {
      if (shouldBuffer(result))
        getBuffer(result);
      continue;
    }
    SmallVector<Value> operands, results;
    for (Value operand : op->getOperands())
      operands.push_back(scalar(operand));
    if (failed(emitScalarOp(op, operands, results)))
      return failure();
    for (auto [old, made] : llvm::zip_equal(op->getResults(), results))
      scalars[old] = made;
    return success();
  }
  return success();
}

namespace {

struct LowerTensorsPass
    : mlir::host::impl::HostLowerTensorsBase<LowerTensorsPass> {
  using HostLowerTensorsBase::HostLowerTensorsBase;

  void runOnOperation() override {
    LoweringOptions options{vectorBits, vectorMath, checkBounds, checkRaces};
    int64_t scratch = 0;
    for (auto function : llvm::to_vector(getOperation().getOps<tt::FuncOp>())) {
      Lowering lowering(getOperation(), options);
      if (failed(lowering.lower(function)))
        return signalPassFailure();
      scratch += lowering.getScratch();
    }
    for (auto function : llvm::to_vector(getOperation().getOps<tt::FuncOp>()))
      function.erase();
    Builder b(&getContext());
    getOperation()->setAttr("host.scratch", b.getI64IntegerAttr(scratch));
  }
};

} // namespace
