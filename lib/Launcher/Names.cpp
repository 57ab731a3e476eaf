//===- Names.cpp - Interned names -----------------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Names.h"

using namespace graft::launcher;

Names graft::launcher::names;

bool graft::launcher::internNames(
    std::initializer_list<std::pair<PyObject **, const char *>> all) {
  for (const auto &[slot, text] : all)
    if (!(*slot = PyUnicode_InternFromString(text)))
      return false;
  return true;
}

bool graft::launcher::addNames(PyObject *) {
  return internNames({{&names.run, "run"},
                      {&names.debug, "debug"},
                      {&names.preRunHooks, "pre_run_hooks"},
                      {&names.usedGlobals, "used_global_vals"},
                      {&names.grid, "grid"},
                      {&names.warmup, "warmup"},
                      {&names.value, "value"},
                      {&names.bestConfig, "best_config"},
                      {&names.dataPtr, "data_ptr"},
                      {&names.dtype, "dtype"},
                      {&names.launchMetadata, "launch_metadata"},
                      {&names.ownRun, "_run"},
                      {&names.function, "function"},
                      {&names.packedMetadata, "packed_metadata"},
                      {&names.fn, "fn"},
                      {&names.argNames, "arg_names"}});
}
