//===- Arguments.cpp - Reading the arguments of a launch ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Descriptors.h"
#include "Errors.h"
#include "Room.h"
#include "Words.h"

#include <cstring>

using namespace graft::launcher;

SpareRooms graft::launcher::spareRooms;

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

static uint64_t addressOf(const void *object) {
  return reinterpret_cast<uintptr_t>(object);
}

static uint64_t bitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

//===----------------------------------------------------------------------===//
// Types that are told apart by identity
//===----------------------------------------------------------------------===//

/// tl.constexpr, tl.dtype and triton.JITFunction; owned, null before
/// `setConstantTypes`.
static PyObject *constexprType, *dtypeType, *functionType;
static PyObject *valueName, *hashName;

bool graft::launcher::setConstantTypes(PyObject *constexprClass,
                                       PyObject *dtypeClass,
                                       PyObject *functionClass) {
  if (!valueName && !(valueName = PyUnicode_InternFromString("value")))
    return false;
  if (!hashName && !(hashName = PyUnicode_InternFromString("hash")))
    return false;
  Ref old[] = {Ref(constexprType), Ref(dtypeType), Ref(functionType)};
  constexprType = Ref::to(constexprClass).release();
  dtypeType = Ref::to(dtypeClass).release();
  functionType = Ref::to(functionClass).release();
  return true;
}

static bool isType(PyObject *value, PyObject *type) {
  return reinterpret_cast<PyObject *>(Py_TYPE(value)) == type;
}

bool graft::launcher::isConstexpr(PyObject *value) {
  return isType(value, constexprType);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

bool graft::launcher::isImmutable(PyObject *value) {
  return value == Py_None || PyLong_CheckExact(value) || PyBool_Check(value) ||
         PyFloat_CheckExact(value) || PyUnicode_CheckExact(value) ||
         isType(value, dtypeType);
}

/// Leaves a value that raised to Triton's own path, which raises it again,
/// unless what was raised is not about the value.
[[gnu::cold]] static Outcome declineRaised(Call &call, Reason reason) {
  return passOver() ? call.decline(reason) : Outcome::Failed;
}

/// Appends the words of an object that is compared as Python compares it.
static Outcome readObjectConstant(Call &call, PyObject *value) {
  Py_hash_t hash = PyObject_Hash(value);
  if (hash == -1) {
    // Triton's own path raises what there is to raise.
    return declineRaised(call, Reason::Constant);
  }
  call.word(TagConstObject | addressOf(Py_TYPE(value)) << 8);
  call.word(static_cast<uint64_t>(hash));
  call.objects[call.numObjects++] = Ref::to(value).release();
  return Outcome::Done;
}

/// Appends the words of an object that is equal to itself alone and never
/// changes.
static void readIdentityConstant(Call &call, PyObject *value) {
  call.word(TagConstIdentity);
  call.word(addressOf(value));
  // Owned, so that no other object gets its address.
  call.objects[call.numObjects++] = Ref::to(value).release();
}

/// Appends the words of a kernel or function given as a constant: which one,
/// and which source and dependencies it was last hashed with.
static Outcome readFunctionConstant(Call &call, PyObject *value) {
  Ref hash(PyObject_GetAttr(value, hashName));
  if (!hash)
    return Outcome::Failed;
  if (!PyUnicode_CheckExact(hash.get()))
    return call.decline(Reason::Function);
  readIdentityConstant(call, value);
  return readObjectConstant(call, hash.get());
}

static Outcome readTupleConstant(Call &call, PyObject *value) {
  Py_ssize_t size = tupleSize(value);
  if (!PyTuple_CheckExact(value))
    readIdentityConstant(call, reinterpret_cast<PyObject *>(Py_TYPE(value)));
  call.word(TagConstTuple | static_cast<uint64_t>(size) << 8);
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!call.fits(1))
      return call.decline(Reason::TooMany);
    Outcome outcome = readConstant(call, tupleItem(value, i));
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

static Outcome readIntConstant(Call &call, PyObject *value) {
  int overflow;
  long long number = readLong(value, &overflow);
  if (overflow != 0)
    return readObjectConstant(call, value);
  call.word(TagConstInt);
  call.word(static_cast<uint64_t>(number));
  return Outcome::Done;
}

Outcome graft::launcher::readConstant(Call &call, PyObject *value) {
  if (!call.fits(2))
    return call.decline(Reason::TooMany);
  if (PyLong_CheckExact(value))
    return readIntConstant(call, value);
  if (value == Py_None || value == Py_True || value == Py_False) {
    call.word(value == Py_None   ? TagConstNone
              : value == Py_True ? TagConstTrue
                                 : TagConstFalse);
    return Outcome::Done;
  }
  if (isType(value, dtypeType)) {
    readIdentityConstant(call, value);
    return Outcome::Done;
  }
  if (PyFloat_CheckExact(value)) {
    call.word(TagConstFloat);
    call.word(bitsOf(readDouble(value)));
    return Outcome::Done;
  }
  if (PyTuple_Check(value))
    return readTupleConstant(call, value);
  if (isType(value, constexprType)) {
    Ref inner(PyObject_GetAttr(value, valueName));
    if (!inner)
      return Outcome::Failed;
    call.word(TagConstWrapped);
    return readConstant(call, inner.get());
  }
  if (isType(value, functionType))
    return readFunctionConstant(call, value);
  return readObjectConstant(call, value);
}

/// Whether the class of *value* says itself how to show it.
static bool hasOwnRepr(PyObject *value) {
  return PyType_GetSlot(Py_TYPE(value), Py_tp_repr) !=
         PyType_GetSlot(&PyBaseObject_Type, Py_tp_repr);
}

int graft::launcher::sameConstant(PyObject *mine, PyObject *other) {
  int equal = PyObject_RichCompareBool(mine, other, Py_EQ);
  if (equal != 1 || PyUnicode_CheckExact(mine) || !hasOwnRepr(mine))
    return equal;
  // Equal objects may hold 1 and 1.0, say, which are two constants to a kernel.
  Ref left(PyObject_Repr(mine)), right(left ? PyObject_Repr(other) : nullptr);
  return right ? PyObject_RichCompareBool(left.get(), right.get(), Py_EQ) : -1;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

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
  if (isType(value, constexprType)) {
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
