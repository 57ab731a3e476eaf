//===- Constants.cpp - Constants among the arguments ----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Errors.h"
#include "Words.h"

using namespace graft::launcher;

static uint64_t addressOf(const void *object) {
  return reinterpret_cast<uintptr_t>(object);
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

Outcome graft::launcher::declineRaised(Call &call, Reason reason) {
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

void graft::launcher::readIdentityConstant(Call &call, PyObject *value) {
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
