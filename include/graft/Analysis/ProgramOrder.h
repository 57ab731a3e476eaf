//===- ProgramOrder.h - could a program notice when it runs? ----*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Programs may be renumbered if every one of them ends whatever the others do,
// and if nobody can tell which number the hardware gave it.
//
// Nothing says in which order the programs of a launch run, so what they leave
// in memory may depend on it already, and a kernel whose programs read what
// others of the same launch write has no one result. Whether the launch ends
// is another matter. The hardware does start programs in the order of their
// numbers, and a program that waits for one with a smaller number waits for one
// that has started. Under other numbers it may wait for one that gets no
// multiprocessor until it has ended itself.
//
// A program waits by doing something again until memory has changed. If each
// of its loops runs a number of times that is settled when the loop begins, it
// does a number of things that is settled too, and ends. So this is a list of
// operations that
//
//   - end, and repeat what is in them a number of times that is known when they
//     begin: `scf.for`, but not `scf.while`, nor branches that form a loop;
//   - read memory as one reads what no other program of the launch writes: not
//     atomically, not volatile, not past the caches;
//   - know nothing of the hardware but the id of the program, which can be
//     given another: no assembly, and no text for people with ids in it.
//
// The CTAs of a cluster are one program, and share the id that is replaced.
//
// Whatever is not on the list is in the way, with what later versions of Triton
// add.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_PROGRAMORDER_H
#define GRAFT_ANALYSIS_PROGRAMORDER_H

#include "triton/Dialect/Triton/IR/Dialect.h"

namespace mlir::graft {

/// The first operation of *function* by which one of its programs might notice
/// in which order programs run, how many there are, or which number the
/// hardware gave it; null if there is none.
Operation *findOrderObserver(triton::FuncOp function);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_PROGRAMORDER_H
