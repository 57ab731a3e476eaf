//===- TensorMap.cpp - Descriptors of tensors for the TMA -----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Triton gives shapes outermost dimension first and strides in elements; the
// driver wants them innermost first and in bytes.
//
//===----------------------------------------------------------------------===//

#include "Cuda.h"
#include "Launcher.h"

#include <cstdint>
#include <cstring>
#include <limits>

using namespace graft::launcher;

static_assert(sizeof(CUtensorMap) == tensorMapSize);

//===----------------------------------------------------------------------===//
// The type
//===----------------------------------------------------------------------===//

namespace {

struct TensorMap {
  PyObject_HEAD unsigned char bytes[tensorMapSize];
};

} // namespace

/// The type object; made when the module is, and kept.
static PyTypeObject *tensorMapType = nullptr;

/// Lets Python read the bytes: bytes(map). Returns 0, or -1 with an exception
/// set. Needs the GIL.
static int getBuffer(PyObject *self, Py_buffer *view, int flags) {
  auto *bytes = reinterpret_cast<TensorMap *>(self)->bytes;
  return PyBuffer_FillInfo(view, self, bytes, tensorMapSize, /*readonly=*/1,
                           flags);
}

/// A TensorMap of *map*. Returns a new reference, or null with an exception
/// set. Needs the GIL.
static PyObject *makeTensorMap(const CUtensorMap &map) {
  PyObject *made = PyType_GenericAlloc(tensorMapType, 0);
  if (made)
    std::memcpy(reinterpret_cast<TensorMap *>(made)->bytes, &map, sizeof(map));
  return made;
}

bool graft::launcher::tensorMapBytes(PyObject *object, const void **bytes) {
  if (Py_TYPE(object) != tensorMapType) {
    PyErr_Format(PyExc_TypeError, "expected a TensorMap (got %R)",
                 reinterpret_cast<PyObject *>(Py_TYPE(object)));
    return false;
  }
  *bytes = reinterpret_cast<TensorMap *>(object)->bytes;
  return true;
}

//===----------------------------------------------------------------------===//
// Reading what Triton gives
//===----------------------------------------------------------------------===//

namespace {

constexpr int maxRank = 5; // CUDA Driver API, tensor map object management

/// Up to `maxRank` numbers, innermost dimension first.
template <typename Number> struct Numbers {
  Number values[maxRank] = {};
  int size = 0;
};

/// What both kinds of maps are made of.
struct Request {
  unsigned long long address;
  int swizzle, elementSize, elementType, padding;
  PyObject *givenBlock, *givenShape, *givenStrides; // borrowed
  Numbers<std::uint32_t> block;
  Numbers<std::uint64_t> shape;
  Numbers<std::uint64_t> strides; // in bytes, without the innermost

  CUtensorMapDataType dataType() const {
    return static_cast<CUtensorMapDataType>(elementType);
  }
  CUtensorMapSwizzle swizzleMode() const {
    return static_cast<CUtensorMapSwizzle>(swizzle);
  }
  CUtensorMapFloatOOBfill fill() const {
    return padding == 1 ? CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA
                        : CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  }
  void *base() const { return reinterpret_cast<void *>(address); }
};

} // namespace

/// Reads the int *item*, number *index* of *what*. Returns false with an
/// exception set if it is none or out of range. Needs the GIL.
template <typename Number>
static bool readNumber(PyObject *item, const char *what, int index,
                       Number &number) {
  if (!PyLong_Check(item)) {
    PyErr_Format(PyExc_TypeError, "%s[%d]: expected an int (got %R)", what,
                 index, item);
    return false;
  }
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(item, &overflow);
  if (value == -1 && !overflow && PyErr_Occurred())
    return false;
  // 64-bit numbers that make no sense, negative ones too, are for the driver to
  // refuse. Narrower ones would look like others that do.
  if (overflow ||
      (sizeof(Number) < sizeof(value) &&
       (value < static_cast<long long>(std::numeric_limits<Number>::min()) ||
        value > static_cast<long long>(std::numeric_limits<Number>::max())))) {
    PyErr_Format(PyExc_OverflowError, "%s[%d]: %R does not fit in %d bits",
                 what, index, item, static_cast<int>(8 * sizeof(Number)));
    return false;
  }
  number = static_cast<Number>(value);
  return true;
}

/// Reads *given*, an iterable of ints called *what*, into *numbers*; the last
/// *skipped* are counted, not looked at, and leave no room. Returns false with
/// an exception set on failure. Needs the GIL.
template <typename Number>
static bool read(PyObject *given, const char *what, Numbers<Number> &numbers,
                 int skipped = 0) {
  Ref list(PySequence_Fast(given, "a tensor map needs sequences of ints"));
  if (!list)
    return false;
  Py_ssize_t size = PySequence_Size(list.get());
  if (size < 0)
    return false;
  if (size < 1 || size > maxRank) {
    PyErr_Format(PyExc_RuntimeError,
                 "%s has %zd dimensions; a tensor map has 1 to %d", what, size,
                 maxRank);
    return false;
  }
  numbers.size = static_cast<int>(size);
  auto itemOf = PyList_Check(list.get()) ? PyList_GetItem : PyTuple_GetItem;
  for (int i = 0; i < numbers.size - skipped; ++i) {
    Ref item = Ref::to(itemOf(list.get(), i));
    if (!item || !readNumber(item.get(), what, i,
                             numbers.values[numbers.size - skipped - 1 - i]))
      return false;
  }
  return true;
}

/// Whether *what* has *size* dimensions where *expected* are needed. Returns
/// false with an exception set if not. Needs the GIL.
static bool checkSize(const char *what, int size, int expected) {
  if (size != expected)
    PyErr_Format(PyExc_RuntimeError,
                 "Rank mismatch: %s has %d dimensions, expected %d", what, size,
                 expected);
  return size == expected;
}

/// Reads shape, strides and block of *request*, and checks all but the block's
/// rank. Returns false with an exception set on failure. Needs the GIL.
static bool readSequences(Request &request) {
  if (!read(request.givenBlock, "block_size", request.block) ||
      !read(request.givenShape, "shape", request.shape))
    return false;
  Numbers<std::int64_t> strides;
  if (!read(request.givenStrides, "strides", strides, /*skipped=*/1) ||
      !checkSize("strides", strides.size, request.shape.size))
    return false;
  request.strides.size = strides.size - 1;
  for (int i = 0; i < request.strides.size; ++i) {
    std::int64_t bytes;
    if (__builtin_mul_overflow(strides.values[i], request.elementSize,
                               &bytes)) {
      PyErr_Format(PyExc_OverflowError,
                   "strides: %lld elements of %d bytes do not fit in 64 bits",
                   static_cast<long long>(strides.values[i]),
                   request.elementSize);
      return false;
    }
    request.strides.values[i] = static_cast<std::uint64_t>(bytes);
  }
  return true;
}

/// Reads *object* into *value*. Returns false with an exception set if it is no
/// int or out of range. Needs the GIL.
static bool readInt(PyObject *object, int &value) {
  long wide = PyLong_AsLong(object);
  if (wide == -1 && PyErr_Occurred())
    return false;
  value = static_cast<int>(wide);
  if (value != wide)
    PyErr_Format(PyExc_OverflowError, "%ld does not fit in a C int", wide);
  return value == wide;
}

/// Reads into *request* the arguments that both functions begin with, of which
/// *function* has *expected*. They are read one by one since a map is made for
/// every launch: a format string takes longer. Returns false with an exception
/// set on failure. Needs the GIL.
static bool readArguments(const char *function, PyObject *const *args,
                          Py_ssize_t count, Py_ssize_t expected,
                          Request &request) {
  if (count != expected) {
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments (%zd given)",
                 function, expected, count);
    return false;
  }
  if (!PyLong_Check(args[0])) {
    PyErr_Format(PyExc_TypeError, "%s: expected an address (got %R)", function,
                 args[0]);
    return false;
  }
  request.address = PyLong_AsUnsignedLongLongMask(args[0]);
  request.givenBlock = args[4];
  request.givenShape = args[5];
  request.givenStrides = args[6];
  return readInt(args[1], request.swizzle) &&
         readInt(args[2], request.elementSize) &&
         readInt(args[3], request.elementType) &&
         readInt(args[7], request.padding) && readSequences(request);
}

/// Sets the exception for *call*, which returned *code* for *request*; *what*
/// says what failed. Needs the GIL.
static void raiseFor(const Request &request, const char *call, CUresult code,
                     const char *what) {
  Ref detail(PyUnicode_FromFormat(
      "element type %d of %d bytes, rank %d, address %p, shape %R, strides %R "
      "elements, block %R, swizzle %d, padding %d",
      request.elementType, request.elementSize, request.shape.size,
      request.base(), request.givenShape, request.givenStrides,
      request.givenBlock, request.swizzle, request.padding));
  raiseCuda(call, code,
            detail ? PyUnicode_AsUTF8AndSize(detail.get(), nullptr) : nullptr,
            what);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Drivers up to CUDA 13.1 set a bit in the maps of tensors under 128 KiB that
/// the hardware wants clear; newer ones clear it themselves, and so does
/// CUTLASS. Returns whether the driver could be asked. Needs the GIL.
static bool correctSmallTensor(const Cuda &cuda, CudaCalls &calls,
                               const Request &request, CUtensorMap &map) {
  static int version = 0;
  if (version == 0 &&
      !calls("cuDriverGetVersion", cuda.cuDriverGetVersion(&version)))
    return false;
  std::uint64_t span = 1; // first byte of the first element to that of the last
  for (int i = 0; i < request.shape.size; ++i)
    span += (request.shape.values[i] - 1) *
            (i == 0 ? request.elementSize : request.strides.values[i - 1]);
  if (version <= 13010 && span < 128 * 1024) {
    std::uint64_t words[2];
    std::memcpy(words, &map, sizeof(words));
    words[1] &= ~(std::uint64_t(1) << 21);
    std::memcpy(&map, words, sizeof(words));
  }
  return true;
}

/// fill_tma_descriptor_tiled(address, swizzle, element_size, element_type,
/// block_size, shape, strides, padding) -> TensorMap. Returns a new reference,
/// or null with an exception set. Needs the GIL.
static PyObject *fillTiled(PyObject *, PyObject *const *args,
                           Py_ssize_t count) {
  Request request;
  if (!readArguments("fill_tma_descriptor_tiled", args, count, 8, request) ||
      !checkSize("block_size", request.block.size, request.shape.size))
    return nullptr;
  const Cuda *driver = cuda();
  if (!driver ||
      !requireCuda(driver->cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled"))
    return nullptr;

  const std::uint32_t steps[maxRank] = {1, 1, 1, 1, 1};
  CUtensorMap map;
  CUresult code = driver->cuTensorMapEncodeTiled(
      &map, request.dataType(), request.shape.size, request.base(),
      request.shape.values, request.strides.values, request.block.values, steps,
      CU_TENSOR_MAP_INTERLEAVE_NONE, request.swizzleMode(),
      CU_TENSOR_MAP_L2_PROMOTION_L2_128B, request.fill());
  if (code != CUDA_SUCCESS) {
    raiseFor(request, "cuTensorMapEncodeTiled", code,
             "Failed to create tensor map descriptor: ");
    return nullptr;
  }
  CudaCalls calls;
  if (!correctSmallTensor(*driver, calls, request, map)) {
    calls.raise();
    return nullptr;
  }
  return makeTensorMap(map);
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// fill_tma_descriptor_im2col(address, swizzle, element_size, element_type,
/// block_size, shape, strides, padding, pixel_box_lower, pixel_box_upper,
/// element_strides) -> TensorMap, where block_size is (pixels per column,
/// channels per pixel). Returns a new reference, or null with an exception set.
/// Needs the GIL.
static PyObject *fillIm2col(PyObject *, PyObject *const *args,
                            Py_ssize_t count) {
  Request request;
  // The pixel box spans what is neither the batch nor the channels.
  Numbers<int> lower, upper;
  Numbers<std::uint32_t> steps;
  if (!readArguments("fill_tma_descriptor_im2col", args, count, 11, request) ||
      !checkSize("block_size", request.block.size, 2) ||
      !read(args[8], "pixel_box_lower", lower) ||
      !checkSize("pixel_box_lower", lower.size, request.shape.size - 2) ||
      !read(args[9], "pixel_box_upper", upper) ||
      !checkSize("pixel_box_upper", upper.size, request.shape.size - 2) ||
      !read(args[10], "element_strides", steps) ||
      !checkSize("element_strides", steps.size, request.shape.size))
    return nullptr;
  const Cuda *driver = cuda();
  if (!driver ||
      !requireCuda(driver->cuTensorMapEncodeIm2col, "cuTensorMapEncodeIm2col"))
    return nullptr;

  CUtensorMap map;
  CUresult code = driver->cuTensorMapEncodeIm2col(
      &map, request.dataType(), request.shape.size, request.base(),
      request.shape.values, request.strides.values, lower.values, upper.values,
      /*channelsPerPixel=*/request.block.values[0],
      /*pixelsPerColumn=*/request.block.values[1], steps.values,
      CU_TENSOR_MAP_INTERLEAVE_NONE, request.swizzleMode(),
      CU_TENSOR_MAP_L2_PROMOTION_L2_128B, request.fill());
  if (code != CUDA_SUCCESS) {
    raiseFor(request, "cuTensorMapEncodeIm2col", code,
             "Failed to create im2col tensor map descriptor: ");
    return nullptr;
  }
  return makeTensorMap(map);
}

//===----------------------------------------------------------------------===//
// The module's names
//===----------------------------------------------------------------------===//

static PyType_Slot typeSlots[] = {
    {Py_tp_doc,
     const_cast<char *>("A CUtensorMap; bytes(map) gives its 128 bytes.")},
    {Py_bf_getbuffer, reinterpret_cast<void *>(getBuffer)},
    {0, nullptr}};

static PyType_Spec typeSpec = {"triton.backends.graft.launch._launcher.TensorMap",
                               sizeof(TensorMap),
                               /*itemsize=*/0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                   Py_TPFLAGS_DISALLOW_INSTANTIATION,
                               typeSlots};

bool graft::launcher::addTensorMap(PyObject *module) {
  static PyMethodDef methods[] = {
      {"fill_tma_descriptor_tiled", method(fillTiled), METH_FASTCALL,
       "fill_tma_descriptor_tiled(address, swizzle, element_size, "
       "element_type, "
       "block_size, shape, strides, padding)\n--\n\nThe TensorMap of a tensor "
       "that is read in tiles. Strides count elements."},
      {"fill_tma_descriptor_im2col", method(fillIm2col), METH_FASTCALL,
       "fill_tma_descriptor_im2col(address, swizzle, element_size, "
       "element_type, block_size, shape, strides, padding, pixel_box_lower, "
       "pixel_box_upper, element_strides)\n--\n\nThe TensorMap of a tensor "
       "that "
       "is read by a convolution."},
      {nullptr, nullptr, 0, nullptr}};
  if (!tensorMapType)
    tensorMapType =
        reinterpret_cast<PyTypeObject *>(PyType_FromSpec(&typeSpec));
  return tensorMapType &&
         PyModule_AddObjectRef(module, "TensorMap",
                               reinterpret_cast<PyObject *>(tensorMapType)) ==
             0 &&
         PyModule_AddFunctions(module, methods) == 0;
}
