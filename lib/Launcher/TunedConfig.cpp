//===- TunedConfig.cpp - A configuration that an autotuner chose ----------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "TunedConfig.h"
#include "Callbacks.h"
#include "Keywords.h"

using namespace graft::launcher;

bool Tuned::read(PyObject *facts, PyObject *keywords) {
  PyObject *given, *dict, *keywordDict, *classDict, *where, *more, *all;
  if (!PyArg_ParseTuple(facts, "OO!O!O!OO!O!", &given, &PyDict_Type, &dict,
                        &PyDict_Type, &keywordDict, &PyDict_Type, &classDict,
                        &where, &PyTuple_Type, &more, &PyTuple_Type, &all))
    return false;
  config = Ref::to(given);
  attributes = Ref::to(dict);
  kwargs = Ref::to(keywordDict);
  configClass = Ref::to(classDict);
  if (where != Py_None)
    key = Ref::to(where);
  std::vector<PyObject *> added;
  for (Py_ssize_t i = 0; i < tupleSize(more); ++i) {
    added.push_back(tupleItem(more, i));
    values.push_back(Ref::to(tupleItem(all, i)));
  }
  names = Ref(joinNames(keywords, added));
  return bool(names);
}

/// Whether two descriptions of a configuration are of the same.
static bool areSame(const Tuned &a, const Tuned &b) {
  if (a.attributes.get() != b.attributes.get() ||
      a.kwargs.get() != b.kwargs.get() || a.values.size() != b.values.size() ||
      !sameNames(a.names.get(), b.names.get()))
    return false;
  for (size_t i = 0; i < a.values.size(); ++i)
    if (a.values[i].get() != b.values[i].get())
      return false;
  return true;
}

int Tuned::isSame(PyObject *keywords, Look &look) const {
  for (const Ref *dict : {&attributes, &kwargs, &configClass})
    look.reads(dict->get());
  Tuned now;
  Ref facts = callbacks.describe(config.get(), Py_None);
  if (!facts || (facts.get() != Py_None && !now.read(facts.get(), keywords)))
    return -1;
  return facts.get() != Py_None && areSame(now, *this);
}
