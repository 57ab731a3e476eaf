//===- Around.cpp - Launches that call Python functions -------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Around.h"
#include "Arguments.h"
#include "Callbacks.h"
#include "Descriptors.h"
#include "Given.h"
#include "Knobs.h"
#include "Launcher.h"
#include "Names.h"

#include <algorithm>

using namespace graft::launcher;

/// The Python integer for *stream*, or null with an exception set.
static Ref streamNumber(CUstream stream) {
  return Ref(PyLong_FromUnsignedLongLong(reinterpret_cast<uintptr_t>(stream)));
}

bool Scratch::allocate(const Loaded &loaded, Grid grid, CUstream stream) {
  if (!loaded.allocate)
    return true;
  Ref size(Py_BuildValue("(iii)", grid.size[0], grid.size[1], grid.size[2]));
  Ref number = streamNumber(stream), function = Ref::to(loaded.allocate.get());
  if (!size || !number)
    return false;
  PyObject *given[] = {size.get(), number.get()};
  owners = Ref(PyObject_Vectorcall(function.get(), given, 2, nullptr));
  return bool(owners);
}

bool Scratch::locate(const Plan &plan) {
  PyObject *own, *profile;
  return !owners || (PyArg_ParseTuple(owners.get(), "OO", &own, &profile) &&
                     readAddress(own, plan, &addresses[0]) &&
                     readAddress(profile, plan, &addresses[1]));
}

bool graft::launcher::launchReady(const ReadyLaunch &ready,
                                  CUdeviceptr scratch[2]) {
  const Plan &plan = ready.loaded.plan();
  Call &call = ready.room.call;
  void **params = ready.room.params;
  if (!convertLeaves(plan, call, ready.device))
    return false;
  gatherParams(plan, call, scratch, params);
  for (unsigned i = 0; i < call.numDescriptors; ++i)
    params[plan.maps[i].param] = &ready.room.maps[i];
  return launchKernel(plan, ready.loaded.config, ready.size, ready.stream,
                      params, ready.device);
}

namespace {
/// The launch hooks of one launch, and what they are given.
class LaunchHooks {
public:
  /// Reads the hooks, and asks *ready*'s kernel what to give them if one does
  /// something. Returns false with an exception set.
  bool read(const ReadyLaunch &ready) {
    int doSomething = launchHooksDoSomething(/*codeHasRun=*/true);
    if (doSomething <= 0)
      return doSomething == 0 && readLaunchHooks(&enter, &exit);
    return describe(ready) && readLaunchHooks(&enter, &exit);
  }
  bool callEnter(const ReadyLaunch &ready) { return call(enter, ready); }
  bool callExit(const ReadyLaunch &ready) { return call(exit, ready); }

private:
  /// Asks for what hooks are given.
  bool describe(const ReadyLaunch &ready) {
    Ref stream = streamNumber(ready.stream);
    if (!stream)
      return false;
    std::vector<PyObject *> given{ready.loaded.compiled.get(), ready.grid,
                                  stream.get()};
    given.insert(given.end(), ready.values, ready.values + ready.params.size());
    metadata = Ref(PyObject_VectorcallMethod(names.launchMetadata, given.data(),
                                             given.size(), nullptr));
    return bool(metadata);
  }
  /// Calls *hook* if it does something: one may have been put into a chain that
  /// was empty.
  bool call(const Ref &hook, const ReadyLaunch &ready) {
    int doesSomething = launchHookDoesSomething(hook.get());
    if (doesSomething <= 0)
      return doesSomething == 0;
    return (metadata || describe(ready)) &&
           Ref(callOne(hook.get(), metadata.get()));
  }

  Ref enter, exit, metadata;
};
} // namespace

Outcome graft::launcher::readPointersAgain(const ReadyLaunch &ready) {
  LentRoom fresh;
  Call &now = fresh->call, &call = ready.room.call;
  for (size_t i = 0; i < ready.params.size(); ++i) {
    Outcome outcome = readArgument(now, ready.values[i], ready.params[i]);
    if (outcome != Outcome::Done)
      return outcome;
  }
  if (now.numLeaves != call.numLeaves ||
      !std::equal(now.kinds, now.kinds + now.numLeaves, call.kinds))
    return Outcome::Declined;
  for (unsigned i = 0; i < now.numLeaves; ++i)
    if (now.kinds[i] == Leaf::Pointer)
      call.leaves[i] = now.leaves[i];
  call.numForeign = now.numForeign;
  std::copy(now.foreign, now.foreign + now.numForeign, call.foreign);
  return Outcome::Done;
}

[[gnu::cold]] bool graft::launcher::launchInPython(const Loaded &loaded,
                                                   PyObject *grid,
                                                   CUstream stream,
                                                   PyObject *values,
                                                   bool withHooks) {
  Ref number = streamNumber(stream);
  return number && callbacks.finish(loaded.compiled.get(), grid, number.get(),
                                    values, withHooks ? Py_True : Py_False);
}

/// Has Triton's launcher take over once the hook before it was called.
[[gnu::cold]] static bool goOnInPython(const ReadyLaunch &ready) {
  Ref values =
      tupleOf(ready.values, static_cast<Py_ssize_t>(ready.params.size()));
  return values &&
         launchInPython(ready.loaded, ready.grid, ready.stream, values.get(),
                        /*withHooks=*/false);
}

Outcome graft::launcher::launchAround(const ReadyLaunch &ready) {
  LaunchHooks hooks;
  Scratch scratch;
  if (!ensureContext(ready.device) || !hooks.read(ready) ||
      !scratch.allocate(ready.loaded, ready.size, ready.stream))
    return Outcome::Failed;
  Outcome outcome =
      fillDescriptors(ready.loaded.plan(), ready.room.call, ready.room.maps);
  if (outcome != Outcome::Done)
    return outcome;
  if (!hooks.callEnter(ready))
    return Outcome::Failed;
  outcome = readPointersAgain(ready);
  bool launched = false;
  if (outcome == Outcome::Declined)
    launched = goOnInPython(ready);
  else if (outcome == Outcome::Done)
    launched = scratch.locate(ready.loaded.plan()) &&
               launchReady(ready, scratch.addresses);
  return launched && hooks.callExit(ready) ? Outcome::Done : Outcome::Failed;
}
