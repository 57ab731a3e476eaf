//===- Triton.cpp - What is read or recognised of Triton's ----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Compiled.h"
#include "Constants.h"
#include "Knobs.h"
#include "Launcher.h"

using namespace graft::launcher;

/// `set_triton(knobs, HookChain, constexpr, dtype, JITFunction, (dict, run,
/// launch_metadata))`: what is read or recognised of Triton's; the last are the
/// dict of the class CompiledKernel, and Triton's own methods of it.
static PyObject *setTriton(PyObject *, PyObject *args) {
  PyObject *knobs, *chain, *constexprType, *dtypeType, *functionType;
  PyObject *dict, *run, *metadata;
  if (!PyArg_ParseTuple(args, "OOOOO(O!OO)", &knobs, &chain, &constexprType,
                        &dtypeType, &functionType, &PyDict_Type, &dict, &run,
                        &metadata))
    return nullptr;
  setCompiledKernel(dict, run, metadata);
  if (!setKnobs(knobs, chain) ||
      !setConstantTypes(constexprType, dtypeType, functionType))
    return nullptr;
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_triton", setTriton, METH_VARARGS,
     "Says what is read or recognised of Triton's."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addTriton(PyObject *module) {
  return PyModule_AddFunctions(module, methods) == 0;
}
