//===- KernelState.cpp - What is known of a kernel that is launched -------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "KernelState.h"

using namespace graft::launcher;

int KernelState::traverse(visitproc visit, void *arg) const {
  if (int stop = ownRun.traverse(visit, arg))
    return stop;
  Py_VISIT(caches.get());
  for (const Param &param : params)
    Py_VISIT(param.fallback.get());
  Py_VISIT(preRunHooks.get());
  Py_VISIT(usedGlobals.get());
  if (int stop = checked.traverse(visit, arg))
    return stop;
  if (globals)
    if (int stop = globals->traverse(visit, arg))
      return stop;
  for (const auto &table : tables) {
    if (!table)
      continue;
    Py_VISIT(table->owner.get());
    if (int stop = table->checked.traverse(visit, arg))
      return stop;
    if (int stop = table->variants.traverse(visit, arg))
      return stop;
  }
  return 0;
}

size_t KernelState::numVariants() const {
  size_t total = 0;
  for (const auto &table : tables)
    total += table ? table->variants.size() : 0;
  return total;
}
