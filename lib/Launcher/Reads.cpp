//===- Reads.cpp - What a kernel was compiled from ------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Reads.h"
#include "Callbacks.h"
#include "Errors.h"
#include "Launcher.h"
#include "Names.h"
#include "Objects.h"

#include <algorithm>
#include <functional>

using namespace graft::launcher;

/// What stands for a value that is not there, or that cannot be told by its
/// identity (reads.py). Owned; null before `set_reads`.
static PyObject *absent, *unstable;

/// The name of the attribute that says what was read, interned.
static PyObject *attributeName;

//===----------------------------------------------------------------------===//
// Cells
//===----------------------------------------------------------------------===//

#ifdef Py_LIMITED_API

/// The type of cells; owned. The stable interface does not name it.
static PyTypeObject *cellType;

static bool isCell(PyObject *object) { return Py_TYPE(object) == cellType; }

/// What *cell* holds: borrowed from it, or null if it is empty. Sets no
/// exception.
static PyObject *contentOf(PyObject *cell) {
  // An empty one raises a ValueError. The cell owns its content, too.
  Ref content(PyObject_GetAttrString(cell, "cell_contents"));
  return content || passOver() ? content.get() : nullptr;
}

/// Finds the type of cells: that of what a class body's `__class__` is in.
/// Returns false with an exception set.
static bool findCellType() {
  Ref types(PyImport_ImportModule("types"));
  Ref type(types ? PyObject_GetAttrString(types.get(), "CellType") : nullptr);
  cellType = reinterpret_cast<PyTypeObject *>(type.release());
  return cellType != nullptr;
}

#else

static bool isCell(PyObject *object) { return PyCell_Check(object); }

static PyObject *contentOf(PyObject *cell) { return PyCell_GET(cell); }

static bool findCellType() { return true; }

#endif

//===----------------------------------------------------------------------===//
// Things that can change and stay the same object
//===----------------------------------------------------------------------===//

/// Whether *object* is of the class *cls*.
static bool isOfClass(PyObject *object, PyObject *cls) {
  return reinterpret_cast<PyObject *>(Py_TYPE(object)) == cls;
}

/// Whether *tuple* has *now* at *index*; null stands for None. Borrows both.
static bool hasAt(PyObject *tuple, Py_ssize_t index, PyObject *now) {
  return index < tupleSize(tuple) &&
         tupleItem(tuple, index) == (now ? now : Py_None);
}

static bool isSameList(PyObject *list, PyObject *items) {
  const Py_ssize_t size = PyList_Size(list);
  if (size != tupleSize(items))
    return false;
  for (Py_ssize_t i = 0; i < size; ++i)
    if (PyList_GetItem(list, i) != tupleItem(items, i))
      return false;
  return true;
}

static bool isSameDict(PyObject *dict, PyObject *items) {
  if (2 * PyDict_Size(dict) != tupleSize(items))
    return false;
  Py_ssize_t position = 0, index = 0;
  PyObject *key, *value;
  while (PyDict_Next(dict, &position, &key, &value)) {
    if (!hasAt(items, index, key) || !hasAt(items, index + 1, value))
      return false;
    index += 2;
  }
  return true;
}

/// Whether attribute *name* of *object*, whose class is Python's own, is what
/// *items* has at *index*. Sets no exception and runs no code of others.
static bool isSameAttribute(PyObject *object, const char *name, PyObject *items,
                            Py_ssize_t index) {
  Ref now(PyObject_GetAttrString(object, name));
  if (!now && !passOver())
    return false;
  return now && hasAt(items, index, now.get());
}

static bool isSameProperty(PyObject *property, PyObject *items) {
  return isSameAttribute(property, "fget", items, 0) &&
         isSameAttribute(property, "fset", items, 1) &&
         isSameAttribute(property, "fdel", items, 2);
}

#ifdef Py_LIMITED_API

static bool isFunction(PyObject *) { return false; } // asked by Python instead

static bool isSameFunction(PyObject *, PyObject *) { return false; }

static bool isMethod(PyObject *) { return false; } // as well

static bool isSameMethod(PyObject *, PyObject *) { return false; }

static bool isSameClass(PyObject *cls, PyObject *items) {
  return hasAt(items, 0, reinterpret_cast<PyObject *>(Py_TYPE(cls))) &&
         isSameAttribute(cls, "__mro__", items, 1);
}

#else

static bool isFunction(PyObject *object) { return PyFunction_Check(object); }

static bool isSameFunction(PyObject *function, PyObject *items) {
  return hasAt(items, 0, PyFunction_GET_CODE(function)) &&
         hasAt(items, 1, PyFunction_GET_DEFAULTS(function)) &&
         hasAt(items, 2, PyFunction_GET_KW_DEFAULTS(function));
}

static bool isMethod(PyObject *object) {
  return Py_TYPE(object) == &PyStaticMethod_Type ||
         Py_TYPE(object) == &PyClassMethod_Type;
}

static bool isSameMethod(PyObject *method, PyObject *items) {
  return isSameAttribute(method, "__func__", items, 0);
}

static bool isSameClass(PyObject *cls, PyObject *items) {
  return hasAt(items, 0, reinterpret_cast<PyObject *>(Py_TYPE(cls))) &&
         hasAt(items, 1, reinterpret_cast<PyTypeObject *>(cls)->tp_mro);
}

#endif

/// What compares *object* with *as*; null if that is of no kind that is known.
static bool (*comparisonOf(PyObject *object, PyObject *as))(PyObject *,
                                                            PyObject *) {
  if (PyType_Check(as))
    return isOfClass;
  if (!PyTuple_CheckExact(as))
    return nullptr;
  if (PyList_CheckExact(object))
    return isSameList;
  if (PyDict_CheckExact(object))
    return isSameDict;
  if (isFunction(object))
    return isSameFunction;
  if (isOfClass(object, reinterpret_cast<PyObject *>(&PyProperty_Type)))
    return isSameProperty;
  if (isMethod(object))
    return isSameMethod;
  return PyType_Check(object) ? isSameClass : nullptr;
}

//===----------------------------------------------------------------------===//
// Taking over
//===----------------------------------------------------------------------===//

/// Takes one triple. Returns false if it is none, or never the same.
bool Reads::Taken::takeOne(PyObject *read) {
  if (!PyTuple_CheckExact(read) || tupleSize(read) != 3)
    return false;
  PyObject *space = tupleItem(read, 0), *name = tupleItem(read, 1),
           *value = tupleItem(read, 2);
  if (value == unstable)
    return false;
  value = value == absent ? nullptr : value;
  if (isCell(space) && name == Py_None) {
    cells.push_back({space, value});
    return true;
  }
  if (!value)
    value = absent; // what is not there has no kind, nor a name that is no str
  if (name == Py_None && PyDict_CheckExact(space) && PyLong_CheckExact(value)) {
    names.push_back({space, nullptr, value});
    return true;
  }
  if (name == Py_None) {
    auto isSame = comparisonOf(space, value);
    if (isSame)
      things.push_back({space, value, isSame});
    return isSame != nullptr;
  }
  value = value == absent ? nullptr : value;
  if (!PyDict_CheckExact(space) || !PyUnicode_CheckExact(name))
    return false;
  names.push_back({space, name, value});
  return true;
}

Reads::~Reads() = default;

/// Puts what was read of one dict together.
void Reads::Taken::sortNames() {
  std::stable_sort(names.begin(), names.end(),
                   [](const Name &a, const Name &b) {
                     return std::less<PyObject *>()(a.dict, b.dict);
                   });
  for (size_t i = 0; i < names.size(); ++i) {
    if (namespaces.empty() || namespaces.back().dict != names[i].dict)
      namespaces.push_back({names[i].dict, i, i});
    namespaces.back().last = i + 1;
  }
}

bool Reads::Taken::takeAll() {
  if (!PyTuple_CheckExact(source.get()))
    return false;
  for (Py_ssize_t i = 0; i < tupleSize(source.get()); ++i)
    if (!takeOne(tupleItem(source.get(), i)))
      return false;
  sortNames();
  return true;
}

/// Writes what *compiled* says was read for it; null if it says nothing.
/// Returns false with an exception set.
static bool readsOf(PyObject *compiled, Ref *reads) {
  Ref attributes;
  if (!attributesOf(compiled, &attributes) ||
      !lookup(attributes.get(), attributeName, reads))
    return false;
  if (reads->get() == Py_None)
    *reads = Ref();
  return true;
}

bool Reads::take(PyObject *compiled) {
  auto fresh = Shared<Taken>::make();
  if (!readsOf(compiled, &fresh->source))
    return false;
  fresh->never = fresh->source && !fresh->takeAll();
  taken = std::move(fresh);
  return true;
}

bool Reads::of(PyObject *compiled, std::unique_ptr<Reads> *reads) {
  auto made = std::make_unique<Reads>();
  if (!made->take(compiled))
    return false;
  if (made->taken->source)
    *reads = std::move(made);
  return true;
}

//===----------------------------------------------------------------------===//
// Looking
//===----------------------------------------------------------------------===//

bool Reads::Taken::objectsAreSame() const {
  for (const Cell &cell : cells)
    if (contentOf(cell.cell) != cell.value)
      return false;
  for (const Thing &thing : things)
    if (!thing.isSame(thing.object, thing.as))
      return false;
  return !never;
}

/// Whether *dict* has as many items as the int *count* says. Returns as
/// `areSame` does.
static int hasCount(PyObject *dict, PyObject *count) {
  const Py_ssize_t expected = PyLong_AsSsize_t(count);
  if (expected == -1 && PyErr_Occurred())
    return passOver() ? 0 : -1;
  return PyDict_Size(dict) == expected;
}

/// Looks up what was read of one dict. Returns as `areSame` does.
int Reads::Taken::lookAt(const Namespace &space) const {
  for (size_t i = space.first; i < space.last; ++i) {
    if (!names[i].name) {
      if (int same = hasCount(names[i].dict, names[i].value); same != 1)
        return same;
      continue;
    }
    Ref now;
    if (!lookup(names[i].dict, names[i].name, &now))
      return passOver() ? 0 : -1;
    if (now.get() != names[i].value)
      return 0;
  }
  return 1;
}

/// Has all names watched. Returns whether their changes will be noticed.
bool Reads::Taken::watchNames() const {
  for (const Name &read : names)
    if (!(read.name ? watchName(read.dict, read.name) : watchAll(read.dict)))
      return false;
  return true;
}

int Reads::lookAgain() {
  Shared<Taken> held = taken;
  return held->lookAtNames();
}

/// Returns as `areSame` does.
int Reads::Taken::lookAtNames() {
  const uint64_t before = nameChanges;
  if (!watchTried) {
    watchTried = true;
    watched = watchNames();
  }
  for (Namespace &space : namespaces) {
    uint64_t version = versionOf(space.dict);
    if (version != 0 && version == space.version)
      continue;
    if (int same = lookAt(space); same != 1)
      return same;
    space.version = version;
  }
  at = watched ? before : 0;
  return 1;
}

int Reads::traverse(visitproc visit, void *arg) const {
  Py_VISIT(taken->source.get());
  return 0;
}

//===----------------------------------------------------------------------===//
// Asking Python
//===----------------------------------------------------------------------===//

int graft::launcher::askWhetherCurrent(PyObject *compiled) {
  Ref answer = callbacks.stillHolds(compiled);
  return answer ? PyObject_IsTrue(answer.get()) : -1;
}

/// `set_reads(absent, unstable)`: what stands for such values.
static PyObject *setReads(PyObject *, PyObject *args) {
  PyObject *given[2];
  if (!PyArg_ParseTuple(args, "OO", &given[0], &given[1]))
    return nullptr;
  Ref old[] = {Ref(absent), Ref(unstable)};
  absent = Ref::to(given[0]).release();
  unstable = Ref::to(given[1]).release();
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_reads", setReads, METH_VARARGS, "Says what stands for odd values."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addReads(PyObject *module) {
  return internNames({{&attributeName, "_graft_reads"}}) && findCellType() &&
         PyModule_AddFunctions(module, methods) == 0;
}
