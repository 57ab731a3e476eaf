//===- Arguments.cpp - Reading the arguments of a launch ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Constants.h"
#include "Descriptors.h"
#include "Words.h"

using namespace graft::launcher;

/// What is special about an integer, besides its type.
enum IntDetail : uint64_t { DetailOne = 1 << 4, DetailDivisible = 1 << 5 };

/// The types of integers that Triton tells apart, and their signs.
enum IntRange : uint64_t { RangeI32, RangeI64, RangeU64, RangeNegative = 8 };

static Outcome readInt(Call &call, PyObject *value, const Param &param) {
  int overflow;
  long long number = readLong(value, &overflow);
  uint64_t detail =
      number == static_cast<int32_t>(number) ? RangeI32 : RangeI64;
  uint64_t bits = static_cast<uint64_t>(number);
  if (overflow != 0) {
    bits = PyLong_AsUnsignedLongLong(value);
    if (bits == UINT64_MAX && PyErr_Occurred())
      return declineRaised(call, Reason::ArgumentRange);
    detail = RangeU64;
  } else if (number < 0 && param.splitSign) {
    detail |= RangeNegative;
  }
  if (param.rule == Rule::Specialized) {
    if (bits == 1)
      detail |= DetailOne;
    if (param.align && (bits & 15) == 0)
      detail |= DetailDivisible;
  }
  call.word(TagInt | detail << 8);
  call.leaf(Leaf::Int, bits);
  return Outcome::Done;
}

static Outcome readPointer(Call &call, PyObject *value, const Param &param) {
  Array array;
  Outcome outcome = readArray(value, &array);
  if (outcome == Outcome::Declined)
    return readDescriptor(call, value);
  if (outcome == Outcome::Done)
    addPointer(call, array, param);
  return outcome;
}

static Outcome readValue(Call &call, PyObject *value, const Param &param);

/// Reads the elements of a tuple. As in Triton, what the parameter asks for
/// does not reach them.
static Outcome readTuple(Call &call, PyObject *value) {
  static const Param element;
  Py_ssize_t size = tupleSize(value);
  call.word(TagTuple | static_cast<uint64_t>(size) << 8);
  if (!PyTuple_CheckExact(value)) { // a named tuple: the kernel sees its type
    call.word(TagTupleType);
    readIdentityConstant(call, reinterpret_cast<PyObject *>(Py_TYPE(value)));
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!call.fits(2))
      return call.decline(Reason::TooMany);
    Outcome outcome = readValue(call, tupleItem(value, i), element);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

/// Reads a value whose own type says what it is.
static Outcome readValue(Call &call, PyObject *value, const Param &param) {
  if (PyLong_CheckExact(value))
    return readInt(call, value, param);
  if (value == Py_True || value == Py_False) {
    call.word(TagBool);
    call.leaf(Leaf::Bool, value == Py_True);
    return Outcome::Done;
  }
  if (PyFloat_CheckExact(value)) {
    call.word(TagFloat);
    call.leaf(Leaf::Float, bitsOf(readDouble(value)));
    return Outcome::Done;
  }
  if (value == Py_None) {
    call.word(TagNone);
    call.leaf(Leaf::None, 0);
    return Outcome::Done;
  }
  if (PyTuple_Check(value))
    return readTuple(call, value);
  if (isConstexpr(value)) {
    call.leaf(Leaf::Constant, 0);
    return readConstant(call, value);
  }
  return readPointer(call, value, param);
}

/// Reads a number for a parameter whose annotation makes it a double.
static Outcome readAnnotatedFloat(Call &call, PyObject *value) {
  if (!PyFloat_CheckExact(value) && !PyLong_CheckExact(value) &&
      !PyBool_Check(value))
    return call.decline(Reason::Conversion);
  double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred())
    return declineRaised(call, Reason::ArgumentRange);
  call.word(TagUnread);
  call.leaf(Leaf::Float, bitsOf(number));
  return Outcome::Done;
}

/// Reads a truth value, or an integer that is taken for one.
static Outcome readAnnotatedBool(Call &call, PyObject *value) {
  if (!PyLong_CheckExact(value) && !PyBool_Check(value))
    return call.decline(Reason::Conversion);
  unsigned long long number = PyLong_AsUnsignedLongLong(value);
  if (number == UINT64_MAX && PyErr_Occurred())
    return declineRaised(call, Reason::ArgumentRange);
  call.word(TagUnread);
  call.leaf(Leaf::Bool, number);
  return Outcome::Done;
}

Outcome graft::launcher::readArgument(Call &call, PyObject *value,
                                      const Param &param) {
  if (!call.fits(2))
    return call.decline(Reason::TooMany);
  switch (param.rule) {
  case Rule::Constexpr:
    call.leaf(Leaf::Constant, 0);
    return readConstant(call, value);
  case Rule::Float:
    return readAnnotatedFloat(call, value);
  case Rule::Bool:
    return readAnnotatedBool(call, value);
  default:
    return readValue(call, value, param);
  }
}
