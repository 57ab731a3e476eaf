//===- DescriptorCheck.cpp - Making tensor descriptors --------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Programs make a descriptor for each launch. Triton's class then checks it in
// Python, which takes three times as long as a launch's share. What is in order
// is seen to be so here, and all else goes Triton's way, which says what is
// wrong.
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Descriptors.h"
#include "Errors.h"
#include "Launcher.h"
#include "Names.h"

using namespace graft::launcher;

/// Triton's own `__post_init__`, and the most elements of a block
/// (`TRITON_MAX_TENSOR_NUMEL`).
static Callback original;
static long long maxElements = 0;

static PyObject *itemsize = nullptr; // the interned name

/// Reads the ints that *object* has as *name*. Returns whether it has them,
/// with no exception set: what raises here raises again, Triton's way.
static bool readNumbers(PyObject *object, PyObject *name,
                        Numbers<std::int64_t> *numbers, bool *failed) {
  Ref given(PyObject_GetAttr(object, name));
  *failed = *failed || !given;
  return given && readInts(given.get(), numbers);
}

/// Whether *block* is one that a kernel can have: powers of two, not too many.
static bool isBlock(const Numbers<std::int64_t> &block) {
  long long elements = 1;
  for (int i = 0; i < block.size; ++i) {
    long long extent = block.values[i];
    if (extent < 1 || (extent & (extent - 1)) != 0 || extent > maxElements)
      return false;
    elements *= extent;
  }
  return elements <= maxElements;
}

/// Whether a tensor of *bytes* an element may have *shape* and *strides*.
static bool isTensor(const Numbers<std::int64_t> &shape,
                     const Numbers<std::int64_t> &strides, std::int64_t bytes) {
  if (strides.values[strides.size - 1] != 1)
    return false;
  for (int i = 0; i < shape.size; ++i) {
    std::int64_t stride;
    bool last = i == shape.size - 1;
    if (shape.values[i] < 1 ||
        __builtin_mul_overflow(strides.values[i], bytes, &stride) ||
        (!last && stride % 16 != 0))
      return false;
  }
  return true;
}

/// Whether *made*, of PyTorch's tensors, is in order. May leave an exception
/// set if not, and then says so in *failed*.
static bool isInOrder(PyObject *made, bool *failed) {
  Numbers<std::int64_t> shape, strides, block;
  if (!readNumbers(made, descriptorNames.shape, &shape, failed) ||
      !readNumbers(made, descriptorNames.strides, &strides, failed) ||
      !readNumbers(made, descriptorNames.block, &block, failed) ||
      strides.size != shape.size || block.size != shape.size || !isBlock(block))
    return false;
  Ref padding(PyObject_GetAttr(made, descriptorNames.padding));
  Ref rounds(padding ? PyObject_GetAttr(made, descriptorNames.roundsToTf32)
                     : nullptr);
  Ref base(rounds ? PyObject_GetAttr(made, descriptorNames.base) : nullptr);
  *failed = !base;
  Array array;
  if (!base || rounds.get() != Py_False ||
      !PyUnicode_CheckExact(padding.get()) ||
      PyUnicode_CompareWithASCIIString(padding.get(), "zero") != 0 ||
      !readKnownTensor(base.get(), &array) || array.address % 16 != 0)
    return false;
  Ref dtype(PyObject_GetAttr(base.get(), names.dtype));
  Ref size(dtype ? PyObject_GetAttr(dtype.get(), itemsize) : nullptr);
  *failed = !size;
  int overflow = 1;
  std::int64_t bytes = size && PyLong_CheckExact(size.get())
                           ? readLong(size.get(), &overflow)
                           : 0;
  return overflow == 0 && isTensor(shape, strides, bytes);
}

/// `__post_init__` of a `TensorDescriptor`. Returns a new reference, or null
/// with an exception set. Needs the GIL.
static PyObject *check(PyObject *made, PyObject *) {
  bool failed = false;
  if (isInOrder(made, &failed))
    Py_RETURN_NONE;
  if (failed && !passOver())
    return nullptr;
  return original(made).release();
}

static PyMethodDef postInit = {"__post_init__", check, METH_NOARGS,
                               "Checks the descriptor."};

/// `make_descriptor_check(cls, own, max_elements)`: a `__post_init__` for the
/// class *cls* of descriptors, whose own is *own*. Needs the GIL.
static PyObject *makeCheck(PyObject *, PyObject *args) {
  PyObject *cls = nullptr, *own = nullptr;
  if (!PyArg_ParseTuple(args, "O!OL:make_descriptor_check", &PyType_Type, &cls,
                        &own, &maxElements))
    return nullptr;
  original.set(own);
  return PyDescr_NewMethod(reinterpret_cast<PyTypeObject *>(cls), &postInit);
}

static PyMethodDef methods[] = {{"make_descriptor_check", makeCheck,
                                 METH_VARARGS,
                                 "A __post_init__ for tensor descriptors."},
                                {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addDescriptorCheck(PyObject *module) {
  return internNames({{&itemsize, "itemsize"}}) &&
         PyModule_AddFunctions(module, methods) == 0;
}
