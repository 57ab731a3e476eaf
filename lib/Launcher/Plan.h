//===- Plan.h - How a compiled kernel is launched ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
// Decided once, when a kernel is loaded: which arguments reach it and as what.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_PLAN_H
#define GRAFT_LAUNCHER_PLAN_H

#include "Call.h"
#include "Cuda.h"
#include "Grid.h"
#include "TensorMap.h"

#include <vector>

namespace graft::launcher {

/// The types of kernel parameters. `typeNames` in Plan.cpp has Triton's names.
enum class Type : uint8_t {
  Skipped, ///< a constant: compiled in, not passed
  Pointer,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  FP16,
  BF16,
  FP32,
  FP64,
  TensorMap
};

/// What a launch asks of the driver, besides the grid and the parameters.
struct LaunchConfig {
  CUfunction function;
  int numWarps;
  int numCtas;
  int shared; ///< dynamic shared memory, in bytes
};

/// How the compiler wants the map of one descriptor.
struct MapPlan {
  int swizzle, elementSize, elementType;
  int roundedType; ///< the element type where fp32 is rounded to TF32
  bool padded;     ///< whether two fp4 numbers take as much as four
  bool isIm2col;   ///< of what a convolution reads
  Numbers<std::uint32_t> block;
  Ref givenBlock;
  size_t param = 0; ///< which parameter of the kernel it is
  mutable KeptMaps kept;
};

/// The plan of one compiled kernel; the Python type `Plan`.
struct Plan {
  PyObject_HEAD PyObject *name;
  std::vector<Type> types;      ///< of the leaves, in order
  std::vector<uint16_t> passed; ///< the leaves that are parameters
  std::vector<uint16_t>
      converted;             ///< those that are not passed as they were read
  std::vector<MapPlan> maps; ///< of the descriptors, in order
  bool cooperative;
  bool pdl; ///< programmatic dependent launch
};

/// Whether *object* is a plan.
bool isPlan(PyObject *object);

/// Whether leaves of the kinds in *call* can be passed as *plan* wants them.
bool fitsPlan(const Plan &plan, const Call &call);

/// Makes *call*'s leaves what *plan* passes: narrows floating-point numbers and
/// has the driver translate pointers that may be the host's. Returns false with
/// an exception set. Needs the GIL.
bool convertLeaves(const Plan &plan, Call &call, int device);

/// Narrows *bits*, those of a double, to what *plan* passes for its leaf
/// *leaf*. Returns false with an exception set. Needs the GIL.
bool convertFloat(const Plan &plan, size_t leaf, uint64_t *bits);

/// Translates the pointers in *call* that may be the host's. Returns false with
/// an exception set. Needs the GIL.
bool translateForeign(const Plan &plan, Call &call, int device);

/// Points *params* at the leaves that are passed and the two scratch pointers.
/// *params* has room for MaxLeaves + 2.
inline void gatherParams(const Plan &plan, Call &call, CUdeviceptr scratch[2],
                         void **params) {
  const uint16_t *passed = plan.passed.data();
  const size_t number = plan.passed.size();
  for (size_t i = 0; i < number; ++i)
    params[i] = &call.leaves[passed[i]];
  params += number;
  *params++ = &scratch[0];
  *params = &scratch[1];
}

/// Launches, unless the grid is empty, with the GIL released unless *holdGil*.
/// *device* is made
/// current if this thread has no context. Returns false with an exception set.
/// Needs the GIL.
bool launchKernel(const Plan &plan, const LaunchConfig &config, Grid grid,
                  CUstream stream, void **params, int device,
                  bool holdGil = false);

/// The device address that *object* stands for: an int, None, or something with
/// `data_ptr()`. Returns false with an exception set. Needs the GIL.
bool readAddress(PyObject *object, const Plan &plan, CUdeviceptr *out);

/// Adds the type `Plan` to *module*. Returns false with an exception set on
/// failure.
bool addPlan(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_PLAN_H
