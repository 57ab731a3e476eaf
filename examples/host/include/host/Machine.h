//===- Machine.h - the CPU that this runs on --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_MACHINE_H
#define HOST_MACHINE_H

#include <string>

namespace mlir::host {

/// LLVM's name of this CPU, a colon, and all features that LLVM knows of such
/// CPUs, sorted, with a sign that says whether this one has it:
/// `znver5:+avx2,-avx512fp16`. What a virtual machine hides has a minus.
std::string describeMachine();

} // namespace mlir::host

#endif // HOST_MACHINE_H
