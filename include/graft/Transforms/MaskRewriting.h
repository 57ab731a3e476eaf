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
#include <optional>

namespace mlir::graft {

/// Whether *threads*, an option of *pass*, can be the threads of a CTA; says in
/// an error about *module* if not.
bool checkThreads(ModuleOp module, StringRef pass, int64_t threads);

/// *mask* with some of the values replaced of which it is the conjunction:
/// *replace* gives the replacement of a value, null for true in every lane, or
/// nothing to keep it. Returns *mask* itself if all are kept, and null if
/// nothing is left.
Value replaceParts(Value mask,
                   llvm::function_ref<std::optional<Value>(Value part)> replace,
                   OpBuilder &builder);

/// Simplifies the accesses and selections in *block*, a clone made with
/// *mapping* of code in which the tensors of i1 *proven* are true in every
/// lane.
void simplifyMasks(Block &block, ArrayRef<Value> proven,
                   const IRMapping &mapping);

} // namespace mlir::graft

#endif // GRAFT_TRANSFORMS_MASKREWRITING_H
