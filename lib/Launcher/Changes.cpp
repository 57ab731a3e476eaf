//===- Changes.cpp - Noticing that a dict has changed ---------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Changes.h"
#include "Errors.h"
#include "Names.h"

#include <iterator>
#include <unordered_set>

using namespace graft::launcher;

uint64_t graft::launcher::changes = 1;
uint64_t graft::launcher::nameChanges = 1;

#if !defined(Py_LIMITED_API) && PY_VERSION_HEX >= 0x030c0000

/// Python's numbers for our watchers, or -1: there are few, and all may be
/// taken.
static int watcher = -1, nameWatcher = -1;

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

/// Has *dict* watched. Returns false, with no exception set, if that cannot be,
/// of which Python raises nothing but a ValueError.
static bool watchWith(int number, PyObject *dict) {
  return PyDict_Watch(number, dict) == 0 || (passOver() && false);
}

bool graft::launcher::watch(PyObject *dict) {
  return watcher >= 0 && watchWith(watcher, dict);
}

/// The hashes of the names that are watched in namespaces. Never destroyed: the
/// process may end after Python did.
static auto &watchedNames = *new std::unordered_set<Py_hash_t>();

/// The namespaces of which every name is watched; one that is gone may leave
/// its address to another, which is then watched for nothing.
static auto &wholeDicts = *new std::unordered_set<PyObject *>();

/// Called before a watched namespace changes. Returns 0.
static int noteNameChange(PyDict_WatchEvent, PyObject *dict, PyObject *key,
                          PyObject *) {
  // Without a key, all of it changes. The hash of a str is kept in it.
  if (!key || !PyUnicode_CheckExact(key) || wholeDicts.count(dict) != 0 ||
      watchedNames.count(PyObject_Hash(key)) != 0)
    ++nameChanges;
  return 0;
}

bool graft::launcher::watchName(PyObject *dict, PyObject *name) {
  if (nameWatcher < 0)
    return false;
  watchedNames.insert(PyObject_Hash(name));
  return watchWith(nameWatcher, dict);
}

bool graft::launcher::watchAll(PyObject *dict) {
  if (nameWatcher < 0)
    return false;
  wholeDicts.insert(dict);
  return watchWith(nameWatcher, dict);
}

/// Sets attributes in every way that there is. It runs often enough for Python
/// to use its fastest instructions.
static const char probe[] = R"(
class Probe:
    pass

subject = Probe()
subject.old = 0
watch(subject.__dict__)
watch(vars_of(Probe))

def change():
    for number in range(100):
        before = changes()
        subject.old = [number]
        subject.new = [number]
        del subject.new
        setattr(subject, "other", [number])
        subject.__dict__["old"] = [number]
        Probe.attribute = [number]
        if changes() < before + 6:
            return False
    return True

works = change()
)";

/// `watch(dict)` of the probe.
static PyObject *watchForProbe(PyObject *, PyObject *dict) {
  return PyBool_FromLong(watch(dict));
}

/// `vars_of(cls)` of the probe: the dict of a class itself, not a view of it.
static PyObject *varsForProbe(PyObject *, PyObject *cls) {
  return PyType_GetDict(reinterpret_cast<PyTypeObject *>(cls));
}

/// `changes()` of the probe.
static PyObject *changesForProbe(PyObject *, PyObject *) {
  return PyLong_FromUnsignedLongLong(changes);
}

/// Whether every way of setting an attribute is noticed: some releases of
/// Python forget one. Returns 1, 0, or -1 with an exception set.
static int watchingWorks() {
  static PyMethodDef methods[] = {
      {"watch", watchForProbe, METH_O, nullptr},
      {"vars_of", varsForProbe, METH_O, nullptr},
      {"changes", changesForProbe, METH_NOARGS, nullptr}};
  Ref names(PyDict_New());
  if (!names || PyDict_SetItemString(names.get(), "__builtins__",
                                     PyEval_GetBuiltins()) < 0)
    return -1;
  for (PyMethodDef &method : methods) {
    Ref function(PyCFunction_New(&method, nullptr));
    if (!function ||
        PyDict_SetItemString(names.get(), method.ml_name, function.get()) < 0)
      return -1;
  }
  Ref name(PyUnicode_FromString("graft_probe")), works;
  if (!name || PyDict_SetItemString(names.get(), "__name__", name.get()) < 0)
    return -1;
  Ref result(PyRun_String(probe, Py_file_input, names.get(), names.get()));
  Ref worksName(PyUnicode_FromString("works"));
  if (!result || !worksName || !lookup(names.get(), worksName.get(), &works))
    return -1;
  return works.get() == Py_True;
}

bool graft::launcher::addChanges(PyObject *) {
  const char *const names[] = {"nargs", "best_config"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (!(unimportant[i] = PyUnicode_InternFromString(names[i])))
      return false;
  watcher = PyDict_AddWatcher(noteChange);
  if (watcher < 0) // there are few, and all are taken
    return passOver();
  int works = watchingWorks();
  if (works != 1) // not cleared: a dict that is watched may outlive it
    watcher = -1;
  else
    nameWatcher = PyDict_AddWatcher(noteNameChange);
  return works >= 0 && (nameWatcher >= 0 || passOver());
}

#else

bool graft::launcher::watch(PyObject *) { return false; }

bool graft::launcher::watchName(PyObject *, PyObject *) { return false; }

bool graft::launcher::watchAll(PyObject *) { return false; }

bool graft::launcher::addChanges(PyObject *) { return true; }

#endif
