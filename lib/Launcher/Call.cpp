//===- Call.cpp - The arguments of a launch, as read ----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Call.h"

using namespace graft::launcher;

bool graft::launcher::readParam(PyObject *item, Param *param) {
  PyObject *name, *fallback;
  int rule, align, splitSign, keywordOnly, variadic;
  if (!PyArg_ParseTuple(item, "UOipppp", &name, &fallback, &rule, &align,
                        &splitSign, &keywordOnly, &variadic))
    return false;
  PyObject *interned = Ref::to(name).release();
  PyUnicode_InternInPlace(&interned);
  param->name = Ref(interned);
  // The default comes in a tuple of one, none in an empty one.
  if (!PyTuple_Check(fallback)) {
    PyErr_SetString(PyExc_TypeError, "a default comes in a tuple");
    return false;
  }
  if (tupleSize(fallback) == 1)
    param->fallback = Ref::to(tupleItem(fallback, 0));
  param->rule = static_cast<Rule>(rule);
  param->align = align != 0;
  param->splitSign = splitSign != 0;
  param->keywordOnly = keywordOnly != 0;
  param->variadic = variadic != 0;
  return true;
}
