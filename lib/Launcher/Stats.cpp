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

namespace {
struct ReasonFacts {
  Reason reason;
  Way way;
  const char *text;
};
} // namespace

/// In the order of `Reason`. The first three are the fast path.
static constexpr ReasonFacts reasons[] = {
    {Reason::Hit, Way::Ours, "launched"},
    {Reason::Tuned, Way::Ours, "tuned (a configuration chosen before)"},
    {Reason::Frozen, Way::Ours, "launched frozen"},
    {Reason::FirstLaunch, Way::Compile, "first launch of a variant"},
    {Reason::Inactive, Way::Tritons, "another driver is active"},
    {Reason::RunReplaced, Way::Tritons, "run is not Triton's own"},
    {Reason::Kernel, Way::Ours, "the kernel's class or parameters"},
    {Reason::Device, Way::Ours, "no current device"},
    {Reason::Knobs, Way::Ours, "a knob has an unusual value"},
    {Reason::InspectionHook, Way::Ours, "add_stages_inspection_hook is set"},
    {Reason::Binding, Way::Ours, "arguments do not fit the parameters"},
    {Reason::Keyword, Way::Tritons, "a keyword of Triton's own"},
    {Reason::ArgumentType, Way::Ours, "type of an argument"},
    {Reason::ArgumentRange, Way::Ours, "integer out of range"},
    {Reason::Constant, Way::Ours, "constant without a hash"},
    {Reason::TooMany, Way::Ours, "too many arguments or call shapes"},
    {Reason::Function, Way::Ours, "function as an argument"},
    {Reason::GlobalChanged, Way::Ours, "a used global has changed"},
    {Reason::Stale, Way::Compile, "a value that was compiled in has changed"},
    {Reason::Conversion, Way::Ours, "argument converted to its annotation"},
    {Reason::Compiled, Way::Ours,
     "not compiled here (hook, future or failure)"},
    {Reason::TuningKey, Way::Ours, "tuning key not seen before"},
    {Reason::ConfigChanged, Way::Ours, "a tuner's configuration has changed"},
    {Reason::CompiledKernel, Way::Ours, "CompiledKernel is not Triton's own"},
};

/// Whether the row number *i* and those after it stand where they belong.
static constexpr bool inOrder(unsigned i = 0) {
  return i == static_cast<unsigned>(Reason::Count) ||
         (reasons[i].reason == static_cast<Reason>(i) && inOrder(i + 1));
}
static_assert(sizeof(reasons) / sizeof(*reasons) ==
                      static_cast<unsigned>(Reason::Count) &&
                  inOrder(),
              "one row for each reason");

Way graft::launcher::wayOf(Reason reason) {
  return reasons[static_cast<unsigned>(reason)].way;
}

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
        PyDict_SetItemString(result.get(), reasons[i].text, number.get()) < 0)
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
