//===- KnownKernels.cpp - Which object launches which kernel --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "KnownKernels.h"
#include "Callbacks.h"
#include "Runtime.h"
#include "Stats.h"

#include <cstring>
#include <unordered_map>

using namespace graft::launcher;

namespace {

/// How to launch an object, for the one launch that asked.
struct Target {
  Ref object; ///< null: never the fast way
  LaunchFunction launch = nullptr;
};

/// What is known of an object that was launched. What launches it is owned
/// by it, so that the collector sees the cycle; this entry goes with either.
struct Known {
  /// Its dispatcher; null: never the fast way. Owned by the kernel.
  PyObject *target = nullptr;
  LaunchFunction launch = nullptr;
  Ref weakref;
  CacheLines lines; ///< what its last launch touched
};

} // namespace

/// By the kernel's address: a kernel's own hash would be that of its source.
/// Never destroyed: the process may end after Python did.
static auto &knownKernels = *new std::unordered_map<PyObject *, Known>();

namespace {
/// A kernel that was launched a moment ago, and what is known of it.
struct RecentKernel {
  PyObject *kernel;
  Known *known;
};
} // namespace

/// By some bits of the address; emptied when `knownKernels` loses an entry.
static RecentKernel recentKernels[64];

static RecentKernel &recentSlot(PyObject *kernel) {
  return recentKernels[reinterpret_cast<uintptr_t>(kernel) / 64 % 64];
}

/// Forgets the kernels for which *isGone* holds, one at most.
template <typename Predicate> static void forgetOne(Predicate isGone) {
  for (auto it = knownKernels.begin(); it != knownKernels.end(); ++it)
    if (isGone(it->second)) {
      Known gone = std::move(it->second);
      knownKernels.erase(it);
      std::memset(recentKernels, 0, sizeof(recentKernels));
      return;
    }
}

/// The weak references' callback: a kernel is gone. Returns None.
static PyObject *forgetKernel(PyObject *, PyObject *weakref) {
  forgetOne([=](Known &known) { return known.weakref.get() == weakref; });
  Py_RETURN_NONE;
}

void graft::launcher::forgetTarget(PyObject *target) {
  forgetOne([=](Known &known) { return known.target == target; });
}

namespace {
struct TargetType {
  PyTypeObject *type;
  LaunchFunction launch;
};
} // namespace

static TargetType targetTypes[4];

void graft::launcher::addTarget(PyTypeObject *type, LaunchFunction function) {
  for (TargetType &slot : targetTypes)
    if (!slot.type) {
      slot = {type, function};
      return;
    }
}

static PyMethodDef forgetMethod = {"forget_kernel", forgetKernel, METH_O,
                                   "Forgets a kernel that is gone."};
static PyObject *forgetFunction;

/// Makes an entry for *kernel*. Returns false with an exception set.
[[gnu::cold]] static bool learnKernel(PyObject *kernel, Target *target) {
  Ref made = callbacks.make(kernel);
  if (!made)
    return false;
  Known known;
  for (const TargetType &candidate : targetTypes)
    if (Py_TYPE(made.get()) == candidate.type) {
      known.target = made.get();
      known.launch = candidate.launch;
    }
  known.weakref = Ref(PyWeakref_NewRef(kernel, forgetFunction));
  if (!known.weakref)
    return false;
  // Should the kernel have got another one meanwhile, this one forgets itself
  // when the launch is done with it.
  *target = {known.target ? std::move(made) : Ref(), known.launch};
  Known &entry = knownKernels[kernel] = std::move(known);
  recentSlot(kernel) = {kernel, &entry};
  return true;
}

/// Finds how to launch *kernel*. Returns false with an exception set.
static bool findTarget(PyObject *kernel, Target *target) {
  RecentKernel &recent = recentSlot(kernel);
  if (recent.kernel != kernel) {
    auto found = knownKernels.find(kernel);
    if (found == knownKernels.end())
      return learnKernel(kernel, target);
    recent = {kernel, &found->second};
  }
  *target = {Ref::to(recent.known->target), recent.known->launch};
  return true;
}

void graft::launcher::warmUp(PyObject *kernel) {
  const RecentKernel &recent = recentSlot(kernel);
  if (recent.kernel == kernel)
    recent.known->lines.prefetch();
}

CacheLines *graft::launcher::beginLines(PyObject *kernel) {
  const RecentKernel &recent = recentSlot(kernel);
  if (recent.kernel != kernel)
    return nullptr;
  CacheLines &lines = recent.known->lines;
  lines.number = 0;
  lines.add(*recent.known->target, 2); // its head and what it points at
  return &lines;
}

PyObject *graft::launcher::runTritonsWay(PyObject *kernel, PyObject *grid,
                                         const Arguments &args) {
  Ref launch = callbacks.subscript(kernel, grid, args.run ? args.run : Py_None);
  if (!launch)
    return nullptr;
  return PyObject_Vectorcall(launch.get(), args.values,
                             static_cast<size_t>(args.numPositional),
                             args.keywords);
}

PyObject *graft::launcher::launchAny(PyObject *kernel, PyObject *grid,
                                     const Arguments &args) {
  if (!active) {
    count(Reason::Inactive);
    return runTritonsWay(kernel, grid, args);
  }
  Target target;
  if (!findTarget(kernel, &target))
    return nullptr;
  if (!target.object) {
    count(Reason::Kernel);
    return runTritonsWay(kernel, grid, args);
  }
  // A grid, a hook or a heuristic may be a launch itself.
  if (Py_EnterRecursiveCall(" while launching a kernel"))
    return nullptr;
  PyObject *result = target.launch(target.object.get(), kernel, grid, args);
  Py_LeaveRecursiveCall();
  return result;
}

/// `forget_kernels()`: kernels are looked at anew when they are next launched.
static PyObject *forgetKernels(PyObject *, PyObject *) {
  std::unordered_map<PyObject *, Known> old;
  old.swap(knownKernels);
  std::memset(recentKernels, 0, sizeof(recentKernels));
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"forget_kernels", forgetKernels, METH_NOARGS,
     "Looks at kernels anew when they are next launched."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addKnownKernels(PyObject *module) {
  return (forgetFunction = PyCFunction_New(&forgetMethod, nullptr)) &&
         PyModule_AddFunctions(module, methods) == 0;
}
