//===- Sites.cpp - the places that a pass rewrites ------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Transforms/Sites.h"

#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

/// The variable that names the file to write to; backend/settings.py lists it.
static constexpr const char *variable = "GRAFT_SITES";

/// The name of the kernel in *module*: its first public function.
static StringRef getKernelName(ModuleOp module) {
  for (tt::FuncOp function : module.getOps<tt::FuncOp>())
    if (function.isPublic())
      return function.getName();
  return "";
}

/// Adds *location* to *places*, then the calls that led there, from the inside
/// out.
static void collectPlaces(Location location,
                          SmallVectorImpl<FileLineColLoc> &places) {
  if (auto place = dyn_cast<FileLineColLoc>(location)) {
    places.push_back(place);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collectPlaces(call.getCallee(), places);
    collectPlaces(call.getCaller(), places);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    collectPlaces(name.getChildLoc(), places);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    if (!fused.getLocations().empty())
      collectPlaces(fused.getLocations().front(), places);
  }
}

Sites::Sites(ModuleOp module, StringRef pass, ArrayRef<int64_t> skipped)
    : module(module), pass(pass), skipped(skipped) {
  write();
}

bool Sites::take(Operation *op) {
  ++number;
  bool isTaken = !llvm::is_contained(skipped, number);
  write(op, isTaken);
  if (!isTaken)
    op->emitRemark(pass) << ": site " << number << " is skipped";
  return isTaken;
}

void Sites::write(Operation *op, bool isTaken) {
  const char *path = std::getenv(variable);
  if (!path || !*path)
    return;
  // One buffer and one write: other threads and processes add lines, too.
  std::string line;
  llvm::raw_string_ostream text(line);
  text << pass << '\t' << getKernelName(module);
  if (op) {
    text << '\t' << number << '\t' << (isTaken ? "taken" : "skipped");
    SmallVector<FileLineColLoc> places;
    collectPlaces(op->getLoc(), places);
    for (FileLineColLoc place : places)
      text << '\t' << place.getFilename().getValue() << ':' << place.getLine();
  }
  text << '\n';
  std::error_code error;
  llvm::raw_fd_ostream file(path, error, llvm::sys::fs::OF_Append);
  if (error) {
    module.emitWarning() << "cannot write to " << variable << "=" << path
                         << ": " << error.message();
    return;
  }
  file << line;
}
