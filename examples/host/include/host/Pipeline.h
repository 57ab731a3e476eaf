//===- Pipeline.h - the passes by name --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef HOST_PIPELINE_H
#define HOST_PIPELINE_H

#include "host/Diagnostics.h"
#include "host/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace mlir::host {

/// Adds the passes that the one text in *args* names to *pm*, in MLIR's form:
/// `host-some-pass{max-ops=256},...`. Throws std::invalid_argument with
/// MLIR's message for a name or option it does not know; *pm* is then as it
/// was. Why a pass fails is left on the operation (Diagnostics.h). Both entry
/// points of the library come here.
inline void addPipeline(PassManager &pm, const std::vector<std::string> &args) {
  if (args.size() != 1)
    throw std::invalid_argument("add_host expects one pipeline");
  const std::string &pipeline = args.front();
  [[maybe_unused]] static bool once = (registerHostPasses(), true);
  std::string message;
  llvm::raw_string_ostream stream(message);
  OpPassManager parsed(pm.getOpAnchorName(), pm.getNesting());
  if (failed(parsePassPipeline(pipeline, parsed, stream)))
    throw std::invalid_argument(message);
  pm.addInstrumentation(std::make_unique<KeepErrors>(pm.getContext()));
  // Parsed a second time, as passes cannot move between managers.
  if (failed(parsePassPipeline(pipeline, pm, stream)))
    throw std::invalid_argument(message);
}

} // namespace mlir::host

#endif // HOST_PIPELINE_H
