//===- Arrays.cpp - Address and dtype of array arguments ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Runtime.h"

#include <iterator>
#include <unordered_map>
#include <vector>

using namespace graft::launcher;

//===----------------------------------------------------------------------===//
// What is known of types and dtypes
//===----------------------------------------------------------------------===//

namespace {

/// How arrays of one Python type are read.
struct ArrayType {
  enum Kind : uint8_t { None, Torch, Exchange, Object } kind;
  const dlpack::ExchangeAPI *api;
};

/// Where a dtype's number comes from: numbers of two sources never meet.
enum DtypeSource : uint64_t { FromTorch, FromExchange, FromObject };

} // namespace

/// By type; the types are owned. The last one seen is tried first.
static std::unordered_map<PyTypeObject *, ArrayType> arrayTypes;
static PyTypeObject *lastType;
static ArrayType lastArrayType;
/// A program has few types of arrays; one that makes types without end must not
/// make this grow without end.
constexpr size_t MaxArrayTypes = 512;

/// Whether a type was seen that only DLPack can read: Triton's own path cannot.
static bool foreignTypesKnown;

/// dtype objects by number; owned.
static std::vector<PyObject *> dtypes;
constexpr size_t MaxDtypes = 256;

KnownTorch graft::launcher::knownTorch;

static PyObject *dtypeName;

static void forgetArrayTypes() {
  lastType = nullptr;
  std::unordered_map<PyTypeObject *, ArrayType> old;
  old.swap(arrayTypes);
  for (auto &entry : old)
    Py_DECREF(reinterpret_cast<PyObject *>(entry.first));
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

const dlpack::ExchangeAPI *graft::launcher::exchangeAPI(PyObject *type) {
  Ref capsule(PyObject_GetAttrString(type, dlpack::TypeAttribute));
  void *pointer = nullptr;
  if (capsule)
    pointer = PyCapsule_GetPointer(capsule.get(), dlpack::CapsuleName);
  PyErr_Clear();
  auto *api = static_cast<const dlpack::ExchangeAPI *>(pointer);
  // An older interface may stand behind a newer one.
  while (api && api->version.major != 1)
    api = api->previous;
  return api && api->tensorFromObject ? api : nullptr;
}

/// Whether *type* defines the exchange interface itself: that of a base class
/// may not know what a subclass changed.
static bool hasOwnExchangeAPI(PyObject *type) {
  Ref attributes(PyObject_GetAttrString(type, "__dict__"));
  Ref own;
  if (attributes)
    own = Ref(PyMapping_GetItemString(attributes.get(), dlpack::TypeAttribute));
  PyErr_Clear();
  return bool(own);
}

static ArrayType classify(PyObject *type) {
  bool hasDataPtr = PyObject_HasAttr(type, names.dataPtr);
  const dlpack::ExchangeAPI *api = exchangeAPI(type);
  for (PyTypeObject *torchType : knownTorch.types)
    if (type == reinterpret_cast<PyObject *>(torchType))
      return {knownTorch.layoutProven ? ArrayType::Torch
              : api                   ? ArrayType::Exchange
                                      : ArrayType::Object,
              api};
  if (api && !hasDataPtr)
    foreignTypesKnown = true;
  if (api && (!hasDataPtr || hasOwnExchangeAPI(type)))
    return {ArrayType::Exchange, api};
  return {hasDataPtr ? ArrayType::Object : ArrayType::None, nullptr};
}

/// Looks a type up, or classifies it when it is first seen.
static ArrayType arrayTypeOf(PyTypeObject *type) {
  if (type == lastType)
    return lastArrayType;
  auto found = arrayTypes.find(type);
  if (found == arrayTypes.end()) {
    if (arrayTypes.size() >= MaxArrayTypes)
      forgetArrayTypes();
    auto *object = reinterpret_cast<PyObject *>(type);
    ArrayType kind = classify(object);
    Py_INCREF(object);
    found = arrayTypes.emplace(type, kind).first;
  }
  lastType = type;
  return lastArrayType = found->second;
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

static uint64_t dtypeNumber(DtypeSource source, uint64_t number) {
  return static_cast<uint64_t>(source) << 40 | number;
}

static bool readExchange(const dlpack::ExchangeAPI *api, PyObject *value,
                         Array *out) {
  dlpack::Tensor tensor;
  if (api->tensorFromObject(value, &tensor) != 0) {
    PyErr_Clear(); // what it cannot describe may still have a data_ptr
    return false;
  }
  out->address = reinterpret_cast<uintptr_t>(tensor.data) + tensor.byteOffset;
  if (!tensor.data)
    out->address = 0;
  out->dtype = dtypeNumber(
      FromExchange, tensor.dtype.code | uint64_t(tensor.dtype.bits) << 8 |
                        uint64_t(tensor.dtype.lanes) << 16);
  out->foreign = tensor.device.type != dlpack::DeviceCUDA;
  return true;
}

/// The number of *dtype*, or -1 if there are too many. Steals nothing.
static int64_t numberOfDtype(PyObject *dtype) {
  for (size_t i = 0; i < dtypes.size(); ++i)
    if (dtypes[i] == dtype)
      return static_cast<int64_t>(i);
  if (PyUnicode_CheckExact(dtype))
    for (size_t i = 0; i < dtypes.size(); ++i)
      if (PyUnicode_CheckExact(dtypes[i]) &&
          PyUnicode_Compare(dtypes[i], dtype) == 0)
        return static_cast<int64_t>(i);
  if (dtypes.size() >= MaxDtypes)
    return -1;
  dtypes.push_back(Ref::to(dtype).release());
  return static_cast<int64_t>(dtypes.size() - 1);
}

/// Reads an object by its `dtype` and `data_ptr()`. What these raise is left
/// for Triton's own path to raise again, in its own order.
static Outcome readObject(PyObject *value, Array *out) {
  Ref dtype(PyObject_GetAttr(value, dtypeName));
  PyObject *args[] = {value};
  Ref address;
  if (dtype)
    address = Ref(PyObject_VectorcallMethod(names.dataPtr, args, 1, nullptr));
  if (!address || !PyLong_Check(address.get())) {
    PyErr_Clear();
    return Outcome::Declined;
  }
  out->address = PyLong_AsUnsignedLongLong(address.get());
  int64_t number = numberOfDtype(dtype.get());
  if (PyErr_Occurred() || number < 0) {
    PyErr_Clear();
    return Outcome::Declined;
  }
  out->dtype = dtypeNumber(FromObject, static_cast<uint64_t>(number));
  out->foreign = true;
  return Outcome::Done;
}

void graft::launcher::prefetchArrays(PyObject *const *values, size_t number) {
  if (!knownTorch.layoutProven)
    return;
  // A launch of CUDA's own leaves little of ours in the nearest cache, and each
  // tensor is spread over three objects. Each loop has all loads of one level
  // under way at once.
  for (size_t i = 0; i < number; ++i)
    if (Py_TYPE(values[i]) == knownTorch.types[0])
      prefetchTorchTensor(knownTorch.layout, values[i]);
  for (size_t i = 0; i < number; ++i)
    if (Py_TYPE(values[i]) == knownTorch.types[0])
      prefetchTorchStorage(knownTorch.layout, values[i]);
}

Outcome graft::launcher::readArray(PyObject *value, Array *out) {
  ArrayType type = arrayTypeOf(Py_TYPE(value));
  if (type.kind == ArrayType::Torch) {
    TorchTensor tensor;
    if (readTorchTensor(knownTorch.layout, value, &tensor)) {
      out->address = tensor.address;
      out->dtype = dtypeNumber(FromTorch, tensor.dtype);
      out->foreign = tensor.deviceType != TorchDeviceCUDA;
      return Outcome::Done;
    }
  }
  switch (type.kind) {
  case ArrayType::None:
    return Outcome::Declined;
  case ArrayType::Torch:
  case ArrayType::Exchange:
    if (type.api && readExchange(type.api, value, out))
      return Outcome::Done;
    if (!PyObject_HasAttr(value, names.dataPtr))
      return Outcome::Declined;
    [[fallthrough]];
  case ArrayType::Object:
    return readObject(value, out);
  }
  return Outcome::Declined;
}

bool graft::launcher::foreignArraysKnown() { return foreignTypesKnown; }

//===----------------------------------------------------------------------===//
// What torch is like
//===----------------------------------------------------------------------===//

/// `set_torch(types, layout)`: torch's own array types, a tuple of classes, and
/// how they lie in memory, as bytes of a `TorchLayout`, or None.
static PyObject *setTorch(PyObject *, PyObject *args) {
  PyObject *types;
  const char *bytes;
  Py_ssize_t size;
  if (!PyArg_ParseTuple(args, "O!z#", &PyTuple_Type, &types, &bytes, &size))
    return nullptr;
  TorchLayout layout;
  if (bytes && !unpackTorchLayout(bytes, static_cast<size_t>(size), &layout)) {
    PyErr_SetString(PyExc_ValueError, "set_torch: not a layout of this build");
    return nullptr;
  }
  forgetArrayTypes();
  for (size_t i = 0; i < std::size(knownTorch.types); ++i) {
    auto index = static_cast<Py_ssize_t>(i);
    bool given = index < PyTuple_Size(types);
    Ref old(reinterpret_cast<PyObject *>(knownTorch.types[i]));
    Ref type = Ref::to(given ? PyTuple_GetItem(types, index) : nullptr);
    knownTorch.types[i] = reinterpret_cast<PyTypeObject *>(type.release());
  }
  if ((knownTorch.layoutProven = bytes != nullptr))
    knownTorch.layout = layout;
  Py_RETURN_NONE;
}

namespace {
struct DtypeName {
  uint8_t code, bits;
  const char *name;
};
} // namespace

/// DLPack's dtypes of one lane, as Triton calls them.
static const DtypeName dtypeNames[] = {
    {0, 8, "i8"},     {0, 16, "i16"},      {0, 32, "i32"},
    {0, 64, "i64"},   {1, 8, "u8"},        {1, 16, "u16"},
    {1, 32, "u32"},   {1, 64, "u64"},      {2, 16, "fp16"},
    {2, 32, "fp32"},  {2, 64, "fp64"},     {4, 16, "bf16"},
    {6, 8, "i1"},     {10, 8, "fp8e4nv"},  {11, 8, "fp8e4b8"},
    {12, 8, "fp8e5"}, {13, 8, "fp8e5b16"},
};

/// `knows_foreign_arrays()`: whether arrays were seen that only DLPack can
/// read.
static PyObject *knowsForeignArrays(PyObject *, PyObject *) {
  return PyBool_FromLong(foreignTypesKnown);
}

/// `describe_foreign_array(value)`: (address, dtype name) of an array that only
/// DLPack can read, None for anything else.
static PyObject *describeForeignArray(PyObject *, PyObject *value) {
  ArrayType type = arrayTypeOf(Py_TYPE(value));
  dlpack::Tensor tensor;
  if (type.kind != ArrayType::Exchange ||
      PyObject_HasAttr(value, names.dataPtr))
    Py_RETURN_NONE;
  if (type.api->tensorFromObject(value, &tensor) != 0)
    return nullptr;
  for (const DtypeName &dtype : dtypeNames)
    if (dtype.code == tensor.dtype.code && dtype.bits == tensor.dtype.bits &&
        tensor.dtype.lanes == 1)
      return Py_BuildValue(
          "Ks",
          static_cast<unsigned long long>(
              reinterpret_cast<uintptr_t>(tensor.data) + tensor.byteOffset),
          dtype.name);
  PyErr_Format(PyExc_TypeError,
               "DLPack dtype (code %d, %d bits, %d lanes) of a %R has no "
               "counterpart in Triton",
               tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes,
               reinterpret_cast<PyObject *>(Py_TYPE(value)));
  return nullptr;
}

static PyMethodDef methods[] = {
    {"knows_foreign_arrays", knowsForeignArrays, METH_NOARGS,
     "Whether arrays were seen that only DLPack can read."},
    {"describe_foreign_array", describeForeignArray, METH_O,
     "Address and dtype of an array that only DLPack can read."},
    {"set_torch", setTorch, METH_VARARGS,
     "Says what torch's tensors are like."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addArrays(PyObject *module) {
  return (dtypeName = PyUnicode_InternFromString("dtype")) &&
         PyModule_AddFunctions(module, methods) == 0;
}
