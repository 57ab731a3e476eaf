//===- Module.cpp - The extension module ----------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Defines `triton.backends.graft.launch._launcher` and lets each file add its
// names.
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Callbacks.h"
#include "Changes.h"
#include "Descriptors.h"
#include "Knobs.h"
#include "KnownKernels.h"
#include "Launcher.h"
#include "Names.h"
#include "Plan.h"
#include "Reads.h"
#include "Runtime.h"
#include "Stats.h"

using namespace graft::launcher;

/// Fills *module*. Returns 0, or -1 with an exception set. Needs the GIL.
static int execModule(PyObject *module) {
  for (auto add :
       {addErrors,       addNames,     addCallbacks,      addStats,
        addDevice,       addTensorMap, addChanges,        addKnobs,
        addTriton,       addRuntime,   addArrays,         addDescriptors,
        addPlan,         addReads,     addKnownKernels,   addDispatcher,
        addTuner,        addHeuristic, addFrozen,         addSubscript,
        addHostFunction, addRun,       addDescriptorCheck})
    if (!add(module))
      return -1;
  return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void *>(execModule)},
#if PY_VERSION_HEX >= 0x030c0000
    // The driver's table and the types exist once per process.
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, nullptr}};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                 "_launcher",
                                 "The native launcher of triton-graft.",
                                 0,
                                 nullptr,
                                 slots,
                                 nullptr,
                                 nullptr,
                                 nullptr};

/// Called by `import`. Returns the definition, which Python makes a module of.
PyMODINIT_FUNC PyInit__launcher() { return PyModuleDef_Init(&definition); }
