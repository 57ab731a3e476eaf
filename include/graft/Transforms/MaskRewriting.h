//===- MaskRewriting.h - change the masks of accesses -----------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_TRANSFORMS_MASKREWRITING_H
#define GRAFT_TRANSFORMS_MASKREWRITING_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::graft {

/// Whether *threads*, an option of *pass*, can be the threads of a CTA; says in
/// an error about *module* if not.
bool checkThreads(ModuleOp module, StringRef pass, int64_t threads);

/// Replaces some of the values of which masks are the conjunction. Each value
/// is looked at once and gets at most one copy, which its users share.
class MaskReplacer {
public:
  /// New operations are written behind those that they take the place of, and
  /// with a *scope* at its beginning if those are outside of it.
  MaskReplacer() = default;
  explicit MaskReplacer(Block &scope) : scope(&scope) {}

  /// From now on *replacement* takes the place of *part*, where it is to be
  /// available; null for true in every lane. A replacement that is *part*
  /// itself says that it holds nothing to replace.
  void replace(Value part, Value replacement) { known[part] = replacement; }

  /// *mask* with all parts replaced: *mask* itself if it has none of them, and
  /// null if nothing is left.
  Value apply(Value mask);

private:
  Value rebuild(Value mask);
  OpBuilder getBuilder(Operation *op);

  Block *scope = nullptr;
  /// The first operation of `scope` that was there before.
  Operation *first = nullptr;
  llvm::DenseMap<Value, Value> known;
};

/// Simplifies the accesses and selections in *block*, a clone made with
/// *mapping* of code in which the tensors of i1 *proven* are true in every
/// lane.
void simplifyMasks(Block &block, ArrayRef<Value> proven,
                   const IRMapping &mapping);

} // namespace mlir::graft

#endif // GRAFT_TRANSFORMS_MASKREWRITING_H
