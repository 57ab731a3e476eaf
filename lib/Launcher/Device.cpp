//===- Device.cpp - Modules, devices and contexts -------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The functions that Triton asks of its driver's `utils` (`CudaUtils` in
// triton/backends/nvidia/driver.py), with the same arguments and results.
//
// Different by intent: a module can be loaded or unloaded while a CUDA graph is
// being captured, and a load that fails leaves nothing loaded.
//
//===----------------------------------------------------------------------===//

#include "Cuda.h"
#include "Launcher.h"

using namespace graft::launcher;

/// What a kernel may use without asking, in bytes: the limit of every device
/// (CUDA Programming Guide, limits table).
static constexpr int defaultSharedLimit = 48 * 1024;

/// Names for what drivers newer than cuda.h know. A driver that does not know
/// them refuses them.
/// @{
static constexpr int maxOversizedSharedPerBlock = 150; // of a device
static constexpr int sharedMemoryMode = 17;            // of a function
static constexpr int allowOversizedShared = 3;
/// @}

/// The text of *text*, or null without one. Borrowed from it.
static const char *utf8(const Ref &text) {
  return text ? PyUnicode_AsUTF8AndSize(text.get(), nullptr) : nullptr;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// Runs *action*, a part of *calls*, such that it does not break a capture of a
/// CUDA graph that is going on. Needs no GIL.
template <typename Action>
static void duringCaptures(const Cuda &cuda, CudaCalls &calls, Action action) {
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
  CUresult code = cuda.cuThreadExchangeStreamCaptureMode(&mode);
  if (!calls("cuThreadExchangeStreamCaptureMode", code))
    return;
  action();
  code = cuda.cuThreadExchangeStreamCaptureMode(&mode);
  calls("cuThreadExchangeStreamCaptureMode", code);
}

namespace {

/// A kernel in its module, and what it takes from the device.
struct Kernel {
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  int registers = 0, localBytes = 0, maxThreads = 0; // of one thread; a block
};

} // namespace

/// Reads what *kernel* takes. Returns whether all is well. Needs no GIL.
static bool readAttributes(const Cuda &cuda, CudaCalls &calls, Kernel &kernel) {
  auto read = [&](CUfunction_attribute attribute, int &value) {
    return calls("cuFuncGetAttribute",
                 cuda.cuFuncGetAttribute(&value, attribute, kernel.function));
  };
  return read(CU_FUNC_ATTRIBUTE_NUM_REGS, kernel.registers) &&
         read(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, kernel.localBytes) &&
         read(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, kernel.maxThreads);
}

/// Lets *function* use *shared* bytes of dynamic shared memory if that needs
/// asking. Returns whether all is well. Needs no GIL.
static bool allowShared(const Cuda &cuda, CudaCalls &calls, CUfunction function,
                        int shared, CUdevice device) {
  auto ofDevice = [&](CUdevice_attribute attribute, int &value) {
    return calls("cuDeviceGetAttribute",
                 cuda.cuDeviceGetAttribute(&value, attribute, device));
  };
  int optin = 0, fixed = 0;
  if (!ofDevice(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, optin))
    return false;
  if (shared <= defaultSharedLimit || optin <= defaultSharedLimit)
    return true;
  // Devices that can give a block more than the opt-in limit take this, and
  // with it every size; the others refuse it, which is no error.
  if (cuda.cuFuncSetAttribute(
          function, static_cast<CUfunction_attribute>(sharedMemoryMode),
          allowOversizedShared) == CUDA_SUCCESS)
    return true;
  return calls("cuFuncSetCacheConfig",
               cuda.cuFuncSetCacheConfig(function,
                                         CU_FUNC_CACHE_PREFER_SHARED)) &&
         calls("cuFuncGetAttribute",
               cuda.cuFuncGetAttribute(
                   &fixed, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function)) &&
         calls("cuFuncSetAttribute",
               cuda.cuFuncSetAttribute(
                   function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                   optin - fixed));
}

/// Loads *image* into the current context, or the primary one of *device* if
/// there is none, and finds *name* in it. On failure of *calls* nothing stays
/// loaded. Needs no GIL.
static Kernel loadKernel(const Cuda &cuda, CudaCalls &calls, const char *name,
                         const void *image, int shared, int device) {
  Kernel kernel;
  if (!ensureContext(cuda, calls, device))
    return kernel;
  duringCaptures(cuda, calls, [&] {
    if (!calls("cuModuleLoadData",
               cuda.cuModuleLoadData(&kernel.module, image)))
      return;
    bool ready = calls("cuModuleGetFunction",
                       cuda.cuModuleGetFunction(&kernel.function, kernel.module,
                                                name)) &&
                 readAttributes(cuda, calls, kernel) &&
                 allowShared(cuda, calls, kernel.function, shared, device);
    if (!ready)
      calls("cuModuleUnload", cuda.cuModuleUnload(kernel.module));
  });
  return kernel;
}

/// load_binary(name, data, shared, device) -> (module, function, n_regs,
/// n_spills, n_max_threads). Returns a new reference, or null with an exception
/// set. Needs the GIL, and lets go of it while the driver works.
static PyObject *loadBinary(PyObject *, PyObject *args) {
  const char *name;
  Py_buffer data;
  int shared, device;
  if (!PyArg_ParseTuple(args, "sy*ii:load_binary", &name, &data, &shared,
                        &device))
    return nullptr;
  CudaCalls calls;
  Kernel kernel;
  const Cuda *driver = cuda();
  if (driver) {
    WithoutGil released;
    kernel = loadKernel(*driver, calls, name, data.buf, shared, device);
  }
  Py_ssize_t size = data.len;
  PyBuffer_Release(&data);
  if (!driver)
    return nullptr;
  if (calls.failed()) {
    Ref detail(
        PyUnicode_FromFormat("kernel '%s', cubin of %zd bytes, %d bytes of "
                             "shared memory, device %d",
                             name, size, shared, device));
    calls.raise(utf8(detail));
    return nullptr;
  }
  // A spilled register is a word of local memory.
  return Py_BuildValue("(KKiii)", reinterpret_cast<uintptr_t>(kernel.module),
                       reinterpret_cast<uintptr_t>(kernel.function),
                       kernel.registers, kernel.localBytes / 4,
                       kernel.maxThreads);
}

/// unload_module(module). Returns None, or null with an exception set. Needs
/// the GIL, and lets go of it while the driver works.
static PyObject *unloadModule(PyObject *, PyObject *args) {
  unsigned long long module;
  if (!PyArg_ParseTuple(args, "K:unload_module", &module))
    return nullptr;
  const Cuda *driver = cuda();
  if (!driver)
    return nullptr;
  CudaCalls calls;
  {
    WithoutGil released;
    duringCaptures(*driver, calls, [&] {
      auto handle = reinterpret_cast<CUmodule>(module);
      calls("cuModuleUnload", driver->cuModuleUnload(handle));
    });
  }
  if (calls.failed()) {
    calls.raise();
    return nullptr;
  }
  Py_RETURN_NONE;
}

//===----------------------------------------------------------------------===//
// The current device
//===----------------------------------------------------------------------===//

/// get_current_device() -> device. Returns a new reference, or null with an
/// exception set. Needs the GIL.
static PyObject *getCurrentDevice(PyObject *, PyObject *) {
  if (!ensureContext(/*device=*/0))
    return nullptr;
  CudaCalls calls;
  CUdevice device = 0;
  if (!calls("cuCtxGetDevice", cuda()->cuCtxGetDevice(&device))) {
    calls.raise();
    return nullptr;
  }
  return PyLong_FromLong(device);
}

/// Makes the primary context of *device* current. Returns false with an
/// exception set on failure. Needs the GIL, and lets go of it meanwhile.
static bool setDevice(int device) {
  const Cuda *driver = cuda();
  if (!driver)
    return false;
  CudaCalls calls;
  {
    WithoutGil released;
    usePrimaryContext(*driver, calls, device);
  }
  if (calls.failed()) {
    Ref detail(PyUnicode_FromFormat("device %d", device));
    calls.raise(utf8(detail));
  }
  return !calls.failed();
}

/// set_current_device(device). Returns None, or null with an exception set.
/// Needs the GIL.
static PyObject *setCurrentDevice(PyObject *, PyObject *args) {
  int device;
  if (!PyArg_ParseTuple(args, "i:set_current_device", &device) ||
      !setDevice(device))
    return nullptr;
  Py_RETURN_NONE;
}

/// get_default_stream(device) -> 0, with the context of *device* current.
/// Returns a new reference, or null with an exception set. Needs the GIL.
static PyObject *getDefaultStream(PyObject *, PyObject *args) {
  int device;
  if (!PyArg_ParseTuple(args, "i:get_default_stream", &device) ||
      !setDevice(device))
    return nullptr;
  return PyLong_FromLong(0);
}

/// is_stream_capturing(stream) -> bool. Returns a new reference, or null with
/// an exception set. Needs the GIL.
static PyObject *isStreamCapturing(PyObject *, PyObject *args) {
  unsigned long long stream;
  if (!PyArg_ParseTuple(args, "K:is_stream_capturing", &stream))
    return nullptr;
  const Cuda *driver = cuda();
  if (!driver)
    return nullptr;
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  CudaCalls calls;
  auto handle = reinterpret_cast<CUstream>(stream);
  if (!calls("cuStreamIsCapturing",
             driver->cuStreamIsCapturing(handle, &status))) {
    calls.raise();
    return nullptr;
  }
  return PyBool_FromLong(status != CU_STREAM_CAPTURE_STATUS_NONE);
}

//===----------------------------------------------------------------------===//
// What a device can do
//===----------------------------------------------------------------------===//

namespace {

/// Reads attributes of one device; the first failure sets an exception and ends
/// all that follow. Needs the GIL.
class Device {
public:
  explicit Device(int number) : driver(cuda()) {
    if (driver && !calls("cuDeviceGet", driver->cuDeviceGet(&handle, number)))
      raise(number);
  }
  /// Whether *attribute* went into *value*.
  bool read(int attribute, int &value) {
    if (!driver)
      return false;
    if (!calls("cuDeviceGetAttribute",
               driver->cuDeviceGetAttribute(
                   &value, static_cast<CUdevice_attribute>(attribute), handle)))
      raise(handle);
    return driver;
  }
  bool readCapability(int &major, int &minor) {
    return read(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, major) &&
           read(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, minor);
  }

private:
  void raise(int number) {
    Ref detail(PyUnicode_FromFormat("device %d", number));
    calls.raise(utf8(detail));
    driver = nullptr;
  }

  const Cuda *driver;
  CUdevice handle = 0;
  CudaCalls calls;
};

} // namespace

/// get_device_capability(device) -> (major, minor). Returns a new reference, or
/// null with an exception set. Needs the GIL.
static PyObject *getDeviceCapability(PyObject *, PyObject *args) {
  int number, major = 0, minor = 0;
  if (!PyArg_ParseTuple(args, "i:get_device_capability", &number) ||
      !Device(number).readCapability(major, minor))
    return nullptr;
  return Py_BuildValue("(ii)", major, minor);
}

/// get_device_properties(device) -> dict of numbers: bytes, counts, and clock
/// rates in kHz. Returns a new reference, or null with an exception set. Needs
/// the GIL.
static PyObject *getDeviceProperties(PyObject *, PyObject *args) {
  struct Property {
    const char *name;
    int attribute;
  } properties[] = {
      {"max_shared_mem", CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN},
      {"max_num_regs", CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK},
      {"multiprocessor_count", CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT},
      {"warpSize", CU_DEVICE_ATTRIBUTE_WARP_SIZE},
      {"sm_clock_rate", CU_DEVICE_ATTRIBUTE_CLOCK_RATE},
      {"mem_clock_rate", CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE},
      {"mem_bus_width", CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH},
  };
  int number, major = 0, minor = 0;
  if (!PyArg_ParseTuple(args, "i:get_device_properties", &number))
    return nullptr;
  Device device(number);
  if (!device.readCapability(major, minor))
    return nullptr;
  if (major == 10 && minor == 7) // blocks may exceed the opt-in limit there
    properties[0].attribute = maxOversizedSharedPerBlock;
  Ref result(PyDict_New());
  if (!result)
    return nullptr;
  for (const Property &property : properties) {
    int value = 0;
    if (!device.read(property.attribute, value))
      return nullptr;
    Ref boxed(PyLong_FromLong(value));
    if (!boxed ||
        PyDict_SetItemString(result.get(), property.name, boxed.get()) < 0)
      return nullptr;
  }
  return result.release();
}

/// cuOccupancyMaxActiveClusters(function, shared, cluster_dim) -> how many
/// clusters of *cluster_dim* blocks fit the device at a time. Returns a new
/// reference, or null with an exception set. Needs the GIL, and lets go of it
/// while the driver works.
static PyObject *occupancyMaxActiveClusters(PyObject *, PyObject *args) {
  unsigned long long handle;
  int shared, clusterDim, clusters = 0;
  if (!PyArg_ParseTuple(args, "Kii:cuOccupancyMaxActiveClusters", &handle,
                        &shared, &clusterDim))
    return nullptr;
  const Cuda *driver = cuda();
  if (!driver || !requireCuda(driver->cuOccupancyMaxActiveClusters,
                              "cuOccupancyMaxActiveClusters"))
    return nullptr;

  auto function = reinterpret_cast<CUfunction>(handle);
  CUlaunchAttribute cluster = {};
  cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  cluster.value.clusterDim.x = clusterDim;
  cluster.value.clusterDim.y = cluster.value.clusterDim.z = 1;
  CUlaunchConfig config = {}; // one cluster, of blocks of four warps
  config.gridDimX = clusterDim;
  config.blockDimX = 128;
  config.gridDimY = config.gridDimZ = config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = shared;
  config.attrs = &cluster;
  config.numAttrs = 1;

  CudaCalls calls;
  {
    WithoutGil released;
    auto set = [&](CUfunction_attribute attribute, int value) {
      return calls("cuFuncSetAttribute",
                   driver->cuFuncSetAttribute(function, attribute, value));
    };
    set(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared) &&
        set(CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1) &&
        calls(
            "cuOccupancyMaxActiveClusters",
            driver->cuOccupancyMaxActiveClusters(&clusters, function, &config));
  }
  if (calls.failed()) {
    Ref detail(PyUnicode_FromFormat("%d bytes of shared memory, clusters of %d",
                                    shared, clusterDim));
    calls.raise(utf8(detail));
    return nullptr;
  }
  return PyLong_FromLong(clusters);
}

/// set_printf_fifo_size(bytes). Returns None, or null with an exception set.
/// Needs the GIL, and lets go of it while the driver works.
static PyObject *setPrintfFifoSize(PyObject *, PyObject *args) {
  long size;
  if (!PyArg_ParseTuple(args, "l:set_printf_fifo_size", &size))
    return nullptr;
  if (size < 0) {
    PyErr_Format(PyExc_ValueError,
                 "set_printf_fifo_size: expected a number of bytes that is not "
                 "negative (got %ld)",
                 size);
    return nullptr;
  }
  const Cuda *driver = cuda();
  if (!driver)
    return nullptr;
  CudaCalls calls;
  {
    WithoutGil released;
    std::size_t wanted = size, present = 0;
    // Once a kernel has printed the driver refuses to set the size, even to
    // what it is already.
    if (ensureContext(*driver, calls, /*device=*/0) &&
        calls("cuCtxGetLimit",
              driver->cuCtxGetLimit(&present, CU_LIMIT_PRINTF_FIFO_SIZE)) &&
        present != wanted)
      calls("cuCtxSetLimit",
            driver->cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, wanted));
  }
  if (calls.failed()) {
    Ref detail(PyUnicode_FromFormat("%ld bytes", size));
    calls.raise(utf8(detail));
    return nullptr;
  }
  Py_RETURN_NONE;
}

bool graft::launcher::addDevice(PyObject *module) {
  static PyMethodDef methods[] = {
      {"load_binary", loadBinary, METH_VARARGS,
       "load_binary(name, data, shared, device)\n--\n\nLoads a cubin. Returns "
       "(module, function, n_regs, n_spills, n_max_threads)."},
      {"unload_module", unloadModule, METH_VARARGS,
       "unload_module(module)\n--\n\nUnloads what load_binary loaded."},
      {"get_current_device", getCurrentDevice, METH_NOARGS,
       "get_current_device()\n--\n\nThe device of the current context; without "
       "one, device 0 gets current."},
      {"set_current_device", setCurrentDevice, METH_VARARGS,
       "set_current_device(device)\n--\n\nMakes the primary context of a "
       "device "
       "current."},
      {"get_default_stream", getDefaultStream, METH_VARARGS,
       "get_default_stream(device)\n--\n\nThe default stream of a device, "
       "which "
       "gets current."},
      {"is_stream_capturing", isStreamCapturing, METH_VARARGS,
       "is_stream_capturing(stream)\n--\n\nWhether a CUDA graph is being "
       "captured on the stream."},
      {"get_device_capability", getDeviceCapability, METH_VARARGS,
       "get_device_capability(device)\n--\n\n(major, minor) of a device."},
      {"get_device_properties", getDeviceProperties, METH_VARARGS,
       "get_device_properties(device)\n--\n\nA dict of what a device has, in "
       "bytes, counts and kHz."},
      {"cuOccupancyMaxActiveClusters", occupancyMaxActiveClusters, METH_VARARGS,
       "cuOccupancyMaxActiveClusters(function, shared, cluster_dim)\n--\n\nHow "
       "many clusters of a kernel fit the device at a time."},
      {"set_printf_fifo_size", setPrintfFifoSize, METH_VARARGS,
       "set_printf_fifo_size(bytes)\n--\n\nSets the size of the buffer that "
       "printing kernels write to."},
      {nullptr, nullptr, 0, nullptr}};
  return PyModule_AddFunctions(module, methods) == 0;
}
