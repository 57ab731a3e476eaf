//===- Budget.cpp - how large a kernel may become -------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Transforms/Budget.h"

#include <limits>

using namespace mlir;
using namespace mlir::graft;

int64_t graft::countOps(Operation *op) {
  int64_t count = 0;
  op->walk([&](Operation *) { ++count; });
  return count;
}

Budget::Budget(ModuleOp module, int64_t maxSize)
    : left(maxSize == 0 ? std::numeric_limits<int64_t>::max()
                        : maxSize - countOps(module)),
      maxSize(maxSize) {}

bool Budget::take(int64_t ops) {
  if (ops > left)
    return false;
  left -= ops;
  return true;
}

std::string Budget::getObjection(int64_t ops) const {
  std::string why;
  llvm::raw_string_ostream(why)
      << "it takes " << ops << " operations more, and "
      << std::max<int64_t>(left, 0)
      << " are left to the kernel's max-size=" << maxSize;
  return why;
}
