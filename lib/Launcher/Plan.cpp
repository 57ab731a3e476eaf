//===- Plan.cpp - How a compiled kernel is launched -----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Plan.h"
#include "Arrays.h"
#include "Errors.h"
#include "Launcher.h"
#include "Names.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <new>

using namespace graft::launcher;

static PyTypeObject *planType;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
struct TypeName {
  const char *name;
  Type type;
};
} // namespace

/// Triton's names of scalar types. A one-bit integer is passed as four bytes,
/// of which the kernel reads the first.
static const TypeName typeNames[] = {
    {"constexpr", Type::Skipped},
    {"i1", Type::I32},
    {"i8", Type::I8},
    {"i16", Type::I16},
    {"i32", Type::I32},
    {"i64", Type::I64},
    {"u1", Type::U32},
    {"u8", Type::U8},
    {"u16", Type::U16},
    {"u32", Type::U32},
    {"u64", Type::U64},
    {"fp16", Type::FP16},
    {"bf16", Type::BF16},
    {"fp32", Type::FP32},
    {"f32", Type::FP32},
    {"fp64", Type::FP64},
    {"nvTmaDesc", Type::TensorMap},
};

/// Writes the type called *name* to *type*. Returns false with an exception
/// set.
static bool parseType(PyObject *name, Type *type) {
  Ref bytes(PyUnicode_AsUTF8String(name));
  const char *text = bytes ? PyBytes_AsString(bytes.get()) : nullptr;
  if (!text)
    return false;
  if (text[0] == '*') {
    *type = Type::Pointer;
    return true;
  }
  for (const TypeName &known : typeNames)
    if (std::strcmp(known.name, text) == 0) {
      *type = known.type;
      return true;
    }
  PyErr_Format(PyExc_RuntimeError, "Unknown data type: %R", name);
  return false;
}

static bool isFloat(Type type) {
  return type >= Type::FP16 && type <= Type::FP64;
}

static bool isInteger(Type type) {
  return type >= Type::I8 && type <= Type::U64;
}

//===----------------------------------------------------------------------===//
// Floating-point numbers
//===----------------------------------------------------------------------===//

/// The IEEE half-precision number nearest to *value*, ties to even. Returns
/// false with an OverflowError set if it is finite and too large.
static bool toHalf(double value, uint64_t *out) {
  uint64_t sign = std::signbit(value) ? 0x8000 : 0;
  double size = std::fabs(value);
  if (std::isnan(value)) {
    *out = sign | 0x7e00;
  } else if (std::isinf(value)) {
    *out = sign | 0x7c00;
  } else if (size >= 65520.0) { // halfway between the largest and the next
    PyErr_SetString(PyExc_OverflowError,
                    "float too large to pack with e format");
    return false;
  } else if (size < 0x1p-14) { // subnormal: multiples of 2^-24
    *out = sign | static_cast<uint64_t>(std::nearbyint(size * 0x1p24));
  } else {
    int exponent = std::ilogb(size);
    double mantissa = std::nearbyint(std::ldexp(size, 10 - exponent));
    // Rounding up to 2048 carries into the exponent, as it should.
    *out = sign | ((static_cast<uint64_t>(exponent + 15) << 10) +
                   static_cast<uint64_t>(mantissa) - 1024);
  }
  return true;
}

/// Writes the bits of *value* as a parameter of the floating-point type *type*.
/// Returns false with an exception set. Needs the GIL.
static bool packFloat(Type type, double value, uint64_t *out) {
  if (type == Type::FP16)
    return toHalf(value, out);
  if (type == Type::FP64) {
    std::memcpy(out, &value, sizeof(value));
    return true;
  }
  float single = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof(bits));
  *out =
      type == Type::BF16 ? bits >> 16 : bits; // bf16 truncates, as Triton does
  return true;
}

//===----------------------------------------------------------------------===//
// Pointers
//===----------------------------------------------------------------------===//

/// Replaces the address of memory that may be the host's by the device's for
/// the same memory. Returns false with an exception set. Needs the GIL.
[[gnu::cold]] static bool translate(const Plan &plan, CUdeviceptr *address) {
  const Cuda *driver = cuda();
  if (!driver)
    return false;
  CUdeviceptr onDevice = 0;
  CUresult code = driver->cuPointerGetAttribute(
      &onDevice, CU_POINTER_ATTRIBUTE_DEVICE_POINTER, *address);
  if (code == CUDA_SUCCESS) {
    *address = onDevice;
    return true;
  }
  char where[32];
  std::snprintf(where, sizeof(where), "0x%llx",
                static_cast<unsigned long long>(*address));
  if (code == CUDA_ERROR_INVALID_VALUE)
    PyErr_Format(PyExc_ValueError,
                 "Pointer argument cannot be accessed from Triton (cpu "
                 "tensor?): address %s, kernel '%U'",
                 where, plan.name);
  else
    raiseCuda("cuPointerGetAttribute", code, where);
  return false;
}

bool graft::launcher::readAddress(PyObject *object, const Plan &plan,
                                  CUdeviceptr *out) {
  *out = 0;
  if (object == Py_None)
    return true;
  if (PyLong_Check(object)) {
    *out = PyLong_AsUnsignedLongLong(object);
    return !PyErr_Occurred();
  }
  PyObject *args[] = {object};
  Ref address(PyObject_VectorcallMethod(names.dataPtr, args, 1, nullptr));
  if (!address) {
    if (!passOver())
      return false;
    Array array;
    Outcome outcome =
        foreignArraysKnown() ? readArray(object, &array) : Outcome::Declined;
    if (outcome == Outcome::Failed)
      return false;
    if (outcome == Outcome::Done) {
      *out = array.address;
      return *out == 0 || !array.foreign || translate(plan, out);
    }
    PyErr_SetString(
        PyExc_TypeError,
        "Pointer argument must be either uint64 or have data_ptr method");
    return false;
  }
  if (!PyLong_Check(address.get())) {
    PyErr_SetString(PyExc_TypeError,
                    "data_ptr method of Pointer object must return 64-bit int");
    return false;
  }
  *out = PyLong_AsUnsignedLongLong(address.get());
  if (PyErr_Occurred())
    return false;
  return *out == 0 || translate(plan, out);
}

//===----------------------------------------------------------------------===//
// The fast path's leaves
//===----------------------------------------------------------------------===//

bool graft::launcher::isPlan(PyObject *object) {
  return Py_TYPE(object) == planType;
}

bool graft::launcher::fitsPlan(const Plan &plan, const Call &call) {
  if (plan.types.size() != call.numLeaves)
    return false;
  for (unsigned i = 0; i < call.numLeaves; ++i) {
    Type type = plan.types[i];
    switch (call.kinds[i]) {
    case Leaf::Constant:
      if (type != Type::Skipped)
        return false;
      break;
    case Leaf::None:
    case Leaf::Pointer:
      if (type != Type::Pointer && type != Type::Skipped)
        return false;
      break;
    case Leaf::Int:
      if (!isInteger(type) && type != Type::Pointer && type != Type::Skipped)
        return false;
      break;
    case Leaf::Bool:
      if (!isInteger(type))
        return false;
      break;
    case Leaf::Float:
      if (!isFloat(type))
        return false;
      break;
    case Leaf::TensorMap:
      if (type != Type::TensorMap)
        return false;
      break;
    }
  }
  return plan.maps.size() == call.numDescriptors;
}

bool graft::launcher::convertFloat(const Plan &plan, size_t leaf,
                                   uint64_t *bits) {
  double value;
  std::memcpy(&value, bits, sizeof(value));
  return packFloat(plan.types[leaf], value, bits);
}

/// Has the driver translate the pointer that the leaf *leaf* is.
static bool translateLeaf(const Plan &plan, Call &call, uint16_t leaf) {
  CUdeviceptr address = call.leaves[leaf];
  if (!translate(plan, &address))
    return false;
  call.leaves[leaf] = address;
  return true;
}

bool graft::launcher::translateForeign(const Plan &plan, Call &call,
                                       int device) {
  if (!ensureContext(device))
    return false;
  for (unsigned i = 0; i < call.numForeign; ++i)
    if (!translateLeaf(plan, call, call.foreign[i]))
      return false;
  return true;
}

bool graft::launcher::convertLeaves(const Plan &plan, Call &call, int device) {
  if (call.numForeign > 0 && !ensureContext(device))
    return false;
  // In the order of the arguments: the first that fails is the one to name.
  size_t converted = 0, foreign = 0;
  while (converted < plan.converted.size() || foreign < call.numForeign) {
    bool isForeign = converted == plan.converted.size() ||
                     (foreign < call.numForeign &&
                      call.foreign[foreign] < plan.converted[converted]);
    uint16_t leaf =
        isForeign ? call.foreign[foreign++] : plan.converted[converted++];
    if (isForeign ? !translateLeaf(plan, call, leaf)
                  : !convertFloat(plan, leaf, &call.leaves[leaf]))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Launching
//===----------------------------------------------------------------------===//

/// Shared memory above this, in bytes, is oversized: a CTA of Hopper or
/// Blackwell has 227 KiB and one for the system.
constexpr int LargestShared = 228 * 1024;

/// Names that the oldest cuda.h we build with does not have.
constexpr int AttributeSharedMemoryMode = 18;
constexpr int SharedMemoryModeOversized = 3;

/// The launch attributes of *plan* and *config*. Returns how many there are.
static unsigned fillAttributes(const Plan &plan, const LaunchConfig &config,
                               CUlaunchAttribute *attributes) {
  unsigned number = 0;
  auto add = [&](int id) -> CUlaunchAttributeValue & {
    CUlaunchAttribute &attribute = attributes[number++];
    std::memset(&attribute, 0, sizeof(attribute));
    attribute.id = static_cast<CUlaunchAttributeID>(id);
    return attribute.value;
  };
  if (config.shared > LargestShared) {
    int mode = SharedMemoryModeOversized;
    std::memcpy(&add(AttributeSharedMemoryMode), &mode, sizeof(mode));
  }
  if (plan.pdl)
    add(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
        .programmaticStreamSerializationAllowed = 1;
  if (plan.cooperative)
    add(CU_LAUNCH_ATTRIBUTE_COOPERATIVE).cooperative = 1;
  if (config.numCtas != 1) {
    auto &dimension = add(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION).clusterDim;
    dimension.x = static_cast<unsigned>(config.numCtas);
    dimension.y = dimension.z = 1;
    add(CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE)
        .clusterSchedulingPolicyPreference =
        CU_CLUSTER_SCHEDULING_POLICY_SPREAD;
  }
  return number;
}
constexpr unsigned MaxAttributes = 5;

/// Sets the exception for a launch that failed.
[[gnu::cold]] static void raiseLaunch(const Plan &plan,
                                      const CUlaunchConfig &config,
                                      const char *call, CUresult code) {
  Ref text(PyUnicode_FromFormat(
      "kernel '%U', grid (%u, %u, %u), block (%u, %u, %u), %u bytes of shared "
      "memory",
      plan.name, config.gridDimX, config.gridDimY, config.gridDimZ,
      config.blockDimX, config.blockDimY, config.blockDimZ,
      config.sharedMemBytes));
  Ref bytes(text ? PyUnicode_AsUTF8String(text.get()) : nullptr);
  if (bytes)
    raiseCuda(call, code, PyBytes_AsString(bytes.get()));
}

bool graft::launcher::launchKernel(const Plan &plan, const LaunchConfig &config,
                                   Grid grid, CUstream stream, void **params,
                                   int device, bool holdGil) {
  if (grid.empty())
    return true;
  const Cuda *driver = cuda();
  if (!driver ||
      !requireCuda(reinterpret_cast<const void *>(driver->cuLaunchKernelEx),
                   "cuLaunchKernelEx"))
    return false;
  CUlaunchAttribute attributes[MaxAttributes];
  CUlaunchConfig launch;
  launch.gridDimX = static_cast<unsigned>(grid.size[0]) *
                    static_cast<unsigned>(config.numCtas);
  launch.gridDimY = static_cast<unsigned>(grid.size[1]);
  launch.gridDimZ = static_cast<unsigned>(grid.size[2]);
  launch.blockDimX = 32u * static_cast<unsigned>(config.numWarps);
  launch.blockDimY = launch.blockDimZ = 1;
  launch.sharedMemBytes = static_cast<unsigned>(config.shared);
  launch.hStream = stream;
  launch.attrs = attributes;
  launch.numAttrs = fillAttributes(plan, config, attributes);

  const char *call = "cuLaunchKernelEx";
  CUresult code = CUDA_SUCCESS;
  {
    // A launch waits where the queue is full, perhaps for a host function that
    // needs the GIL.
    WithoutGil released(!holdGil);
    if (config.numCtas == 16) { // beyond what every device has to offer
      call = "cuFuncSetAttribute";
      code = driver->cuFuncSetAttribute(
          config.function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED,
          1);
    }
    if (code == CUDA_SUCCESS) {
      call = "cuLaunchKernelEx";
      code =
          driver->cuLaunchKernelEx(&launch, config.function, params, nullptr);
    }
  }
  if (code == CUDA_SUCCESS)
    return true;
  if (code == CUDA_ERROR_INVALID_CONTEXT) {
    // A new thread has no context. Asking first would cost every launch.
    CUcontext current = nullptr;
    if (driver->cuCtxGetCurrent(&current) == CUDA_SUCCESS && !current)
      return ensureContext(device) &&
             launchKernel(plan, config, grid, stream, params, device, holdGil);
  }
  raiseLaunch(plan, launch, call, code);
  return false;
}

//===----------------------------------------------------------------------===//
// The Python type
//===----------------------------------------------------------------------===//

static void decideLeaves(Plan &plan) {
  auto map = plan.maps.begin();
  for (size_t i = 0; i < plan.types.size(); ++i) {
    if (plan.types[i] == Type::Skipped)
      continue;
    if (plan.types[i] == Type::TensorMap && map != plan.maps.end())
      (map++)->param = plan.passed.size();
    plan.passed.push_back(static_cast<uint16_t>(i));
    if (isFloat(plan.types[i]))
      plan.converted.push_back(static_cast<uint16_t>(i));
  }
}

/// Reads (swizzle, element size, element type, the same rounded, whether
/// padded, whether for a convolution, block). Returns false with an exception
/// set.
static bool readMapPlan(PyObject *item, MapPlan *map) {
  PyObject *block;
  int padded, isIm2col;
  if (!PyArg_ParseTuple(item, "iiiippO", &map->swizzle, &map->elementSize,
                        &map->elementType, &map->roundedType, &padded,
                        &isIm2col, &block))
    return false;
  map->padded = padded != 0;
  map->isIm2col = isIm2col != 0;
  map->givenBlock = Ref::to(block);
  return readBlock(block, map->block);
}

/// Reads a tuple of such. Returns false with an exception set.
static bool readMaps(PyObject *maps, Plan &plan) {
  for (Py_ssize_t i = 0; maps && i < PyTuple_Size(maps); ++i) {
    plan.maps.emplace_back();
    if (!readMapPlan(PyTuple_GetItem(maps, i), &plan.maps.back()))
      return false;
  }
  return true;
}

/// `Plan(name, types, cooperative, pdl[, maps])`: *types* is a tuple of
/// Triton's type names, one for each argument, tuples flattened and descriptors
/// expanded; *maps* says how the maps of the descriptors among them are made,
/// if the launcher is to make them.
static PyObject *newPlan(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *name, *types, *maps = nullptr;
  int cooperative, pdl;
  if (!PyArg_ParseTuple(args, "UOpp|O!", &name, &types, &cooperative, &pdl,
                        &PyTuple_Type, &maps))
    return nullptr;
  Py_ssize_t size = PyTuple_Size(types);
  if (size < 0)
    return nullptr;
  if (size > UINT16_MAX) {
    PyErr_Format(PyExc_ValueError,
                 "kernel '%U' has %zd parameters, at most %d can be passed",
                 name, size, UINT16_MAX);
    return nullptr;
  }
  auto *allocate =
      reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  Ref object(allocate(type, 0));
  if (!object)
    return nullptr;
  auto *plan = reinterpret_cast<Plan *>(object.get());
  plan->name = Ref::to(name).release();
  new (&plan->types) std::vector<Type>(static_cast<size_t>(size));
  new (&plan->passed) std::vector<uint16_t>();
  new (&plan->converted) std::vector<uint16_t>();
  new (&plan->maps) std::vector<MapPlan>();
  plan->cooperative = cooperative != 0;
  plan->pdl = pdl != 0;
  for (Py_ssize_t i = 0; i < size; ++i)
    if (!parseType(PyTuple_GetItem(types, i),
                   &plan->types[static_cast<size_t>(i)]))
      return nullptr;
  if (!readMaps(maps, *plan))
    return nullptr;
  decideLeaves(*plan);
  return object.release();
}

static void deallocPlan(PyObject *object) {
  auto *plan = reinterpret_cast<Plan *>(object);
  PyTypeObject *type = Py_TYPE(object);
  plan->types.~vector();
  plan->passed.~vector();
  plan->converted.~vector();
  plan->maps.~vector();
  Py_XDECREF(plan->name);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(reinterpret_cast<PyObject *>(type));
}

/// Writes the parameter of type *type* that *value* is to *slot*, which has
/// room for a tensor map. Returns false with an exception set. Needs the GIL.
static bool packObject(const Plan &plan, Type type, PyObject *value,
                       void *slot) {
  uint64_t bits = 0;
  switch (type) {
  case Type::Pointer: {
    CUdeviceptr address;
    if (!readAddress(value, plan, &address))
      return false;
    bits = address;
    break;
  }
  case Type::I8:
  case Type::I16:
  case Type::I32:
    bits = static_cast<uint64_t>(PyLong_AsLong(value));
    break;
  case Type::I64:
    bits = static_cast<uint64_t>(PyLong_AsLongLong(value));
    break;
  case Type::U8:
  case Type::U16:
  case Type::U32:
    bits = PyLong_AsUnsignedLong(value);
    break;
  case Type::U64:
    bits = PyLong_AsUnsignedLongLong(value);
    break;
  case Type::TensorMap: {
    const void *bytes;
    if (!tensorMapBytes(value, &bytes))
      return false;
    std::memcpy(slot, bytes, sizeof(CUtensorMap));
    return true;
  }
  default: {
    double number = PyFloat_AsDouble(value);
    if (!PyErr_Occurred() && !packFloat(type, number, &bits))
      return false;
  }
  }
  if (PyErr_Occurred())
    return false;
  std::memcpy(slot, &bits, sizeof(bits)); // the kernel reads the lowest bytes
  return true;
}

namespace {
/// Room for one parameter, aligned as the strictest needs it.
struct alignas(128) Slot {
  unsigned char bytes[sizeof(CUtensorMap)];
};
/// What `Plan.launch` is given besides the values.
struct LaunchArgs {
  int grid[3];
  unsigned long long stream, function;
  int numWarps, numCtas, shared;
  PyObject *metadata, *enterHook, *exitHook;
  PyObject *scratch[2], *values;
};
} // namespace

/// Calls *hook*, which may be None. Returns false with an exception set.
static bool callHook(PyObject *hook, PyObject *metadata) {
  return hook == Py_None || bool(Ref(callOne(hook, metadata)));
}

/// Packs the values and launches. Returns false with an exception set.
static bool launchValues(const Plan &plan, const LaunchArgs &given) {
  Py_ssize_t size = PyTuple_Size(given.values);
  if (size < static_cast<Py_ssize_t>(plan.types.size())) {
    PyErr_Format(PyExc_TypeError, "kernel '%U' takes %zu arguments, got %zd",
                 plan.name, plan.types.size(), size);
    return false;
  }
  std::vector<Slot> slots(plan.passed.size() + 2);
  std::vector<void *> params;
  for (uint16_t leaf : plan.passed) {
    void *slot = &slots[params.size()];
    if (!packObject(plan, plan.types[leaf], PyTuple_GetItem(given.values, leaf),
                    slot))
      return false;
    params.push_back(slot);
  }
  for (PyObject *scratch : given.scratch) {
    void *slot = &slots[params.size()];
    if (!packObject(plan, Type::Pointer, scratch, slot))
      return false;
    params.push_back(slot);
  }
  LaunchConfig config{reinterpret_cast<CUfunction>(given.function),
                      given.numWarps, given.numCtas, given.shared};
  return launchKernel(
      plan, config, {{given.grid[0], given.grid[1], given.grid[2]}},
      reinterpret_cast<CUstream>(given.stream), params.data(), 0);
}

/// `launch(gridX, gridY, gridZ, stream, function, (num_warps, num_ctas,
/// shared), metadata, enter_hook, exit_hook, global_scratch, profile_scratch,
/// values)`: packs *values*, a tuple with one entry for each type of the plan,
/// and launches between the hooks, which get *metadata*.
static PyObject *launchPlan(PyObject *self, PyObject *args) {
  LaunchArgs given;
  const Plan &plan = *reinterpret_cast<Plan *>(self);
  if (!PyArg_ParseTuple(args, "iiiKK(iii)OOOOOO!", &given.grid[0],
                        &given.grid[1], &given.grid[2], &given.stream,
                        &given.function, &given.numWarps, &given.numCtas,
                        &given.shared, &given.metadata, &given.enterHook,
                        &given.exitHook, &given.scratch[0], &given.scratch[1],
                        &PyTuple_Type, &given.values))
    return nullptr;
  // Asking about pointers needs a context. Without PyTorch to say otherwise, a
  // thread without one works on device 0, as in Triton.
  if (!ensureContext(0) || !callHook(given.enterHook, given.metadata) ||
      !launchValues(plan, given) || !callHook(given.exitHook, given.metadata))
    return nullptr;
  Py_RETURN_NONE;
}

static PyMethodDef planMethods[] = {
    {"launch", launchPlan, METH_VARARGS,
     "Packs the values and launches the kernel."},
    {nullptr, nullptr, 0, nullptr}};

static PyType_Slot planSlots[] = {
    {Py_tp_new, reinterpret_cast<void *>(newPlan)},
    {Py_tp_dealloc, reinterpret_cast<void *>(deallocPlan)},
    {Py_tp_methods, planMethods},
    {Py_tp_doc,
     const_cast<char *>("How a compiled kernel takes its parameters.")},
    {0, nullptr}};

static PyType_Spec planSpec = {"triton.backends.graft.launch._launcher.Plan",
                               sizeof(Plan), 0, Py_TPFLAGS_DEFAULT, planSlots};

bool graft::launcher::addPlan(PyObject *module) {
  Ref type(PyType_FromModuleAndSpec(module, &planSpec, nullptr));
  if (!type || PyModule_AddObjectRef(module, "Plan", type.get()) < 0)
    return false;
  planType = reinterpret_cast<PyTypeObject *>(type.release());
  return true;
}
