//===- Machine.cpp - the CPU that this runs on ----------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "host/Machine.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/TargetParser/Host.h"
#include <algorithm>
#include <vector>

std::string mlir::host::describeMachine() {
  std::vector<std::string> features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.push_back(
        (llvm::Twine(feature.second ? "+" : "-") + feature.first()).str());
  std::sort(features.begin(), features.end());
  return llvm::sys::getHostCPUName().str() + ":" + llvm::join(features, ",");
}
