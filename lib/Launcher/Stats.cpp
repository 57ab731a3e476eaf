//===- Stats.cpp - How many launches went which way -----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Stats.h"
#include "Ref.h"

#include <cstring>

using namespace graft::launcher;

namespace graft::launcher {

uint64_t reasonCounts[static_cast<unsigned>(Reason::Count)];

} // namespace graft::launcher

/// In the order of `Reason`. The first three are the fast path.
static const char *const reasonTexts[] = {
    "launched",
    "tuned (a configuration chosen before)",
    "launched frozen",
    "first launch of a variant",
    "another driver is active",
    "run is not Triton's own",
    "the kernel's class or parameters",
    "no current device",
    "a knob has an unusual value",
    "add_stages_inspection_hook is set",
    "arguments do not fit the parameters",
    "a keyword of Triton's own",
    "type of an argument",
    "integer out of range",
    "constant without a hash",
    "too many arguments or call shapes",
    "function as an argument",
    "a used global has changed",
    "a value that was compiled in has changed",
    "argument converted to its annotation",
    "not compiled here (hook, future or failure)",
    "tuning key not seen before",
    "a tuner's configuration has changed",
    "CompiledKernel is not Triton's own",
};
static_assert(sizeof(reasonTexts) / sizeof(*reasonTexts) ==
                  static_cast<unsigned>(Reason::Count),
              "one text for each reason");

/// `stats()`: a dict from what happened, in words, to how often. Reasons that
/// never occurred are left out.
static PyObject *stats(PyObject *, PyObject *) {
  Ref result(PyDict_New());
  if (!result)
    return nullptr;
  for (unsigned i = 0; i < static_cast<unsigned>(Reason::Count); ++i) {
    if (reasonCounts[i] == 0)
      continue;
    Ref number(PyLong_FromUnsignedLongLong(reasonCounts[i]));
    if (!number ||
        PyDict_SetItemString(result.get(), reasonTexts[i], number.get()) < 0)
      return nullptr;
  }
  return result.release();
}

/// `reset_stats()`: sets all counts to zero.
static PyObject *resetStats(PyObject *, PyObject *) {
  std::memset(reasonCounts, 0, sizeof(reasonCounts));
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"stats", stats, METH_NOARGS, "How many launches went which way."},
    {"reset_stats", resetStats, METH_NOARGS, "Sets all counts to zero."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addStats(PyObject *module) {
  return PyModule_AddFunctions(module, methods) == 0;
}
