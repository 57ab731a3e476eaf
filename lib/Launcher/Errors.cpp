//===- Errors.cpp - Which exceptions may be passed over -------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Errors.h"

using namespace graft::launcher;

bool graft::launcher::passOver() {
  PyObject *type = PyErr_Occurred();
  if (!type)
    return true;
  if (!PyErr_GivenExceptionMatches(type, PyExc_Exception) ||
      PyErr_GivenExceptionMatches(type, PyExc_MemoryError))
    return false;
  PyErr_Clear();
  return true;
}

bool graft::launcher::getAttribute(PyObject *object, PyObject *name,
                                   Ref *value) {
  *value = Ref(PyObject_GetAttr(object, name));
  return *value || passOver();
}

int graft::launcher::hasAttribute(PyObject *object, PyObject *name) {
  if (Ref(PyObject_GetAttr(object, name)))
    return 1;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError))
    return -1;
  PyErr_Clear();
  return 0;
}

bool graft::launcher::attributesOf(PyObject *object, Ref *dict) {
  *dict = Ref(PyObject_GenericGetDict(object, nullptr));
  return *dict || passOver();
}
