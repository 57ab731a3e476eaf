//===- TuningKey.cpp - What tells launches of an autotuner apart ----------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "TuningKey.h"
#include "Arrays.h"
#include "Constants.h"
#include "Errors.h"
#include "Keywords.h"
#include "Names.h"

using namespace graft::launcher;

std::unique_ptr<TunedShape> TunedShape::make(const Shapes<TunedShape> &others,
                                             PyObject *argNames,
                                             PyObject *keyNames,
                                             const Arguments &args) {
  auto shape = std::make_unique<TunedShape>();
  shape->keywords = Ref::to(args.keywords);
  shape->numPositional = args.numPositional;
  shape->number = others.size();
  Py_ssize_t numNames = tupleSize(argNames);
  shape->valid = args.numPositional <= numNames && !namesRunsOwn(args.keywords);
  for (Py_ssize_t i = 0; i < args.numPositional && i < numNames; ++i)
    shape->named.push_back(static_cast<int>(i));
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i) {
    Py_ssize_t position = positionOf(argNames, tupleItem(args.keywords, i));
    if (position >= 0 && position < args.numPositional)
      shape->valid = false;
    if (position >= 0)
      shape->named.push_back(static_cast<int>(args.numPositional + i));
  }
  for (Py_ssize_t i = 0; i < tupleSize(keyNames); ++i) {
    PyObject *key = tupleItem(keyNames, i);
    Py_ssize_t position = positionOf(argNames, key);
    Py_ssize_t keyword = positionOf(args.keywords, key);
    if (position >= 0 && position < args.numPositional)
      shape->keys.push_back(static_cast<int>(position));
    else if (keyword >= 0)
      shape->keys.push_back(static_cast<int>(args.numPositional + keyword));
  }
  return shape;
}

/// Stands for an argument without a dtype; no dtype has this number.
constexpr uint64_t NoDtype = UINT64_MAX;

/// Appends what the key has of an argument's dtype. One that only Python can
/// find is declined.
static Outcome readKeyDtype(Call &call, PyObject *value) {
  if (value == Py_None || PyLong_CheckExact(value) || PyBool_Check(value) ||
      PyFloat_CheckExact(value) || PyUnicode_CheckExact(value)) {
    call.word(NoDtype);
    return Outcome::Done;
  }
  Array array;
  Outcome outcome = readArray(value, &array);
  if (outcome == Outcome::Failed)
    return outcome;
  if (outcome == Outcome::Done) {
    call.word(array.dtype);
    return Outcome::Done;
  }
  int has = hasAttribute(value, names.dtype);
  if (has != 0)
    return has < 0 ? declineRaised(call, Reason::ArgumentType)
                   : call.decline(Reason::ArgumentType);
  call.word(NoDtype);
  return Outcome::Done;
}

Outcome graft::launcher::readKey(Call &call, const TunedShape &shape,
                                 const Arguments &args) {
  for (int index : shape.keys) {
    PyObject *value = args.values[index];
    if (!isImmutable(value))
      return call.decline(Reason::TuningKey);
    Outcome outcome = readConstant(call, value);
    if (outcome != Outcome::Done)
      return outcome;
  }
  for (int index : shape.named) {
    if (!call.fits(1))
      return call.decline(Reason::TooMany);
    Outcome outcome = readKeyDtype(call, args.values[index]);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}
