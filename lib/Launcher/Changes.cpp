//===- Changes.cpp - Noticing that a dict has changed ---------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Changes.h"

#include <iterator>

using namespace graft::launcher;

uint64_t graft::launcher::changes = 1;

#if !defined(Py_LIMITED_API) && PY_VERSION_HEX >= 0x030c0000

/// Python's number for our watcher, or -1: there are few, and all may be taken.
static int watcher = -1;

/// Attributes of autotuners that Triton writes for every launch, and that no
/// launch depends on.
static PyObject *unimportant[2];

/// Called before a watched dict changes. Returns 0.
static int noteChange(PyDict_WatchEvent, PyObject *, PyObject *key,
                      PyObject *) {
  for (PyObject *name : unimportant)
    if (key && key == name)
      return 0;
  ++changes;
  return 0;
}

bool graft::launcher::watch(PyObject *dict) {
  if (watcher < 0)
    return false;
  if (PyDict_Watch(watcher, dict) == 0)
    return true;
  PyErr_Clear();
  return false;
}

bool graft::launcher::addChanges(PyObject *) {
  const char *const names[] = {"nargs", "best_config"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (!(unimportant[i] = PyUnicode_InternFromString(names[i])))
      return false;
  watcher = PyDict_AddWatcher(noteChange);
  if (watcher < 0)
    PyErr_Clear();
  return true;
}

#else

bool graft::launcher::watch(PyObject *) { return false; }

bool graft::launcher::addChanges(PyObject *) { return true; }

#endif
