//===- plugin.cpp - entry point of the pass library -----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What `triton._C.libtriton.passes.plugin.extend_with` loads. It adds one
// Python function, `passes.plugin.add_graft(pm, [pipeline])`; see
// backend/plugin.py, which is the only caller.
//
//===----------------------------------------------------------------------===//

#include "graft/Pipeline.h"
#include "triton/Tools/PluginUtils.h"
#include "triton/Version.h"

namespace plugin = mlir::triton::plugin;

/// Adds the pipeline that *args* names, one text, to *pm*.
static void addPass(mlir::PassManager *pm,
                    const std::vector<std::string> &args) {
  mlir::graft::addPipeline(*pm, args);
}

static void registerPasses() { mlir::graft::registerGraftPasses(); }

/// Called by Triton, and by backend/plugin.py to read the version before Triton
/// loads the library. The result lives as long as the process.
TRITON_PLUGIN_API plugin::PluginInfo *tritonGetPluginInfo() {
  static plugin::PassInfo passes[] = {
      {"graft", GRAFT_VERSION, addPass, registerPasses}};
  static plugin::PluginInfo info = {
      TRITON_PLUGIN_API_VERSION, "graft", GRAFT_VERSION, passes, 1,
      /*dialects=*/nullptr,      0,
      /*ops=*/nullptr,           0,       TRITON_VERSION};
  return &info;
}
