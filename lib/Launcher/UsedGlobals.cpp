//===- UsedGlobals.cpp - The globals that a kernel uses -------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "UsedGlobals.h"
#include "Constants.h"
#include "Errors.h"
#include "Names.h"

using namespace graft::launcher;

bool UsedGlobals::read(PyObject *used) {
  PyObject *key, *value;
  Py_ssize_t position = 0;
  if (!PyDict_CheckExact(used))
    return false;
  source = Ref::to(used);
  while (PyDict_Next(used, &position, &key, &value)) {
    if (!PyTuple_CheckExact(key) || !PyTuple_CheckExact(value) ||
        tupleSize(key) != 2 || tupleSize(value) != 2 ||
        !PyDict_Check(tupleItem(value, 1)))
      return false;
    UsedGlobal global;
    global.name = Ref::to(tupleItem(key, 0));
    global.expected = Ref::to(tupleItem(value, 0));
    global.dict = Ref::to(tupleItem(value, 1));
    all.push_back(std::move(global));
  }
  return true;
}

/// Whether *now* is the object that was found equal before and cannot have
/// changed. A tl.constexpr can, so its value is looked at. Returns 1, 0, or -1
/// with an exception set.
static int seenBefore(const UsedGlobal &global, PyObject *now) {
  if (now != global.seen.get())
    return 0;
  if (!global.seenValue)
    return 1;
  Ref expected = Ref::to(global.seenValue.get()), value;
  if (!getAttribute(now, names.value, &value))
    return -1;
  return value.get() == expected.get();
}

/// Remembers that *now* was found equal, if that cannot change unseen. Returns
/// false with an exception set.
static bool remember(UsedGlobal &global, PyObject *now) {
  Ref seen = Ref::to(now), value;
  if (!isImmutable(now)) {
    if (isConstexpr(now) && !getAttribute(now, names.value, &value))
      return false;
    if (!value || !isImmutable(value.get())) {
      seen = Ref();
      value = Ref();
    }
  }
  std::swap(global.seen, seen); // what was there before goes last
  std::swap(global.seenValue, value);
  return true;
}

/// Compares a global that may have another value than before.
static Outcome compare(UsedGlobal &global, PyObject *now, Call &call) {
  Ref differs(PyObject_RichCompare(now, global.expected.get(), Py_NE));
  int truth = differs ? PyObject_IsTrue(differs.get()) : -1;
  if (truth < 0)
    return Outcome::Failed;
  if (truth)
    return call.decline(Reason::GlobalChanged); // Triton's path says which
  return remember(global, now) ? Outcome::Done : Outcome::Failed;
}

Outcome UsedGlobal::check(Call &call) {
  Ref now;
  if (!lookup(dict.get(), name.get(), &now))
    return Outcome::Failed;
  if (!now)
    return call.decline(Reason::GlobalChanged);
  int seenNow = seenBefore(*this, now.get());
  return seenNow == 0  ? compare(*this, now.get(), call)
         : seenNow > 0 ? Outcome::Done
                       : Outcome::Failed;
}

int UsedGlobals::traverse(visitproc visit, void *arg) const {
  Py_VISIT(source.get());
  for (const UsedGlobal &global : all) {
    Py_VISIT(global.dict.get());
    Py_VISIT(global.expected.get());
    Py_VISIT(global.seen.get());
    Py_VISIT(global.seenValue.get());
  }
  return 0;
}
