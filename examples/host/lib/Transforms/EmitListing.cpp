//===- EmitListing.cpp - the chip's instructions as text ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Straight code only: an operation that holds others, such as a loop, has no
// instruction yet.
//
//===----------------------------------------------------------------------===//

#include "host/IR/Dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::host {
#define GEN_PASS_DEF_HOSTEMITLISTING
#include "host/Transforms/EmitListing.h.inc"
} // namespace mlir::host

using namespace mlir;
using namespace mlir::host;
namespace tt = mlir::triton;

/// The instruction for an operation; empty if there is none.
static StringRef getInstruction(Operation *op) {
  return llvm::StringSwitch<StringRef>(op->getName().getStringRef())
      .Case("arith.addf", "fadd")
      .Case("arith.addi", "add")
      .Case("arith.andi", "and")
      .Case("arith.cmpf", "fcmp")
      .Case("arith.cmpi", "cmp")
      .Case("arith.constant", "const")
      .Case("arith.mulf", "fmul")
      .Case("arith.muli", "mul")
      .Case("arith.subf", "fsub")
      .Case("arith.subi", "sub")
      .Case("tt.addptr", "addr")
      .Case("tt.get_program_id", "program")
      .Case("tt.load", "load")
      .Case("tt.make_range", "range")
      .Case("tt.return", "end")
      .Case("tt.splat", "splat")
      .Case("tt.store", "store")
      .Case("host.increment", "inc")
      .Default("");
}

namespace {

/// Writes one function. Values are registers, numbered as they come.
class Writer {
public:
  explicit Writer(raw_ostream &out) : out(out) {}

  LogicalResult write(tt::FuncOp function) {
    if (!function.getBody().hasOneBlock())
      return function.emitError("a kernel is one block of code");
    out << "kernel " << function.getName();
    for (BlockArgument argument : function.getArguments())
      out << " r" << define(argument) << ":" << argument.getType();
    out << "\n";
    // The code of an operation that has some would be lost.
    for (Operation &op : function.getBody().front()) {
      StringRef instruction = getInstruction(&op);
      if (instruction.empty() || op.getNumRegions())
        return op.emitError("there is no instruction for ") << op.getName();
      write(&op, instruction);
    }
    return success();
  }

private:
  void write(Operation *op, StringRef instruction) {
    out << "  ";
    for (Value result : op->getResults())
      out << "r" << define(result) << " = ";
    out << instruction;
    for (Value operand : op->getOperands())
      out << " r" << registers.lookup(operand);
    if (DictionaryAttr attributes = op->getAttrDictionary();
        !attributes.empty())
      out << " " << attributes;
    for (Type type : op->getResultTypes())
      out << " : " << type;
    out << "\n";
  }

  /// Gives *value* a register.
  unsigned define(Value value) {
    unsigned number = registers.size();
    return registers[value] = number;
  }

  raw_ostream &out;
  llvm::DenseMap<Value, unsigned> registers;
};

struct EmitListingPass : host::impl::HostEmitListingBase<EmitListingPass> {
  void runOnOperation() override {
    std::string text = ".host\n";
    llvm::raw_string_ostream out(text);
    for (auto function : getOperation().getOps<tt::FuncOp>())
      if (failed(Writer(out).write(function)))
        return signalPassFailure();
    getOperation()->setAttr("host.listing",
                            StringAttr::get(&getContext(), text));
  }
};

} // namespace
