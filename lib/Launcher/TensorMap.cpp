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

#include "TensorMap.h"
#include "Launcher.h"

#include <cstring>
#include <limits>

using namespace graft::launcher;

//===----------------------------------------------------------------------===//
// The type
//===----------------------------------------------------------------------===//

namespace {

struct TensorMap {
  PyObject_HEAD unsigned char bytes[sizeof(CUtensorMap)];
};

} // namespace

/// The type object; made when the module is, and kept.
static PyTypeObject *tensorMapType = nullptr;

/// Lets Python read the bytes: bytes(map). Returns 0, or -1 with an exception
/// set. Needs the GIL.
static int getBuffer(PyObject *self, Py_buffer *view, int flags) {
  auto *bytes = reinterpret_cast<TensorMap *>(self)->bytes;
  return PyBuffer_FillInfo(view, self, bytes, sizeof(CUtensorMap),
                           /*readonly=*/1, flags);
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

static CUtensorMapDataType dataType(const MapRequest &request) {
  return static_cast<CUtensorMapDataType>(request.elementType);
}

static CUtensorMapSwizzle swizzleMode(const MapRequest &request) {
  return static_cast<CUtensorMapSwizzle>(request.swizzle);
}

static CUtensorMapFloatOOBfill fill(const MapRequest &request) {
  return request.padding == 1
             ? CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA
             : CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
}

static void *base(const MapRequest &request) {
  return reinterpret_cast<void *>(request.address);
}

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
  if (size < 1 || size > MaxRank) {
    PyErr_Format(PyExc_RuntimeError,
                 "%s has %zd dimensions; a tensor map has 1 to %d", what, size,
                 MaxRank);
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

bool graft::launcher::readBlock(PyObject *given,
                                Numbers<std::uint32_t> &block) {
  return read(given, "block_size", block);
}

bool MapRequest::setStrides(const Numbers<std::int64_t> &elements) {
  strides.size = elements.size;
  for (int i = 0; i < strides.size; ++i) {
    std::int64_t bytes;
    if (__builtin_mul_overflow(elements.values[i], elementSize, &bytes)) {
      PyErr_Format(PyExc_OverflowError,
                   "strides: %lld elements of %d bytes do not fit in 64 bits",
                   static_cast<long long>(elements.values[i]), elementSize);
      return false;
    }
    strides.values[i] = static_cast<std::uint64_t>(bytes);
  }
  return true;
}

/// Reads shape, strides and block of *request*, and checks all but the block's
/// rank. Returns false with an exception set on failure. Needs the GIL.
static bool readSequences(MapRequest &request) {
  Numbers<std::int64_t> strides;
  if (!readBlock(request.givenBlock, request.block) ||
      !read(request.givenShape, "shape", request.shape) ||
      !read(request.givenStrides, "strides", strides, /*skipped=*/1) ||
      !checkSize("strides", strides.size, request.shape.size))
    return false;
  --strides.size;
  return request.setStrides(strides);
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
                          MapRequest &request) {
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
static void raiseFor(const MapRequest &request, const char *call, CUresult code,
                     const char *what) {
  Ref detail(PyUnicode_FromFormat(
      "element type %d of %d bytes, rank %d, address %p, shape %R, strides %R "
      "elements, block %R, swizzle %d, padding %d",
      request.elementType, request.elementSize, request.shape.size,
      base(request), request.givenShape, request.givenStrides,
      request.givenBlock, request.swizzle, request.padding));
  raiseCuda(call, code,
            detail ? PyUnicode_AsUTF8AndSize(detail.get(), nullptr) : nullptr,
            what);
}

//===----------------------------------------------------------------------===//
// Making maps
//===----------------------------------------------------------------------===//

/// Drivers up to CUDA 13.1 set a bit in the maps of tensors under 128 KiB that
/// the hardware wants clear; newer ones clear it themselves, and so does
/// CUTLASS. Returns whether the driver could be asked. Needs the GIL.
static bool correctSmallTensor(const Cuda &cuda, CudaCalls &calls,
                               const MapRequest &request, CUtensorMap &map) {
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

/// Makes a map of tiles. Returns false with an exception set. Needs the GIL.
static bool encodeTiles(const MapRequest &request, CUtensorMap *map) {
  const Cuda *driver = cuda();
  if (!driver ||
      !requireCuda(driver->cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled"))
    return false;
  const std::uint32_t steps[MaxRank] = {1, 1, 1, 1, 1};
  CUresult code = driver->cuTensorMapEncodeTiled(
      map, dataType(request), request.shape.size, base(request),
      request.shape.values, request.strides.values, request.block.values, steps,
      CU_TENSOR_MAP_INTERLEAVE_NONE, swizzleMode(request),
      CU_TENSOR_MAP_L2_PROMOTION_L2_128B, fill(request));
  if (code != CUDA_SUCCESS) {
    raiseFor(request, "cuTensorMapEncodeTiled", code,
             "Failed to create tensor map descriptor: ");
    return false;
  }
  CudaCalls calls;
  if (!correctSmallTensor(*driver, calls, request, *map)) {
    calls.raise();
    return false;
  }
  return true;
}

/// Makes a map of what a convolution reads. Returns false with an exception
/// set. Needs the GIL.
static bool encodeIm2col(const MapRequest &request, CUtensorMap *map) {
  const Cuda *driver = cuda();
  if (!driver ||
      !requireCuda(driver->cuTensorMapEncodeIm2col, "cuTensorMapEncodeIm2col"))
    return false;
  CUresult code = driver->cuTensorMapEncodeIm2col(
      map, dataType(request), request.shape.size, base(request),
      request.shape.values, request.strides.values, request.lower.values,
      request.upper.values, /*channelsPerPixel=*/request.block.values[0],
      /*pixelsPerColumn=*/request.block.values[1], request.steps.values,
      CU_TENSOR_MAP_INTERLEAVE_NONE, swizzleMode(request),
      CU_TENSOR_MAP_L2_PROMOTION_L2_128B, fill(request));
  if (code != CUDA_SUCCESS)
    raiseFor(request, "cuTensorMapEncodeIm2col", code,
             "Failed to create im2col tensor map descriptor: ");
  return code == CUDA_SUCCESS;
}

bool graft::launcher::encode(const MapRequest &request, CUtensorMap *map) {
  return request.isIm2col ? encodeIm2col(request, map)
                          : encodeTiles(request, map);
}

//===----------------------------------------------------------------------===//
// Maps that are kept
//===----------------------------------------------------------------------===//

std::size_t KeptMaps::placeOf(const MapContent &content) {
  // Addresses are multiples of large powers of two.
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15; // 2^64 / golden ratio
  return (content.address * odd >> 32) % Size;
}

const CUtensorMap *KeptMaps::find(const MapContent &content) const {
  if (!all)
    return nullptr;
  const Kept &kept = all[placeOf(content)];
  return kept.content == content ? &kept.map : nullptr;
}

void KeptMaps::keep(const MapContent &content, const CUtensorMap &map) {
  if (!all)
    all = std::make_unique<Kept[]>(Size);
  all[placeOf(content)] = {content, map};
}
//===----------------------------------------------------------------------===//
// The functions that Triton calls
//===----------------------------------------------------------------------===//

/// fill_tma_descriptor_tiled(address, swizzle, element_size, element_type,
/// block_size, shape, strides, padding) -> TensorMap. Returns a new reference,
/// or null with an exception set. Needs the GIL.
static PyObject *fillTiled(PyObject *, PyObject *const *args,
                           Py_ssize_t count) {
  MapRequest request;
  CUtensorMap map;
  if (!readArguments("fill_tma_descriptor_tiled", args, count, 8, request) ||
      !checkSize("block_size", request.block.size, request.shape.size) ||
      !encode(request, &map))
    return nullptr;
  return makeTensorMap(map);
}

/// fill_tma_descriptor_im2col(address, swizzle, element_size, element_type,
/// block_size, shape, strides, padding, pixel_box_lower, pixel_box_upper,
/// element_strides) -> TensorMap, where block_size is (pixels per column,
/// channels per pixel). Returns a new reference, or null with an exception set.
/// Needs the GIL.
static PyObject *fillIm2col(PyObject *, PyObject *const *args,
                            Py_ssize_t count) {
  MapRequest request;
  CUtensorMap map;
  request.isIm2col = true;
  if (!readArguments("fill_tma_descriptor_im2col", args, count, 11, request) ||
      !checkSize("block_size", request.block.size, 2) ||
      !read(args[8], "pixel_box_lower", request.lower) ||
      !checkSize("pixel_box_lower", request.lower.size,
                 request.shape.size - 2) ||
      !read(args[9], "pixel_box_upper", request.upper) ||
      !checkSize("pixel_box_upper", request.upper.size,
                 request.shape.size - 2) ||
      !read(args[10], "element_strides", request.steps) ||
      !checkSize("element_strides", request.steps.size, request.shape.size) ||
      !encode(request, &map))
    return nullptr;
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

static PyType_Spec typeSpec = {
    "triton.backends.graft.launch._launcher.TensorMap", sizeof(TensorMap),
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
