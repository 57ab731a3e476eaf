//===- Cuda.cpp - open the CUDA driver and report its errors --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Launcher.h"

#include "Cuda.h"
#include <atomic>
#include <cstdint>
#include <dlfcn.h>

using namespace graft::launcher;

static constexpr const char *libraryName = "libcuda.so.1";

/// The exception class of failed driver calls; null until Python names one.
static PyObject *launchError = nullptr;

static PyObject *errorClass() {
  return launchError ? launchError : PyExc_RuntimeError;
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

// A name may be a macro of cuda.h for a versioned one (cuMemAlloc is
// cuMemAlloc_v2): expanded before it becomes text, it is what is declared.
#define GRAFT_TEXT_OF(name) #name
#define GRAFT_EXPORTED_NAME(name) GRAFT_TEXT_OF(name)

/// Looks the functions up in *library*. Returns null, or the name of a required
/// function that is missing.
static const char *resolve(void *library, Cuda &table) {
#define GRAFT_CUDA_RESOLVE(name)                                               \
  table.name = reinterpret_cast<decltype(table.name)>(                         \
      dlsym(library, GRAFT_EXPORTED_NAME(name)));
#define GRAFT_CUDA_CHECK(name)                                                 \
  if (!table.name)                                                             \
    return GRAFT_EXPORTED_NAME(name);
  GRAFT_CUDA_REQUIRED(GRAFT_CUDA_RESOLVE)
  GRAFT_CUDA_OPTIONAL(GRAFT_CUDA_RESOLVE)
  GRAFT_CUDA_REQUIRED(GRAFT_CUDA_CHECK)
#undef GRAFT_CUDA_CHECK
#undef GRAFT_CUDA_RESOLVE
  return nullptr;
}

const Cuda *graft::launcher::cuda() {
  static Cuda table;
  static bool opened = false;
  if (opened)
    return &table;
  void *library = dlopen(libraryName, RTLD_LAZY | RTLD_LOCAL);
  if (!library) {
    PyErr_Format(errorClass(),
                 "the CUDA driver cannot be opened (%s); install NVIDIA's "
                 "driver, or compile only with GRAFT_TARGET",
                 dlerror());
    return nullptr;
  }
  if (const char *missing = resolve(library, table)) {
    requireCuda(false, missing);
    dlclose(library);
    return nullptr;
  }
  opened = true;
  return &table;
}

bool graft::launcher::requireCuda(bool present, const char *name) {
  if (!present)
    PyErr_Format(errorClass(),
                 "%s has no %s: this driver is too old for what was asked; "
                 "install a newer one",
                 libraryName, name);
  return present;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

void graft::launcher::raiseCuda(const char *call, CUresult code,
                                const char *detail, const char *what) {
  const Cuda *driver = cuda();
  if (!driver)
    return;
  // Both leave null behind for a code that the driver does not know.
  const char *text = nullptr, *name = nullptr;
  if (driver->cuGetErrorString(code, &text) != CUDA_SUCCESS || !text)
    text = "unknown error";
  if (driver->cuGetErrorName(code, &name) != CUDA_SUCCESS || !name)
    name = "unknown";
  PyErr_Format(errorClass(), "Triton Error [CUDA]: %s%s (%s: %s = %d%s%s)",
               what, text, call, name, static_cast<int>(code),
               detail ? ", " : "", detail ? detail : "");
}

/// set_errors(launch_error): names the class, a RuntimeError, of failed driver
/// calls. Returns None, or null with an exception set.
static PyObject *setErrors(PyObject *, PyObject *errorType) {
  int isError = PyObject_IsSubclass(errorType, PyExc_RuntimeError);
  if (isError < 0)
    return nullptr;
  if (!isError) {
    PyErr_Format(PyExc_TypeError,
                 "set_errors: expected a subclass of RuntimeError (got %R)",
                 errorType);
    return nullptr;
  }
  PyObject *old = launchError;
  Py_INCREF(errorType);
  launchError = errorType;
  Py_XDECREF(old);
  Py_RETURN_NONE;
}

bool graft::launcher::addErrors(PyObject *module) {
  static PyMethodDef methods[] = {
      {"set_errors", setErrors, METH_O,
       "set_errors(launch_error)\n--\n\nNames the class, a RuntimeError, that "
       "failed driver calls raise."},
      {nullptr, nullptr, 0, nullptr}};
  return PyModule_AddFunctions(module, methods) == 0;
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

bool graft::launcher::ensureContext(const Cuda &cuda, CudaCalls &calls,
                                    int device) {
  CUcontext context = nullptr;
  if (!calls("cuCtxGetCurrent", cuda.cuCtxGetCurrent(&context)))
    return false;
  return context || usePrimaryContext(cuda, calls, device);
}

/// Notes that the process holds the primary context of *device*. Returns
/// whether it did before.
static bool holdsAlready(CUdevice device) {
  static std::atomic<uint64_t> held{0};
  constexpr CUdevice bits = 64;
  if (device >= bits) // held once more for each use, which does no harm
    return false;
  const uint64_t bit = uint64_t(1) << device;
  return held.fetch_or(bit) & bit;
}

bool graft::launcher::usePrimaryContext(const Cuda &cuda, CudaCalls &calls,
                                        int device) {
  CUcontext context = nullptr;
  CUdevice handle = 0;
  // Retaining is the one way to learn the handle, and counts each time.
  return calls("cuDeviceGet", cuda.cuDeviceGet(&handle, device)) &&
         calls("cuDevicePrimaryCtxRetain",
               cuda.cuDevicePrimaryCtxRetain(&context, handle)) &&
         (!holdsAlready(handle) ||
          calls("cuDevicePrimaryCtxRelease",
                cuda.cuDevicePrimaryCtxRelease(handle))) &&
         calls("cuCtxSetCurrent", cuda.cuCtxSetCurrent(context));
}

bool graft::launcher::ensureContext(int device) {
  const Cuda *driver = cuda();
  if (!driver)
    return false;
  CudaCalls calls;
  if (!ensureContext(*driver, calls, device))
    calls.raise();
  return !calls.failed();
}
