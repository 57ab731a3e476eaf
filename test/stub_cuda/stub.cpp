//===- stub.cpp - a libcuda.so.1 that records what it is given ------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A test double: the part of the CUDA driver that Triton and the launcher use,
// without a device. Nothing is computed; launches, calls, loaded modules and
// broken captures are written down, and test/unit/stub_cuda.py reads them.
//
// What a launcher can get wrong behaves as in the real driver: each thread has
// its own current context, a function belongs to the context it was loaded in,
// launching a function of an unloaded module fails, limits of grid, block,
// cluster and shared memory are checked, and host memory has no device address.
//
// A module is either a real cubin (ELF) or the text that fake_cubin() of
// stub_cuda.py writes:
//
//   GRAFT-STUB name registers spills max_threads shared [size of parameter]...
//
// One lock guards everything. Functions that begin with `stub` are for the
// test.
//
//===----------------------------------------------------------------------===//

#include "cuda.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <elf.h>
#include <map>
#include <mutex>
#include <new>
#include <pthread.h>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

/// One kernel of a module.
struct Function {
  std::string name;
  CUmodule module;
  CUcontext context;
  int registers = 16;
  int localBytes = 0;
  int maxThreads = 1024;
  int sharedBytes = 0;
  std::vector<size_t> paramSizes;
  int maxDynamicShared = 48 * 1024;
  bool allowsNonPortableCluster = false;
};

struct Module {
  CUcontext context;
  std::map<std::string, CUfunction> functions;
};

/// Addresses in [start, end) that are host memory. If *mapped*, the device sees
/// them at *device*.
struct HostRange {
  CUdeviceptr start, end;
  bool mapped;
  CUdeviceptr device;
};

struct PlannedFailure {
  CUresult code;
  long after;
};

/// Everything but what belongs to a thread.
struct State {
  int devices = 0;
  int capability = 90;
  unsigned epoch = 1;
  bool capturing = false;
  long launchMicroseconds = 0;
  size_t printfFifoSize = 1 << 20;
  std::map<std::string, long> calls;
  std::map<std::string, std::deque<PlannedFailure>> failures;
  std::vector<HostRange> hostRanges;
  std::map<CUmodule, Module> modules;
  std::set<CUmodule> modulesOfEarlierEpochs;
  std::map<CUfunction, Function> functions;
  std::map<int, long> retained;
  std::vector<std::string> launches;
  std::vector<std::string> brokenCaptures;
};

/// What the driver keeps for each thread. Contexts of an earlier epoch are
/// gone.
struct Thread {
  unsigned epoch = 0;
  std::vector<CUcontext> contexts;
  CUstreamCaptureMode captureMode = CU_STREAM_CAPTURE_MODE_GLOBAL;
};

/// In a forked child it is nobody's, whoever had it when that was forked.
std::recursive_mutex lock;
[[gnu::constructor]] void freeLockInChildren() {
  pthread_atfork([] { lock.lock(); }, [] { lock.unlock(); },
                 [] { new (&lock) std::recursive_mutex; });
}

thread_local Thread thisThread;

/// Never destroyed: kernels may be unloaded while the process ends.
State &state() {
  static State *state = new State;
  return *state;
}

/// Handles are numbers that no other handle ever had.
template <typename Handle> Handle newHandle() {
  static uintptr_t last = 0x57AB00000000;
  last += 0x10;
  return reinterpret_cast<Handle>(last);
}

/// The primary context of a device is the same handle for the whole process.
constexpr uintptr_t firstContext = 0x57AB'0C00'0000;

CUcontext primaryContext(int device) {
  return reinterpret_cast<CUcontext>(firstContext + 0x100 * device);
}

int deviceOf(CUcontext context) {
  return (reinterpret_cast<uintptr_t>(context) - firstContext) / 0x100;
}

Thread &currentThread() {
  if (thisThread.epoch != state().epoch)
    thisThread = {state().epoch, {}, CU_STREAM_CAPTURE_MODE_GLOBAL};
  return thisThread;
}

CUcontext currentContext() {
  const auto &contexts = currentThread().contexts;
  return contexts.empty() ? nullptr : contexts.back();
}

bool isDevice(int device) { return device >= 0 && device < state().devices; }

bool isContext(CUcontext context) {
  return reinterpret_cast<uintptr_t>(context) >= firstContext &&
         isDevice(deviceOf(context)) &&
         primaryContext(deviceOf(context)) == context;
}

/// One call of the driver: counts it, and holds the lock until it returns.
class Call {
public:
  explicit Call(const char *name) : guard(lock) {
    ++state().calls[name];
    if (state().devices == 0) {
      result = CUDA_ERROR_NOT_INITIALIZED;
      return;
    }
    auto planned = state().failures.find(name);
    if (planned == state().failures.end() || planned->second.empty() ||
        planned->second.front().after-- > 0)
      return;
    result = planned->second.front().code;
    planned->second.pop_front();
  }

  /// What the call has to return at once, if not success.
  CUresult result = CUDA_SUCCESS;

private:
  std::lock_guard<std::recursive_mutex> guard;
};

/// Loading and unloading are not allowed while a stream is captured, unless the
/// thread has said that it knows. The real driver ends such a capture.
bool breaksCapture(const char *name) {
  if (!state().capturing ||
      currentThread().captureMode == CU_STREAM_CAPTURE_MODE_RELAXED)
    return false;
  state().brokenCaptures.push_back(name);
  return true;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// The first word of what fake_cubin() makes.
constexpr std::string_view fakeMagic = "GRAFT-STUB";

/// Whether *image* begins as a fake does.
bool isFake(const char *image) {
  return std::strncmp(image, fakeMagic.data(), fakeMagic.size()) == 0;
}

/// Reads the text of fake_cubin(). Returns false if it is not one.
bool parseFake(const char *image, std::vector<Function> &functions) {
  std::istringstream words(image);
  std::string magic;
  Function function;
  int spills;
  if (!(words >> magic >> function.name >> function.registers >> spills >>
        function.maxThreads >> function.sharedBytes))
    return false;
  function.localBytes = 4 * spills;
  for (size_t size; words >> size;)
    function.paramSizes.push_back(size);
  functions.push_back(function);
  return true;
}

template <typename T> T readAt(const char *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// Reads parameter sizes out of a section `.nv.info.<kernel>`: a sequence of
/// attributes, of which those of four-byte heads with format 4 have a body.
std::vector<size_t> parseParamSizes(const char *section, size_t length) {
  constexpr unsigned char sizedValue = 0x04, paramInfo = 0x17;
  std::map<unsigned, size_t> sizes;
  for (size_t at = 0; at + 4 <= length;) {
    const unsigned char format = section[at], attribute = section[at + 1];
    const size_t size =
        format == sizedValue ? readAt<uint16_t>(section + at + 2) : 0;
    if (format == sizedValue && attribute == paramInfo && size == 12)
      sizes[readAt<uint16_t>(section + at + 8)] =
          readAt<uint32_t>(section + at + 12) >> 18;
    at += 4 + size;
  }
  std::vector<size_t> ordered;
  for (const auto &[ordinal, size] : sizes)
    ordered.push_back(size);
  return ordered;
}

/// Finds the kernels of a cubin by their sections `.text.<kernel>`.
void parseElf(const char *image, std::vector<Function> &functions) {
  const auto header = readAt<Elf64_Ehdr>(image);
  auto sectionAt = [&](int index) {
    return readAt<Elf64_Shdr>(image + header.e_shoff +
                              index * header.e_shentsize);
  };
  const char *names = image + sectionAt(header.e_shstrndx).sh_offset;
  auto find = [&](const std::string &name) {
    for (int i = 0; i < header.e_shnum; ++i)
      if (names + sectionAt(i).sh_name == name)
        return sectionAt(i);
    return Elf64_Shdr{};
  };
  const std::string prefix = ".text.";
  for (int i = 0; i < header.e_shnum; ++i) {
    const std::string name = names + sectionAt(i).sh_name;
    if (name.compare(0, prefix.size(), prefix) != 0)
      continue;
    Function function;
    function.name = name.substr(prefix.size());
    const Elf64_Shdr info = find(".nv.info." + function.name);
    function.paramSizes = parseParamSizes(image + info.sh_offset, info.sh_size);
    functions.push_back(function);
  }
}

CUresult loadModule(const char *name, CUmodule *module, const void *image) {
  if (!module || !image)
    return CUDA_ERROR_INVALID_VALUE;
  if (!currentContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  if (breaksCapture(name))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  std::vector<Function> functions;
  const char *bytes = static_cast<const char *>(image);
  // A fake may have the headers of a cubin in front, for who reads these.
  const bool isElf = std::memcmp(bytes, ELFMAG, SELFMAG) == 0;
  if (isElf && isFake(bytes + 64))
    bytes += 64;
  if (std::memcmp(bytes, ELFMAG, SELFMAG) == 0)
    parseElf(bytes, functions);
  else if (!isFake(bytes) || !parseFake(bytes, functions))
    return CUDA_ERROR_INVALID_IMAGE;
  *module = newHandle<CUmodule>();
  Module loaded{currentContext(), {}};
  for (Function &function : functions) {
    const auto handle = newHandle<CUfunction>();
    function.module = *module;
    function.context = loaded.context;
    loaded.functions[function.name] = handle;
    state().functions[handle] = function;
  }
  state().modules[*module] = loaded;
  return CUDA_SUCCESS;
}

/// The function behind a handle, or null if its module is not loaded.
Function *find(CUfunction handle) {
  auto found = state().functions.find(handle);
  return found == state().functions.end() ? nullptr : &found->second;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// Bytes of shared memory that one block may have if it asks for it.
int sharedOptIn() {
  switch (state().capability) {
  case 75:
    return 64 * 1024;
  case 80:
  case 87:
    return 163 * 1024;
  case 86:
  case 89:
  case 120:
  case 121:
    return 99 * 1024;
  default:
    return 227 * 1024;
  }
}

/// Names for what this cuda.h does not have: an attribute of a device, one of a
/// function, and what the latter can be set to.
/// @{
constexpr int maxOversizedShared = 150;
constexpr int sharedMemoryMode = 17;
constexpr int allowOversized = 3;
/// @}

/// Bytes of shared memory that one block may have if nothing else counts.
int oversizedShared() {
  return state().capability == 107 ? 512 * 1024 : sharedOptIn();
}

std::string hex(const void *data, size_t size) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    const unsigned char byte = static_cast<const unsigned char *>(data)[i];
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// How many bytes of its value a launch attribute uses.
size_t valueSize(CUlaunchAttributeID id) {
  switch (id) {
  case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
  case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
  case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
  case CU_LAUNCH_ATTRIBUTE_PRIORITY:
    return 4;
  case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
    return 12;
  default:
    return sizeof(CUlaunchAttributeValue);
  }
}

/// Checks the cluster of a launch against its grid.
CUresult checkCluster(const CUlaunchConfig &config, const Function &function,
                      const CUlaunchAttributeValue &value) {
  const auto &cluster = value.clusterDim;
  if (!cluster.x || !cluster.y || !cluster.z || config.gridDimX % cluster.x ||
      config.gridDimY % cluster.y || config.gridDimZ % cluster.z)
    return CUDA_ERROR_INVALID_CLUSTER_SIZE;
  const unsigned limit = function.allowsNonPortableCluster ? 16 : 8;
  const unsigned blocks = cluster.x * cluster.y * cluster.z;
  return state().capability < 90 || blocks > limit
             ? CUDA_ERROR_INVALID_CLUSTER_SIZE
             : CUDA_SUCCESS;
}

CUresult checkLaunch(const CUlaunchConfig &config, const Function &function) {
  const auto tooMany = [](unsigned value, unsigned limit) {
    return value == 0 || value > limit;
  };
  const unsigned long threads =
      1ul * config.blockDimX * config.blockDimY * config.blockDimZ;
  if (tooMany(config.gridDimX, 0x7fffffff) || tooMany(config.gridDimY, 65535) ||
      tooMany(config.gridDimZ, 65535) || threads == 0 || threads > 1024)
    return CUDA_ERROR_INVALID_VALUE;
  if (threads > static_cast<unsigned>(function.maxThreads))
    return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  if (config.sharedMemBytes > static_cast<unsigned>(function.maxDynamicShared))
    return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < config.numAttrs; ++i)
    if (config.attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
      if (CUresult result =
              checkCluster(config, function, config.attrs[i].value))
        return result;
  return CUDA_SUCCESS;
}

/// One line: function, device, context, grid, block, shared memory, stream,
/// then attributes as `id:value` and parameters, the last two in hexadecimal.
std::string describeLaunch(const CUlaunchConfig &config,
                           const Function &function, void **params) {
  std::ostringstream line;
  line << function.name << ' ' << deviceOf(function.context) << ' '
       << reinterpret_cast<uintptr_t>(function.context) << ' '
       << config.gridDimX << ' ' << config.gridDimY << ' ' << config.gridDimZ
       << ' ' << config.blockDimX << ' ' << config.blockDimY << ' '
       << config.blockDimZ << ' ' << config.sharedMemBytes << ' '
       << reinterpret_cast<uintptr_t>(config.hStream) << " |";
  for (unsigned i = 0; i < config.numAttrs; ++i)
    line << ' ' << config.attrs[i].id << ':'
         << hex(&config.attrs[i].value, valueSize(config.attrs[i].id));
  line << " |";
  for (size_t i = 0; i < function.paramSizes.size(); ++i)
    line << ' ' << hex(params[i], function.paramSizes[i]);
  return line.str();
}

CUresult launch(const CUlaunchConfig &config, CUfunction handle,
                void **params) {
  if (!currentContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  Function *function = find(handle);
  if (!function || function->context != currentContext())
    return CUDA_ERROR_INVALID_HANDLE;
  if (!function->paramSizes.empty() && !params)
    return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = checkLaunch(config, *function))
    return result;
  state().launches.push_back(describeLaunch(config, *function, params));
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// The device address of *address*, and whether it has one.
bool translate(CUdeviceptr address, CUdeviceptr &device) {
  device = address;
  for (const HostRange &range : state().hostRanges) {
    if (address < range.start || address >= range.end)
      continue;
    device = range.device + (address - range.start);
    return range.mapped;
  }
  return true;
}

CUresult pointerAttribute(void *data, CUpointer_attribute attribute,
                          CUdeviceptr address) {
  CUdeviceptr device;
  const bool onDevice = translate(address, device);
  switch (attribute) {
  case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    if (!onDevice)
      return CUDA_ERROR_INVALID_VALUE;
    *static_cast<CUdeviceptr *>(data) = device;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    if (!onDevice)
      return CUDA_ERROR_INVALID_VALUE;
    *static_cast<unsigned *>(data) =
        device == address ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}

/// A digest of arguments that fills a tensor map; each word depends on all.
class Digest {
public:
  template <typename T> void add(const T *values, size_t count) {
    for (size_t i = 0; i < count; ++i)
      add(static_cast<uint64_t>(values[i]));
  }
  void add(uint64_t value) {
    for (int byte = 0; byte < 8; ++byte)
      sum = (sum ^ ((value >> (8 * byte)) & 0xff)) * 0x100000001b3;
  }
  void write(CUtensorMap *map) {
    for (auto &word : map->opaque) {
      add(0x6f);
      word = sum;
    }
  }

private:
  uint64_t sum = 0xcbf29ce484222325;
};

/// What both kinds of tensor map require.
bool isTensorMap(CUtensorMap *map, cuuint32_t rank, void *address) {
  return map && rank >= 1 && rank <= 5 &&
         reinterpret_cast<uintptr_t>(map) % 64 == 0 &&
         reinterpret_cast<uintptr_t>(address) % 16 == 0;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

struct ErrorText {
  CUresult code;
  const char *name;
  const char *text;
};

const ErrorText errorTexts[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED",
     "initialization error"},
    {CUDA_ERROR_DEINITIALIZED, "CUDA_ERROR_DEINITIALIZED",
     "driver shutting down"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE",
     "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE",
     "invalid device ordinal"},
    {CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE",
     "device kernel image is invalid"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT",
     "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE",
     "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS",
     "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
     "too many resources requested for launch"},
    {CUDA_ERROR_LAUNCH_TIMEOUT, "CUDA_ERROR_LAUNCH_TIMEOUT",
     "the launch timed out and was terminated"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED",
     "unspecified launch failure"},
    {CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
     "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
     "too many blocks in cooperative launch"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED",
     "operation not supported"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
     "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
     "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CUDA_ERROR_INVALID_CLUSTER_SIZE, "CUDA_ERROR_INVALID_CLUSTER_SIZE",
     "cluster misconfiguration"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorText *findError(CUresult code) {
  for (const ErrorText &error : errorTexts)
    if (error.code == code)
      return &error;
  return nullptr;
}

} // namespace

//===----------------------------------------------------------------------===//
// The driver
//===----------------------------------------------------------------------===//

/// Begins a function of the driver: counts the call, and fails if so planned.
#define DRIVER_CALL                                                            \
  Call call(__func__);                                                         \
  if (call.result)                                                             \
    return call.result;

CUresult cuInit(unsigned flags) {
  Call call(__func__);
  if (state().devices == 0)
    return CUDA_ERROR_NO_DEVICE;
  return flags ? CUDA_ERROR_INVALID_VALUE : call.result;
}

/// Says the version of the real one when there is no device, too.
CUresult cuDriverGetVersion(int *version) {
  Call call(__func__);
  *version = 13000;
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char **name) {
  const ErrorText *found = findError(error);
  *name = found ? found->name : nullptr;
  return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  const ErrorText *found = findError(error);
  *text = found ? found->text : nullptr;
  return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetProcAddress(const char *symbol, void **function, int, cuuint64_t,
                          CUdriverProcAddressQueryResult *status) {
  Call call("cuGetProcAddress");
  static void *self = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  *function = dlsym(self, (std::string(symbol) + "_v2").c_str());
  if (!*function)
    *function = dlsym(self, symbol);
  if (status)
    *status = *function ? CU_GET_PROC_ADDRESS_SUCCESS
                        : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CUresult cuDeviceGetCount(int *count) {
  DRIVER_CALL
  *count = state().devices;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  DRIVER_CALL
  if (!isDevice(ordinal))
    return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  DRIVER_CALL
  if (!isDevice(device))
    return CUDA_ERROR_INVALID_DEVICE;
  std::string("Stub").copy(name, length - 1);
  name[std::min(length - 1, 4)] = 0;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute,
                              CUdevice device) {
  DRIVER_CALL
  if (!isDevice(device))
    return CUDA_ERROR_INVALID_DEVICE;
  switch (static_cast<int>(attribute)) {
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = state().capability / 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = state().capability % 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
    *value = 48 * 1024;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    *value = sharedOptIn();
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
    *value = sharedOptIn() + 1024;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    *value = 65536;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    *value = 1024;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    *value = 132;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
    *value = 32;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
  case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
    *value = 1000000;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
    *value = 4096;
    return CUDA_SUCCESS;
  case maxOversizedShared:
    *value = oversizedShared();
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
    *value = 1;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH:
    *value = state().capability >= 90;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  DRIVER_CALL
  if (!isDevice(device))
    return CUDA_ERROR_INVALID_DEVICE;
  ++state().retained[device];
  *context = primaryContext(device);
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  Call call("cuDevicePrimaryCtxRelease");
  if (call.result)
    return call.result;
  if (!isDevice(device))
    return CUDA_ERROR_INVALID_DEVICE;
  return --state().retained[device] < 0 ? CUDA_ERROR_INVALID_CONTEXT
                                        : CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags,
                                    int *active) {
  DRIVER_CALL
  if (!isDevice(device))
    return CUDA_ERROR_INVALID_DEVICE;
  *flags = 0;
  *active = state().retained[device] > 0;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
  DRIVER_CALL
  *context = currentContext();
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context) {
  DRIVER_CALL
  if (context && !isContext(context))
    return CUDA_ERROR_INVALID_CONTEXT;
  auto &contexts = currentThread().contexts;
  if (!contexts.empty())
    contexts.pop_back();
  if (context)
    contexts.push_back(context);
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent(CUcontext context) {
  Call call("cuCtxPushCurrent");
  if (call.result)
    return call.result;
  if (!isContext(context))
    return CUDA_ERROR_INVALID_CONTEXT;
  currentThread().contexts.push_back(context);
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent(CUcontext *context) {
  Call call("cuCtxPopCurrent");
  if (call.result)
    return call.result;
  if (!currentContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  if (context)
    *context = currentContext();
  currentThread().contexts.pop_back();
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  DRIVER_CALL
  if (!currentContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  *device = deviceOf(currentContext());
  return CUDA_SUCCESS;
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit) {
  DRIVER_CALL
  if (limit != CU_LIMIT_PRINTF_FIFO_SIZE)
    return CUDA_ERROR_INVALID_VALUE;
  *value = state().printfFifoSize;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value) {
  DRIVER_CALL
  if (limit != CU_LIMIT_PRINTF_FIFO_SIZE)
    return CUDA_ERROR_INVALID_VALUE;
  state().printfFifoSize = value;
  return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void) {
  DRIVER_CALL
  return currentContext() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  DRIVER_CALL
  return loadModule(__func__, module, image);
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned,
                            CUjit_option *, void **) {
  DRIVER_CALL
  return loadModule(__func__, module, image);
}

CUresult cuModuleUnload(CUmodule module) {
  Call call(__func__);
  // A kernel that an earlier test has loaded may die late.
  if (state().modulesOfEarlierEpochs.erase(module))
    return CUDA_SUCCESS;
  if (call.result)
    return call.result;
  if (breaksCapture(__func__))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  auto found = state().modules.find(module);
  if (found == state().modules.end())
    return CUDA_ERROR_INVALID_HANDLE;
  for (const auto &[name, function] : found->second.functions)
    state().functions.erase(function);
  state().modules.erase(found);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module,
                             const char *name) {
  DRIVER_CALL
  auto loaded = state().modules.find(module);
  if (loaded == state().modules.end())
    return CUDA_ERROR_INVALID_HANDLE;
  auto found = loaded->second.functions.find(name);
  if (found == loaded->second.functions.end())
    return CUDA_ERROR_NOT_FOUND;
  *function = found->second;
  return CUDA_SUCCESS;
}

CUresult cuFuncGetModule(CUmodule *module, CUfunction handle) {
  DRIVER_CALL
  Function *function = find(handle);
  if (!function)
    return CUDA_ERROR_INVALID_HANDLE;
  *module = function->module;
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute,
                            CUfunction handle) {
  DRIVER_CALL
  Function *function = find(handle);
  if (!function)
    return CUDA_ERROR_INVALID_HANDLE;
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_NUM_REGS:
    *value = function->registers;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    *value = function->localBytes;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    *value = function->maxThreads;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    *value = function->sharedBytes;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    *value = function->maxDynamicShared;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
    *value = function->allowsNonPortableCluster;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute,
                            int value) {
  DRIVER_CALL
  Function *function = find(handle);
  if (!function)
    return CUDA_ERROR_INVALID_HANDLE;
  switch (static_cast<int>(attribute)) {
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    if (value < 0 || value > sharedOptIn() - function->sharedBytes)
      return CUDA_ERROR_INVALID_VALUE;
    function->maxDynamicShared = value;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
    function->allowsNonPortableCluster = value;
    return CUDA_SUCCESS;
  case sharedMemoryMode:
    if (value != allowOversized || oversizedShared() == sharedOptIn())
      return CUDA_ERROR_INVALID_VALUE;
    function->maxDynamicShared = oversizedShared();
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuFuncSetCacheConfig(CUfunction handle, CUfunc_cache) {
  DRIVER_CALL
  return find(handle) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuFuncGetParamInfo(CUfunction handle, size_t index, size_t *offset,
                            size_t *size) {
  DRIVER_CALL
  Function *function = find(handle);
  if (!function)
    return CUDA_ERROR_INVALID_HANDLE;
  if (index >= function->paramSizes.size())
    return CUDA_ERROR_INVALID_VALUE;
  *offset = 0;
  for (size_t i = 0; i <= index; ++i) {
    // Each lies at a multiple of its size, which a tensor map's is not.
    const size_t alignment = std::min<size_t>(function->paramSizes[i], 64);
    *offset = (*offset + alignment - 1) / alignment * alignment;
    *offset += i < index ? function->paramSizes[i] : 0;
  }
  if (size)
    *size = function->paramSizes[index];
  return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute,
                               CUdeviceptr address) {
  DRIVER_CALL
  return currentContext() ? pointerAttribute(data, attribute, address)
                          : CUDA_ERROR_INVALID_CONTEXT;
}

/// Unlike for one attribute, memory that has none gives zeros and success.
CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute *attributes,
                                void **data, CUdeviceptr address) {
  DRIVER_CALL
  if (!currentContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  for (unsigned i = 0; i < count; ++i)
    if (pointerAttribute(data[i], attributes[i], address))
      std::memset(data[i], 0,
                  attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_POINTER ? 8 : 4);
  return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus *status) {
  DRIVER_CALL
  *status = state().capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                              : CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream) {
  DRIVER_CALL
  return CUDA_SUCCESS;
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode) {
  DRIVER_CALL
  if (*mode > CU_STREAM_CAPTURE_MODE_RELAXED)
    return CUDA_ERROR_INVALID_VALUE;
  std::swap(currentThread().captureMode, *mode);
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function,
                          void **params, void **) {
  DRIVER_CALL
  std::this_thread::sleep_for(
      std::chrono::microseconds(state().launchMicroseconds));
  return launch(*config, function, params);
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY,
                        unsigned gridZ, unsigned blockX, unsigned blockY,
                        unsigned blockZ, unsigned shared, CUstream stream,
                        void **params, void **) {
  DRIVER_CALL
  const CUlaunchConfig config{gridX,  gridY,  gridZ,  blockX,  blockY,
                              blockZ, shared, stream, nullptr, 0};
  return launch(config, function, params);
}

CUresult cuOccupancyMaxActiveClusters(int *clusters, CUfunction function,
                                      const CUlaunchConfig *config) {
  DRIVER_CALL
  if (!find(function))
    return CUDA_ERROR_INVALID_HANDLE;
  *clusters = 132 / std::max(config->gridDimX, 1u);
  return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeTiled(
    CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
    const cuuint64_t *dims, const cuuint64_t *strides, const cuuint32_t *box,
    const cuuint32_t *elementStrides, CUtensorMapInterleave interleave,
    CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
    CUtensorMapFloatOOBfill fill) {
  DRIVER_CALL
  if (!isTensorMap(map, rank, address))
    return CUDA_ERROR_INVALID_VALUE;
  Digest digest;
  const uint64_t scalars[] = {1,
                              static_cast<uint64_t>(type),
                              rank,
                              reinterpret_cast<uintptr_t>(address),
                              static_cast<uint64_t>(interleave),
                              static_cast<uint64_t>(swizzle),
                              static_cast<uint64_t>(promotion),
                              static_cast<uint64_t>(fill)};
  digest.add(scalars, std::size(scalars));
  digest.add(dims, rank);
  digest.add(strides, rank - 1);
  digest.add(box, rank);
  digest.add(elementStrides, rank);
  digest.write(map);
  return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeIm2col(
    CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
    const cuuint64_t *dims, const cuuint64_t *strides, const int *lower,
    const int *upper, cuuint32_t channels, cuuint32_t pixels,
    const cuuint32_t *elementStrides, CUtensorMapInterleave interleave,
    CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
    CUtensorMapFloatOOBfill fill) {
  DRIVER_CALL
  if (!isTensorMap(map, rank, address) || rank < 3)
    return CUDA_ERROR_INVALID_VALUE;
  Digest digest;
  const uint64_t scalars[] = {2,
                              static_cast<uint64_t>(type),
                              rank,
                              reinterpret_cast<uintptr_t>(address),
                              channels,
                              pixels,
                              static_cast<uint64_t>(interleave),
                              static_cast<uint64_t>(swizzle),
                              static_cast<uint64_t>(promotion),
                              static_cast<uint64_t>(fill)};
  digest.add(scalars, std::size(scalars));
  digest.add(dims, rank);
  digest.add(strides, rank - 1);
  digest.add(lower, rank - 2);
  digest.add(upper, rank - 2);
  digest.add(elementStrides, rank);
  digest.write(map);
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// For the test
//===----------------------------------------------------------------------===//

extern "C" {

/// Begins anew with this many devices of this compute capability, times ten.
void stubReset(int devices, int capability) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  State next;
  next.devices = devices;
  next.capability = capability;
  next.epoch = state().epoch + 1;
  next.modulesOfEarlierEpochs = state().modulesOfEarlierEpochs;
  for (const auto &[module, contents] : state().modules)
    next.modulesOfEarlierEpochs.insert(module);
  state() = next;
}

/// Drops the planned failures and the log of launches.
void stubForget() {
  std::lock_guard<std::recursive_mutex> guard(lock);
  state().launchMicroseconds = 0;
  state().failures.clear();
  state().launches.clear();
}

/// Makes the call of this name fail with *code* after *after* good ones.
/// Returns whether *code* is one that this driver has a text for.
int stubFail(const char *name, int code, long after) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!findError(static_cast<CUresult>(code)))
    return 0;
  state().failures[name].push_back({static_cast<CUresult>(code), after});
  return 1;
}

void stubHostMemory(CUdeviceptr start, CUdeviceptr end, int mapped,
                    CUdeviceptr device) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  state().hostRanges.push_back({start, end, mapped != 0, device});
}

void stubSetCapturing(int capturing) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  state().capturing = capturing;
}

/// Makes each launch take this long.
void stubSetLaunchTime(long microseconds) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  state().launchMicroseconds = microseconds;
}

/// Lines of text: the "launches", which are forgotten then, the "calls" with
/// their numbers, the "modules" that are loaded, the "contexts" that are
/// retained, once for each time, or the "captures" that were broken. The text
/// lives until the thread's next call.
const char *stubRead(const char *what) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  static thread_local std::string text;
  std::ostringstream lines;
  const std::string kind = what;
  if (kind == "launches") {
    for (const std::string &launch : state().launches)
      lines << launch << '\n';
    state().launches.clear();
  } else if (kind == "calls") {
    for (const auto &[name, count] : state().calls)
      lines << name << ' ' << count << '\n';
  } else if (kind == "modules") {
    for (const auto &[module, contents] : state().modules)
      lines << reinterpret_cast<uintptr_t>(module) << '\n';
  } else if (kind == "contexts") {
    for (const auto &[device, times] : state().retained)
      for (long i = 0; i < times; ++i)
        lines << device << '\n';
  } else if (kind == "captures") {
    for (const std::string &call : state().brokenCaptures)
      lines << call << '\n';
  }
  text = lines.str();
  return text.c_str();
}
}
