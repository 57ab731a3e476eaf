//===- Diagnostics.h - why a pass failed, for Python ------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Triton prints the errors of a pass and tells Python only that one failed.
// Here they are kept instead: they become the attribute `host.error` of the
// operation that the pass ran on. backend/plugin.py puts them into its error.
//
//===----------------------------------------------------------------------===//

#ifndef HOST_DIAGNOSTICS_H
#define HOST_DIAGNOSTICS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace mlir::host {

/// Keeps errors and their notes while passes run. Remarks and warnings
/// go on to Triton.
class KeepErrors : public PassInstrumentation {
public:
  explicit KeepErrors(MLIRContext *context) : context(context) {}

  // Triton's own handler is there by now; the last one there is asked first.
  // A pass may run others.
  void runBeforePass(Pass *, Operation *) override {
    if (depth++ == 0)
      handler = context->getDiagEngine().registerHandler([&](Diagnostic &seen) {
        if (seen.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        append(seen, "error");
        for (Diagnostic &note : seen.getNotes())
          append(note, "note");
        return success();
      });
  }

  void runAfterPass(Pass *, Operation *) override { end(); }

  void runAfterPassFailed(Pass *, Operation *op) override {
    end();
    if (!text.empty())
      op->setAttr("host.error", StringAttr::get(context, text));
  }

private:
  void end() {
    if (--depth == 0)
      context->getDiagEngine().eraseHandler(handler);
  }

  void append(Diagnostic &seen, StringRef kind) {
    llvm::raw_string_ostream out(text);
    if (!text.empty())
      out << "\n";
    if (auto place = seen.getLocation()->findInstanceOf<FileLineColLoc>())
      out << place.getFilename().getValue() << ":" << place.getLine() << ":"
          << place.getColumn() << ": ";
    out << kind << ": " << seen.str();
  }

  MLIRContext *context;
  DiagnosticEngine::HandlerID handler = 0;
  int depth = 0;
  std::string text;
};

} // namespace mlir::host

#endif // HOST_DIAGNOSTICS_H
