//===- Arrays.cpp - Address and dtype of array arguments ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Errors.h"
#include "Names.h"

#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace graft::launcher;

//===----------------------------------------------------------------------===//
// What is known of types and dtypes
//===----------------------------------------------------------------------===//

namespace {

/// How arrays of one Python type are read.
struct ArrayType {
  enum Kind : uint8_t { None, Torch, Exchange, Object } kind = None;
  const dlpack::ExchangeAPI *api = nullptr;
  DescriptorClass descriptor = DescriptorClass::None; ///< of kind None
};

/// The same, with the type, which it keeps.
struct KnownArrayType {
  Ref type;
  ArrayType how;
};

/// A dtype and its number.
struct KnownDtype {
  Ref dtype;
  uint64_t number;
};

/// Where a dtype's number comes from: numbers of two sources never meet.
enum DtypeSource : uint64_t { FromTorch, FromExchange, FromObject };

} // namespace

/// By type. The last one seen is tried first. Never destroyed, as the process
/// may end after Python did.
static auto &arrayTypes = *new std::unordered_map<PyObject *, KnownArrayType>();
static PyTypeObject *lastType;
static ArrayType lastArrayType;
/// A program has few types of arrays; one that makes types without end must not
/// make this grow without end.
constexpr size_t MaxArrayTypes = 512;

/// Whether a type was seen that only DLPack can read: Triton's own path cannot.
static bool foreignTypesKnown;

/// dtype objects. Never destroyed, as above.
static auto &dtypes = *new std::vector<KnownDtype>();
/// A program that makes dtypes without end must not fill the memory: the later
/// half of too many is dropped. Numbers are never used again, so that a variant
/// is not found for another dtype than its own.
constexpr size_t MaxDtypes = 256;
static uint64_t nextDtype = 0;

KnownTorch graft::launcher::knownTorch;

namespace {
struct ArrayNames {
  PyObject *tritonsModule, *gluonsModule, *descriptor, *im2col;
};
} // namespace
static ArrayNames arrayNames;

/// A class of descriptors like Triton's, for programs without it, or null.
static PyObject *ownDescriptor;

static void forgetArrayTypes() {
  lastType = nullptr;
  std::unordered_map<PyObject *, KnownArrayType> old;
  old.swap(arrayTypes); // goes last: the end of a type may run code
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

bool graft::launcher::exchangeAPI(PyObject *type,
                                  const dlpack::ExchangeAPI **api) {
  *api = nullptr;
  Ref capsule(PyObject_GetAttrString(type, dlpack::TypeAttribute));
  void *pointer = nullptr;
  if (capsule)
    pointer = PyCapsule_GetPointer(capsule.get(), dlpack::CapsuleName);
  if (!passOver())
    return false;
  auto *found = static_cast<const dlpack::ExchangeAPI *>(pointer);
  // An older interface may stand behind a newer one.
  while (found && found->version.major != 1)
    found = found->previous;
  *api = found && found->tensorFromObject ? found : nullptr;
  return true;
}

/// Writes whether *type* defines the exchange interface itself: that of a base
/// class may not know what a subclass changed. Returns false with an exception
/// set.
static bool hasOwnExchangeAPI(PyObject *type, bool *has) {
  Ref attributes(PyObject_GetAttrString(type, "__dict__")), own;
  if (attributes)
    own = Ref(PyMapping_GetItemString(attributes.get(), dlpack::TypeAttribute));
  *has = bool(own);
  return own || passOver();
}

/// Writes whether *type* is the class called *name* in the *module*, if
/// somebody has imported that. Returns false with an exception set.
static bool isClassOf(PyObject *module, PyObject *name, PyObject *type,
                      bool *is) {
  Ref imported, cls;
  if (!lookup(PyImport_GetModuleDict(), module, &imported) ||
      (imported && !getAttribute(imported.get(), name, &cls)))
    return false;
  *is = cls.get() == type;
  return true;
}

/// Writes which class of tensor descriptors *type* is. Returns false with an
/// exception set.
static bool classifyDescriptor(PyObject *type, DescriptorClass *which) {
  bool tritons = false, gluons = false, im2col = false;
  *which = DescriptorClass::Tritons;
  if (type == ownDescriptor)
    return true;
  if (!isClassOf(arrayNames.tritonsModule, arrayNames.descriptor, type,
                 &tritons) ||
      !isClassOf(arrayNames.gluonsModule, arrayNames.descriptor, type,
                 &gluons) ||
      !isClassOf(arrayNames.gluonsModule, arrayNames.im2col, type, &im2col))
    return false;
  *which = tritons  ? DescriptorClass::Tritons
           : gluons ? DescriptorClass::Gluons
           : im2col ? DescriptorClass::Im2Col
                    : DescriptorClass::None;
  return true;
}

/// Finds out how arrays of *type* are read. Returns false with an exception
/// set: classes run code when they are asked for attributes.
static bool classify(PyObject *type, ArrayType *how) {
  Ref dataPtr;
  const dlpack::ExchangeAPI *api;
  bool isOwn = false;
  DescriptorClass descriptor;
  if (!classifyDescriptor(type, &descriptor))
    return false;
  if (descriptor != DescriptorClass::None) {
    *how = {ArrayType::None, nullptr, descriptor};
    return true;
  }
  if (!getAttribute(type, names.dataPtr, &dataPtr) || !exchangeAPI(type, &api))
    return false;
  for (PyTypeObject *torchType : knownTorch.types)
    if (type == reinterpret_cast<PyObject *>(torchType)) {
      *how = {knownTorch.layoutProven ? ArrayType::Torch
              : api                   ? ArrayType::Exchange
                                      : ArrayType::Object,
              api};
      return true;
    }
  if (api && !hasOwnExchangeAPI(type, &isOwn))
    return false;
  if (api && !dataPtr)
    foreignTypesKnown = true;
  if (api && (!dataPtr || isOwn))
    *how = {ArrayType::Exchange, api};
  else
    *how = {dataPtr ? ArrayType::Object : ArrayType::None, nullptr};
  return true;
}

/// Looks a type up that is not the last one. Returns false with an exception
/// set.
[[gnu::noinline]] static bool lookUpArrayType(PyTypeObject *type,
                                              ArrayType *how) {
  // What is asked may give its object another class, and this one may go.
  Ref held = Ref::to(reinterpret_cast<PyObject *>(type));
  auto found = arrayTypes.find(held.get());
  if (found != arrayTypes.end()) {
    *how = found->second.how;
  } else {
    if (!classify(held.get(), how))
      return false;
    if (arrayTypes.size() >= MaxArrayTypes)
      forgetArrayTypes();
    PyObject *key = held.get();
    KnownArrayType old = std::move(arrayTypes[key]);
    arrayTypes[key] = {std::move(held), *how};
  }
  lastType = type;
  lastArrayType = *how;
  return true;
}

/// Looks a type up, or classifies it when it is first seen. Returns false with
/// an exception set.
static bool arrayTypeOf(PyTypeObject *type, ArrayType *how) {
  if (type != lastType)
    return lookUpArrayType(type, how);
  *how = lastArrayType;
  return true;
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

static uint64_t dtypeNumber(DtypeSource source, uint64_t number) {
  return static_cast<uint64_t>(source) << 40 | number;
}

/// Reads *value* by the interface of its type. Declined if that cannot describe
/// it, which may still have a data_ptr.
static Outcome readExchange(const dlpack::ExchangeAPI *api, PyObject *value,
                            Array *out) {
  dlpack::Tensor tensor;
  if (api->tensorFromObject(value, &tensor) != 0)
    return passOver() ? Outcome::Declined : Outcome::Failed;
  out->address = reinterpret_cast<uintptr_t>(tensor.data) + tensor.byteOffset;
  if (!tensor.data)
    out->address = 0;
  out->dtype = dtypeNumber(
      FromExchange, tensor.dtype.code | uint64_t(tensor.dtype.bits) << 8 |
                        uint64_t(tensor.dtype.lanes) << 16);
  out->foreign = tensor.device.type != dlpack::DeviceCUDA;
  return Outcome::Done;
}

/// Makes room among the dtypes.
[[gnu::cold, gnu::noinline]] static void forgetDtypes() {
  std::vector<KnownDtype> old; // goes last: the end of a dtype may run code
  for (size_t i = MaxDtypes / 2; i < dtypes.size(); ++i)
    old.push_back(std::move(dtypes[i]));
  dtypes.resize(dtypes.size() - old.size());
}

/// The number of *dtype*.
static uint64_t numberOfDtype(PyObject *dtype) {
  for (const KnownDtype &known : dtypes)
    if (known.dtype.get() == dtype)
      return known.number;
  if (PyUnicode_CheckExact(dtype))
    for (const KnownDtype &known : dtypes)
      if (PyUnicode_CheckExact(known.dtype.get()) &&
          PyUnicode_Compare(known.dtype.get(), dtype) == 0)
        return known.number;
  if (dtypes.size() >= MaxDtypes)
    forgetDtypes();
  dtypes.push_back({Ref::to(dtype), nextDtype});
  return nextDtype++;
}

/// Reads an object by its `dtype` and `data_ptr()`. What these raise is left
/// for Triton's own path to raise again, in its own order.
static Outcome readObject(PyObject *value, Array *out) {
  Ref dtype(PyObject_GetAttr(value, names.dtype));
  PyObject *args[] = {value};
  Ref address;
  if (dtype)
    address = Ref(PyObject_VectorcallMethod(names.dataPtr, args, 1, nullptr));
  if (!address || !PyLong_Check(address.get()))
    return passOver() ? Outcome::Declined : Outcome::Failed;
  out->address = PyLong_AsUnsignedLongLong(address.get());
  if (out->address == UINT64_MAX && PyErr_Occurred())
    return passOver() ? Outcome::Declined : Outcome::Failed;
  out->dtype = dtypeNumber(FromObject, numberOfDtype(dtype.get()));
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
  ArrayType type;
  if (!arrayTypeOf(Py_TYPE(value), &type))
    return Outcome::Failed;
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
    if (type.api)
      if (Outcome outcome = readExchange(type.api, value, out);
          outcome != Outcome::Declined)
        return outcome;
    [[fallthrough]];
  case ArrayType::Object:
    return readObject(value, out);
  }
  return Outcome::Declined;
}

Outcome graft::launcher::readDtype(PyObject *array, uint64_t *number) {
  Array known;
  if (readKnownTensor(array, &known)) {
    *number = known.dtype;
    return Outcome::Done;
  }
  Ref dtype;
  if (!getAttribute(array, names.dtype, &dtype))
    return Outcome::Failed;
  if (!dtype)
    return Outcome::Declined;
  *number = dtypeNumber(FromObject, numberOfDtype(dtype.get()));
  return Outcome::Done;
}

DescriptorClass graft::launcher::descriptorClass(PyTypeObject *type) {
  return type == lastType ? lastArrayType.descriptor : DescriptorClass::None;
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
  ArrayType type;
  Ref dataPtr;
  dlpack::Tensor tensor;
  if (!arrayTypeOf(Py_TYPE(value), &type))
    return nullptr;
  if (type.kind != ArrayType::Exchange)
    Py_RETURN_NONE;
  if (!getAttribute(value, names.dataPtr, &dataPtr))
    return nullptr;
  if (dataPtr)
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

/// `set_descriptor(cls)`: objects of the class *cls* are tensor descriptors as
/// Triton's.
static PyObject *setDescriptor(PyObject *, PyObject *cls) {
  Ref old(std::exchange(ownDescriptor, Ref::to(cls).release()));
  forgetArrayTypes();
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_descriptor", setDescriptor, METH_O,
     "Says which class tensor descriptors are of."},
    {"knows_foreign_arrays", knowsForeignArrays, METH_NOARGS,
     "Whether arrays were seen that only DLPack can read."},
    {"describe_foreign_array", describeForeignArray, METH_O,
     "Address and dtype of an array that only DLPack can read."},
    {"set_torch", setTorch, METH_VARARGS,
     "Says what torch's tensors are like."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addArrays(PyObject *module) {
  return internNames(
             {{&arrayNames.tritonsModule, "triton.tools.tensor_descriptor"},
              {&arrayNames.gluonsModule,
               "triton.experimental.gluon.nvidia.hopper"},
              {&arrayNames.descriptor, "TensorDescriptor"},
              {&arrayNames.im2col, "TensorDescriptorIm2Col"}}) &&
         PyModule_AddFunctions(module, methods) == 0;
}
