//===- OwnRun.cpp - Whether an object's run is Triton's -------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "OwnRun.h"
#include "Errors.h"
#include "Names.h"
#include "Objects.h"

using namespace graft::launcher;

int OwnRun::holds(Look &look, bool calledByRun) const {
  Ref found;
  look.reads(attributes.get());
  if (calledByRun)
    return 1;
  for (const Ref &dict : classes)
    look.reads(dict.get());
  if (!lookup(attributes.get(), names.run, &found))
    return -1;
  for (size_t i = 0; !found && i < classes.size(); ++i)
    if (!lookup(classes[i].get(), names.run, &found))
      return -1;
  return found.get() == run.get() || found.get() == original.get();
}

int OwnRun::traverse(visitproc visit, void *arg) const {
  Py_VISIT(attributes.get());
  for (const Ref &dict : classes)
    Py_VISIT(dict.get());
  return 0;
}

bool graft::launcher::readOwnRun(PyObject *item, OwnRun *ownRun) {
  PyObject *attributes, *classes, *run, *original;
  if (!PyArg_ParseTuple(item, "O!O!OO", &PyDict_Type, &attributes,
                        &PyTuple_Type, &classes, &run, &original))
    return false;
  ownRun->attributes = Ref::to(attributes);
  ownRun->run = Ref::to(run);
  ownRun->original = Ref::to(original);
  for (Py_ssize_t i = 0; i < tupleSize(classes); ++i)
    ownRun->classes.push_back(Ref::to(tupleItem(classes, i)));
  if (!ownRun->classes.empty())
    return true;
  PyErr_SetString(PyExc_ValueError, "a class has at least one dict");
  return false;
}
