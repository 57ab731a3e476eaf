//===- plugin.cpp - entry point of the pass library -----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What Triton asks the library for: passes, by which it makes a Python function
// `passes.plugin.add_host(pm, [pipeline])`. backend/plugin.py is the only
// caller.
//
//===----------------------------------------------------------------------===//

#include "host/Machine.h"
#include "host/Pipeline.h"
#include "triton/Tools/PluginUtils.h"
#include "triton/Version.h"

namespace plugin = mlir::triton::plugin;

/// Adds the pipeline that *args* names, one text, to *pm*.
static void addPass(mlir::PassManager *pm,
                    const std::vector<std::string> &args) {
  mlir::host::addPipeline(*pm, args);
}

static void registerPasses() { mlir::host::registerHostPasses(); }

/// Called by backend/plugin.py. The result lives as long as the process.
TRITON_PLUGIN_API const char *hostMachine() {
  static const std::string machine = mlir::host::describeMachine();
  return machine.c_str();
}

/// Called by Triton, and by backend/library.py to read the version before
/// Triton loads the library. The result lives as long as the process.
TRITON_PLUGIN_API plugin::PluginInfo *tritonGetPluginInfo() {
  static plugin::PassInfo passes[] = {
      {"host", HOST_VERSION, addPass, registerPasses}};
  static plugin::PluginInfo info = {
      TRITON_PLUGIN_API_VERSION, "host", HOST_VERSION,  passes, 1,
      /*dialects=*/nullptr,      0,
      /*ops=*/nullptr,           0,      TRITON_VERSION};
  return &info;
}
