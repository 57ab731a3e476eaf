//===- Runtime.cpp - What a launch reads of its surroundings --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Runtime.h"
#include "Arrays.h"
#include "Errors.h"

#include <pthread.h>

using namespace graft::launcher;

bool graft::launcher::active = false;

//===----------------------------------------------------------------------===//
// Device and stream
//===----------------------------------------------------------------------===//

// Never destroyed: the process may end after Python did, with objects held
// here.
Sources &graft::launcher::sources = *new Sources();

static bool cudaDevice(int *device) {
  const Cuda *driver = cuda();
  CUdevice current;
  if (!driver)
    return false;
  CUresult code = driver->cuCtxGetDevice(&current);
  if (code == CUDA_ERROR_INVALID_CONTEXT) {
    if (!ensureContext(0))
      return false;
    code = driver->cuCtxGetDevice(&current);
  }
  if (code != CUDA_SUCCESS) {
    raiseCuda("cuCtxGetDevice", code);
    return false;
  }
  *device = current;
  return true;
}

bool graft::launcher::askForDevice(int *device) {
  if (sources.torchDevice) {
    *device = askTorchDevice(sources.torchDevice);
    if (*device >= 0)
      return true;
  }
  if (sources.ownDevice)
    return cudaDevice(device);
  Ref number = sources.getDevice();
  if (!number)
    return false;
  long value = PyLong_AsLong(number.get());
  if (value == -1 && PyErr_Occurred())
    return false;
  *device = static_cast<int>(value);
  return true;
}

bool graft::launcher::askForStream(int device, CUstream *stream) {
  if (sources.ownDevice && sources.ownStream) {
    *stream = nullptr; // CUDA's default stream; `currentDevice` has a context
    return true;
  }
  Ref argument = deviceNumber(device);
  Ref number = argument ? sources.getStream(argument.get()) : Ref();
  if (!number)
    return false;
  unsigned long long value = PyLong_AsUnsignedLongLong(number.get());
  if (PyErr_Occurred())
    return false;
  *stream = reinterpret_cast<CUstream>(value);
  return true;
}

bool graft::launcher::raiseNoStream() {
  if (!PyErr_Occurred())
    PyErr_SetString(PyExc_RuntimeError, "PyTorch has no current stream");
  return false;
}

Ref graft::launcher::deviceNumber(int device) {
  return Ref(PyLong_FromLong(device));
}

//===----------------------------------------------------------------------===//
// Switching on and off
//===----------------------------------------------------------------------===//

/// After a fork CUDA cannot be used; PyTorch's Python functions say so.
static void forgetTorch() {
  sources.onlyDevice = false;
  sources.torchDevice = nullptr;
  sources.torchStream = nullptr;
}

/// The number of devices, 0 if the driver does not tell, or -1 with an
/// exception set.
static int deviceCount() {
  const Cuda *driver = cuda();
  int number = 0;
  if (driver && driver->cuDeviceGetCount(&number) != CUDA_SUCCESS)
    number = 0;
  return driver || passOver() ? number : -1;
}

/// `set_sources(get_device, get_stream, own_device, own_stream, torch_device,
/// torch_tensor)`: where the current device and stream come from: the driver's
/// functions; whether each is that of a driver without PyTorch; whether the
/// first is PyTorch's; and `torch.Tensor` if the second is, else None. Returns
/// which of PyTorch's are asked without Python.
static PyObject *setSources(PyObject *, PyObject *args) {
  PyObject *getDevice, *getStream, *torchTensor;
  int ownDevice, ownStream, torchDevice;
  if (!PyArg_ParseTuple(args, "OOpppO", &getDevice, &getStream, &ownDevice,
                        &ownStream, &torchDevice, &torchTensor))
    return nullptr;
  sources.getDevice.set(getDevice);
  sources.getStream.set(getStream);
  sources.ownDevice = ownDevice != 0;
  sources.ownStream = ownStream != 0;
  sources.torchDevice = torchDevice ? findTorchDevice() : nullptr;
  int number = sources.torchDevice ? deviceCount() : 0;
  sources.onlyDevice = number == 1;
  sources.torchStream = nullptr;
  const dlpack::ExchangeAPI *api = nullptr;
  if (number < 0 || (torchTensor != Py_None && !exchangeAPI(torchTensor, &api)))
    return nullptr;
  if (api && api->currentStream)
    sources.torchStream = api;
  return Py_BuildValue("{s:O,s:O}", "device",
                       sources.torchDevice ? Py_True : Py_False, "stream",
                       sources.torchStream ? Py_True : Py_False);
}

/// `set_active(flag)`: whether launches go the fast way.
static PyObject *setActive(PyObject *, PyObject *flag) {
  int value = PyObject_IsTrue(flag);
  if (value < 0)
    return nullptr;
  active = value != 0;
  Py_RETURN_NONE;
}

/// `is_active()`: whether launches go the fast way.
static PyObject *isActive(PyObject *, PyObject *) {
  return PyBool_FromLong(active);
}

/// `current()`: the current device and stream as a launch sees them.
static PyObject *current(PyObject *, PyObject *) {
  int device;
  CUstream stream;
  if (!currentDevice(&device) || !currentStream(device, &stream))
    return nullptr;
  return Py_BuildValue(
      "iK", device,
      static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(stream)));
}

static PyMethodDef methods[] = {
    {"set_sources", setSources, METH_VARARGS,
     "Says where the current device and stream come from."},
    {"set_active", setActive, METH_O, "Whether launches go the fast way."},
    {"is_active", isActive, METH_NOARGS, "Whether launches go the fast way."},
    {"current", current, METH_NOARGS, "The current device and stream."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addRuntime(PyObject *module) {
  if (pthread_atfork(nullptr, nullptr, forgetTorch) != 0) {
    PyErr_NoMemory();
    return false;
  }
  return PyModule_AddFunctions(module, methods) == 0;
}
