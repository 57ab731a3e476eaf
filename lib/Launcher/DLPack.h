//===- DLPack.h - The parts of DLPack's C interface we use ------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
// The layout is that of DLPack 1.x, which its version number promises to keep:
// https://dmlc.github.io/dlpack/latest/c_api.html
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_DLPACK_H
#define GRAFT_LAUNCHER_DLPACK_H

#include <cstdint>

namespace graft::launcher::dlpack {

constexpr int32_t DeviceCUDA = 2;
constexpr int32_t DeviceCUDAManaged = 13;

struct Device {
  int32_t type;
  int32_t index;
};

struct DataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct Tensor {
  void *data;
  Device device;
  int32_t ndim;
  DataType dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byteOffset;
};
static_assert(sizeof(Tensor) == 48, "as DLPack 1.x lays it out");

struct Version {
  uint32_t major;
  uint32_t minor;
};

/// What the type attribute `__dlpack_c_exchange_api__` holds in a capsule.
struct ExchangeAPI {
  Version version;
  ExchangeAPI *previous;
  void *allocate;
  void *managedFromObject;
  void *managedToObject;
  /// Describes a tensor without owning it. 0, or -1 with an exception set.
  int (*tensorFromObject)(void *object, Tensor *out);
  /// The stream that the framework works on. 0, or -1 with an exception set.
  int (*currentStream)(int32_t deviceType, int32_t device, void **out);
};
static_assert(sizeof(ExchangeAPI) == 56, "as DLPack 1.x lays it out");

constexpr const char *CapsuleName = "dlpack_exchange_api";
constexpr const char *TypeAttribute = "__dlpack_c_exchange_api__";

} // namespace graft::launcher::dlpack

#endif // GRAFT_LAUNCHER_DLPACK_H
