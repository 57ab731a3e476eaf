//===- Runtime.cpp - What a launch reads of its surroundings --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Runtime.h"
#include "Arrays.h"
#include "Launcher.h"
#include "TorchDevice.h"

#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <unistd.h>
#include <vector>

using namespace graft::launcher;

bool graft::launcher::active = false;
Names graft::launcher::names;

Ref graft::launcher::attributesOf(PyObject *object) {
  Ref dict(PyObject_GenericGetDict(object, nullptr));
  PyErr_Clear();
  return dict;
}

//===----------------------------------------------------------------------===//
// Device and stream
//===----------------------------------------------------------------------===//

namespace {

/// Where the current device and stream come from. Each has a fast source, which
/// may be missing, and the driver's Python function.
struct Sources {
  bool ownDevice = false; ///< the driver's function is ours: ask CUDA
  bool ownStream = false; ///< likewise: the default stream
  TorchDevice torchDevice = nullptr; ///< asked through `askTorchDevice`
  const dlpack::ExchangeAPI *torchStream = nullptr;
  Ref getDevice, getStream;
};

} // namespace

// Never destroyed: the process may end after Python did, with objects held
// here.
static Sources &sources = *new Sources();

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

bool graft::launcher::currentDevice(int *device) {
  if (sources.torchDevice) {
    *device = askTorchDevice(sources.torchDevice);
    if (*device >= 0)
      return true;
  }
  if (sources.ownDevice)
    return cudaDevice(device);
  Ref number(PyObject_CallNoArgs(sources.getDevice.get()));
  if (!number)
    return false;
  long value = PyLong_AsLong(number.get());
  if (value == -1 && PyErr_Occurred())
    return false;
  *device = static_cast<int>(value);
  return true;
}

bool graft::launcher::currentStream(int device, CUstream *stream) {
  if (sources.torchStream) {
    void *current = nullptr;
    if (sources.torchStream->currentStream(dlpack::DeviceCUDA, device,
                                           &current) != 0)
      return false;
    *stream = static_cast<CUstream>(current);
    return true;
  }
  if (sources.ownDevice && sources.ownStream) {
    *stream = nullptr; // CUDA's default stream; `currentDevice` has a context
    return true;
  }
  Ref number(callOne(sources.getStream.get(), deviceNumber(device)));
  if (!number)
    return false;
  unsigned long long value = PyLong_AsUnsignedLongLong(number.get());
  if (PyErr_Occurred())
    return false;
  *stream = reinterpret_cast<CUstream>(value);
  return true;
}

PyObject *graft::launcher::deviceNumber(int device) {
  constexpr int Known = 64;
  static PyObject *numbers[Known];
  static PyObject *other;
  PyObject **slot = device >= 0 && device < Known ? &numbers[device] : &other;
  if (!*slot || slot == &other) {
    Ref old(*slot);
    *slot = PyLong_FromLong(device);
  }
  return *slot;
}

//===----------------------------------------------------------------------===//
// Knobs
//===----------------------------------------------------------------------===//

namespace {

/// An object with attributes that is read again and again: its dict is kept,
/// and what its class has for names that it has not.
struct Watched {
  Ref object, dict;

  /// Looks again if *current* is another object. Returns whether it was.
  bool follow(PyObject *current) {
    if (current == object.get())
      return false;
    object = Ref::to(current);
    dict = attributesOf(current);
    return true;
  }
};

/// The knobs' objects and the values that their classes have.
struct KnobState {
  Ref module; ///< the dict of triton.knobs
  Ref chainType;
  Watched runtime, compilation;
  Watched chains[2]; ///< the launch hooks seen last
  Ref debug, inspectionHook, enterHook, exitHook, instrumentation;
};

struct KnobNames {
  PyObject *runtime, *compilation, *debug, *inspectionHook, *enterHook,
      *exitHook, *instrumentation, *homomorphicCasts;
};

} // namespace

static KnobState &state = *new KnobState(); // never destroyed, as above
static KnobNames knobNames;

/// The environment variable of the one knob that is read from it at every
/// launch.
static const char HomomorphicCastsVariable[] = "TRITON_FPSAN_HOMOMORPHIC_CASTS";

/// Remembers what *object*'s class has for *name*.
static bool rememberDefault(Ref &slot, PyObject *object, PyObject *name) {
  Ref type = Ref::to(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  slot = Ref(PyObject_GetAttr(type.get(), name));
  return bool(slot);
}

/// Follows replaced knob objects, as Triton's own tests replace them. Returns
/// false with an exception set.
static bool followKnobs() {
  PyObject *runtime = lookup(state.module.get(), knobNames.runtime);
  PyObject *compilation = lookup(state.module.get(), knobNames.compilation);
  if (!runtime || !compilation) {
    PyErr_SetString(PyExc_AttributeError,
                    "triton.knobs has no runtime or no compilation");
    return false;
  }
  if (state.runtime.follow(runtime))
    if (!rememberDefault(state.debug, runtime, knobNames.debug) ||
        !rememberDefault(state.inspectionHook, runtime,
                         knobNames.inspectionHook) ||
        !rememberDefault(state.enterHook, runtime, knobNames.enterHook) ||
        !rememberDefault(state.exitHook, runtime, knobNames.exitHook))
      return false;
  if (state.compilation.follow(compilation))
    return rememberDefault(state.instrumentation, compilation,
                           knobNames.instrumentation);
  return true;
}

static PyObject *knob(const Watched &owner, PyObject *name,
                      const Ref &byClass) {
  PyObject *own = lookup(owner.dict.get(), name);
  return own ? own : byClass.get();
}

namespace {
/// The environment when it was last searched: the array that `environ` was, and
/// the strings in it, with the null at its end.
struct SeenEnvironment {
  char **array = nullptr;
  std::vector<char *> strings;
  bool hasHomomorphicCasts = false;
};
} // namespace

static SeenEnvironment &seenEnvironment = *new SeenEnvironment();

/// Whether the environment has the variable of that knob. Searching it takes a
/// nanosecond for each variable; seeing that it is the same takes a tenth.
static bool hasHomomorphicCasts() {
  SeenEnvironment &seen = seenEnvironment;
  if (environ && environ == seen.array &&
      std::memcmp(environ, seen.strings.data(),
                  seen.strings.size() * sizeof(char *)) == 0)
    return seen.hasHomomorphicCasts;
  seen.array = environ;
  seen.strings.clear();
  for (char **entry = environ; entry && *entry; ++entry)
    seen.strings.push_back(*entry);
  seen.strings.push_back(nullptr);
  seen.hasHomomorphicCasts = std::getenv(HomomorphicCastsVariable) != nullptr;
  return seen.hasHomomorphicCasts;
}

/// Reads the knob that may come from the environment. Most have it in neither.
static Outcome readHomomorphicCasts(Knobs *knobs, bool someAreSet) {
  knobs->homomorphicCasts = false;
  if (!hasHomomorphicCasts() &&
      !(someAreSet &&
        lookup(state.compilation.dict.get(), knobNames.homomorphicCasts)))
    return Outcome::Done;
  Ref value(PyObject_GetAttr(state.compilation.object.get(),
                             knobNames.homomorphicCasts));
  if (!value)
    return Outcome::Failed;
  if (!PyBool_Check(value.get()))
    return Outcome::Declined;
  knobs->homomorphicCasts = value.get() == Py_True;
  return Outcome::Done;
}

Outcome graft::launcher::readKnobs(Knobs *knobs, Reason *reason) {
  *reason = Reason::Knobs;
  if (!followKnobs())
    return Outcome::Failed;
  bool runtimeSet = PyDict_Size(state.runtime.dict.get()) > 0;
  bool compilationSet = PyDict_Size(state.compilation.dict.get()) > 0;
  knobs->debug = state.debug.get();
  knobs->inspectionHook = state.inspectionHook.get();
  knobs->instrumentation = state.instrumentation.get();
  if (runtimeSet) {
    knobs->debug = knob(state.runtime, knobNames.debug, state.debug);
    knobs->inspectionHook =
        knob(state.runtime, knobNames.inspectionHook, state.inspectionHook);
  }
  if (compilationSet)
    knobs->instrumentation = knob(state.compilation, knobNames.instrumentation,
                                  state.instrumentation);
  if (!PyBool_Check(knobs->debug) ||
      !PyUnicode_CheckExact(knobs->instrumentation))
    return Outcome::Declined;
  if (knobs->inspectionHook != Py_None) {
    *reason = Reason::InspectionHook;
    return Outcome::Declined;
  }
  return readHomomorphicCasts(knobs, compilationSet);
}

/// Whether calling *hook*, which *chain* follows, would do something.
static bool doesSomething(PyObject *hook, Watched &chain) {
  if (hook == Py_None)
    return false;
  if (reinterpret_cast<PyObject *>(Py_TYPE(hook)) != state.chainType.get())
    return true;
  chain.follow(hook);
  PyObject *calls = lookup(chain.dict.get(), names.calls);
  return !calls || !PyList_CheckExact(calls) || PyList_Size(calls) != 0;
}

int graft::launcher::launchHooksDoSomething(bool codeHasRun) {
  if (codeHasRun && !followKnobs())
    return -1;
  PyObject *enter = state.enterHook.get(), *exit = state.exitHook.get();
  if (PyDict_Size(state.runtime.dict.get()) > 0) {
    enter = knob(state.runtime, knobNames.enterHook, state.enterHook);
    exit = knob(state.runtime, knobNames.exitHook, state.exitHook);
  }
  return doesSomething(enter, state.chains[0]) ||
         doesSomething(exit, state.chains[1]);
}

//===----------------------------------------------------------------------===//
// Switching on and off
//===----------------------------------------------------------------------===//

/// After a fork CUDA cannot be used; PyTorch's Python functions say so.
static void forgetTorch() {
  sources.torchDevice = nullptr;
  sources.torchStream = nullptr;
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
  sources.getDevice = Ref::to(getDevice);
  sources.getStream = Ref::to(getStream);
  sources.ownDevice = ownDevice != 0;
  sources.ownStream = ownStream != 0;
  sources.torchDevice = torchDevice ? findTorchDevice() : nullptr;
  sources.torchStream = nullptr;
  if (torchTensor != Py_None) {
    sources.torchStream = exchangeAPI(torchTensor);
    if (sources.torchStream && !sources.torchStream->currentStream)
      sources.torchStream = nullptr;
  }
  return Py_BuildValue("{s:O,s:O}", "device",
                       sources.torchDevice ? Py_True : Py_False, "stream",
                       sources.torchStream ? Py_True : Py_False);
}

/// `set_triton(knobs, HookChain, constexpr, dtype, JITFunction)`: what is read
/// or recognised of Triton's.
static PyObject *setTriton(PyObject *, PyObject *args) {
  PyObject *knobs, *chain, *constexprType, *dtypeType, *functionType;
  if (!PyArg_ParseTuple(args, "OOOOO", &knobs, &chain, &constexprType,
                        &dtypeType, &functionType))
    return nullptr;
  PyObject *dict = PyModule_Check(knobs) ? PyModule_GetDict(knobs) : nullptr;
  if (!dict) {
    PyErr_SetString(PyExc_TypeError, "set_triton: triton.knobs is no module");
    return nullptr;
  }
  state = KnobState();
  state.module = Ref::to(dict);
  state.chainType = Ref::to(chain);
  if (!followKnobs() ||
      !setConstantTypes(constexprType, dtypeType, functionType))
    return nullptr;
  Py_RETURN_NONE;
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
    {"set_triton", setTriton, METH_VARARGS,
     "Says what is read or recognised of Triton's."},
    {"set_active", setActive, METH_O, "Whether launches go the fast way."},
    {"is_active", isActive, METH_NOARGS, "Whether launches go the fast way."},
    {"current", current, METH_NOARGS, "The current device and stream."},
    {"stats", stats, METH_NOARGS, "How many launches went which way."},
    {"reset_stats", resetStats, METH_NOARGS, "Sets all counts to zero."},
    {nullptr, nullptr, 0, nullptr}};

namespace {
struct NameOf {
  PyObject **slot;
  const char *text;
};
} // namespace

bool graft::launcher::addRuntime(PyObject *module) {
  const NameOf all[] = {
      {&names.run, "run"},
      {&names.debug, "debug"},
      {&names.preRunHooks, "pre_run_hooks"},
      {&names.usedGlobals, "used_global_vals"},
      {&names.calls, "calls"},
      {&names.grid, "grid"},
      {&names.warmup, "warmup"},
      {&names.launchMetadata, "launch_metadata"},
      {&names.value, "value"},
      {&names.bestConfig, "best_config"},
      {&names.nargs, "nargs"},
      {&knobNames.runtime, "runtime"},
      {&knobNames.compilation, "compilation"},
      {&knobNames.debug, "debug"},
      {&knobNames.inspectionHook, "add_stages_inspection_hook"},
      {&knobNames.enterHook, "launch_enter_hook"},
      {&knobNames.exitHook, "launch_exit_hook"},
      {&knobNames.instrumentation, "instrumentation_mode"},
      {&knobNames.homomorphicCasts, "fpsan_homomorphic_casts"},
  };
  for (const NameOf &name : all)
    if (!(*name.slot = PyUnicode_InternFromString(name.text)))
      return false;
  if (pthread_atfork(nullptr, nullptr, forgetTorch) != 0) {
    PyErr_NoMemory();
    return false;
  }
  return PyModule_AddFunctions(module, methods) == 0;
}
