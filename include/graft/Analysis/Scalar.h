//===- Scalar.h - numbers computed from what is at hand ---------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Scalars that an analysis computes with before it is known whether anything
// will be written, and where.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_SCALAR_H
#define GRAFT_ANALYSIS_SCALAR_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <optional>

namespace mlir::graft {

/// A scalar that can be computed anywhere its leaves are available. Building
/// one leaves the IR alone; a `ScalarWriter` writes it. Its nodes are a graph:
/// scalars share what they are made of.
class Scalar {
public:
  /// How a scalar is made. Those behind `Added` are operations of `arith` on
  /// integers, modulo 2^width. A division is for divisors from 1 on; by any
  /// other it is some number.
  enum class Kind {
    Leaf,
    Constant,
    Added,
    Add,
    Sub,
    Mul,
    DivSI,
    DivUI,
    ExtSI,
    ExtUI
  };

  /// The scalar *value*.
  static Scalar leaf(Value value);
  /// The constant *value* of integer type *type*.
  static Scalar constant(Type type, int64_t value);
  /// What the `scf.for` of *argument* has added to that tensor so far, the same
  /// to each element, modulo 2^width. Nothing if it does not add a constant to
  /// it in each iteration, or if its iterations cannot be numbered.
  static std::optional<Scalar> addedTo(BlockArgument argument);
  /// The operation *kind* on *operands*, with the result type *type*.
  static Scalar apply(Kind kind, Type type, ArrayRef<Scalar> operands);

  /// The value, if this is a constant.
  std::optional<int64_t> getConstant() const;

  struct Node;
  const Node &getNode() const { return *node; }

private:
  explicit Scalar(std::shared_ptr<const Node> node) : node(std::move(node)) {}
  std::shared_ptr<const Node> node;
};

/// A leaf has a value, what is added the argument of a loop and by how much it
/// grows, a constant a number, and an operation operands.
struct Scalar::Node {
  Kind kind;
  Type type;
  Value value;
  int64_t number = 0;
  SmallVector<Scalar, 2> operands;
};

/// The operation that *op* is, on scalars or tensors alike; nothing if it is no
/// such operation, or a division, which is not defined for all operands. A
/// promise of *op* not to overflow is not kept: where it does
/// not hold, *op* has no value, and any will do.
std::optional<Scalar::Kind> getScalarKind(Operation *op);

/// The number that *value*, an integer or a tensor of integers, is everywhere,
/// if it is a constant. This asks for `arith.constant` by name because
/// `m_Constant` asks for a trait, and a trait's identity is its name as the
/// compiler spells it: GCC and Clang, which builds libtriton, differ.
std::optional<APInt> getConstantInt(Value value);

/// The loop that hands *argument* from one iteration to the next; null if
/// *argument* is something else.
scf::ForOp getCarryingLoop(BlockArgument argument);

/// The constant that an `scf.for` adds to its *argument*, an integer or a
/// tensor of them, in each iteration; nothing if it does something else.
std::optional<int64_t> getIncrement(BlockArgument argument);

/// Whether *type* is an integer of a size that indices have here: 8 to 64 bits.
bool isIndexType(Type type);

/// The values that *scalars* are computed from, each once.
SmallVector<Value> getLeaves(ArrayRef<Scalar> scalars);

/// Writes the operations that compute scalars, each once, in one place. The
/// scalars have to live as long.
class ScalarWriter {
public:
  ScalarWriter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value write(const Scalar &scalar);

private:
  Value writeNew(const Scalar::Node &node);
  Value writeAdded(const Scalar::Node &node);
  Value writeConstant(Type type, int64_t number);
  Value writeDivisor(const Scalar &divisor, bool isSigned);

  OpBuilder &builder;
  Location loc;
  llvm::DenseMap<const Scalar::Node *, Value> written;
};

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_SCALAR_H
