//===- host.cpp - a stand-in for libtriton --------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Binds as little of MLIR as it takes to run a plugin's passes from Python, and
// calls the plugin's entry point as Triton's main.cc does.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include "llvm/Support/raw_ostream.h"
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

namespace nb = nanobind;

void PLUGIN_INIT(nb::module_ &m);

/// The text of *source* after *fill* has filled a pass manager and it has run.
/// Raises RuntimeError where *source* does not parse or a pass fails.
static std::string runPasses(const std::string &source, nb::callable fill) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::triton::TritonDialect, mlir::arith::ArithDialect,
                      mlir::scf::SCFDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(source, &context);
  if (!module)
    throw std::runtime_error("the module does not parse");
  mlir::PassManager manager(&context);
  fill(nb::cast(&manager, nb::rv_policy::reference));
  if (failed(manager.run(*module)))
    throw std::runtime_error("a pass failed");
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

NB_MODULE(contract_host, m) {
  nb::class_<mlir::PassManager>(m, "pass_manager", nb::is_weak_referenceable());
  m.def("run_passes", &runPasses, nb::arg("source"), nb::arg("fill"));
  nb::module_ plugin = m.def_submodule(PLUGIN_NAME);
  PLUGIN_INIT(plugin);
}
