//===- Launch.cpp - From kernel[grid](...) to the launch ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The steps of a launch, in the order in which Triton takes them: knobs,
// device, stream, pre-run hooks, binding, lookup, used globals, what was
// compiled in, grid, launch hooks, launch. A step that finds something unusual
// declines, and Triton's own path takes over from the start; it is also what
// compiles a variant when it is first met.
//
//===----------------------------------------------------------------------===//

#include "Launch.h"
#include "Arguments.h"
#include "Around.h"
#include "Arrays.h"
#include "Callbacks.h"
#include "Constants.h"
#include "Descriptors.h"
#include "Errors.h"
#include "Knobs.h"
#include "KnownKernels.h"
#include "Launcher.h"
#include "Names.h"
#include "Room.h"
#include "Runtime.h"
#include "Words.h"

#include <algorithm>
#include <memory>
#include <utility>

using namespace graft::launcher;

/// Notes what launching *variant* of *kernel* touches.
[[gnu::cold]] static void noteLines(PyObject *kernel, KernelState &parts,
                                    const CallShape &shape,
                                    const DeviceTable &table,
                                    const Variant &variant) {
  CacheLines *noted = beginLines(kernel);
  if (!noted)
    return;
  parts.warm = &variant;
  const Plan &plan = variant.plan();
  CacheLines &lines = *noted;
  lines.add(parts);
  lines.add(shape);
  lines.add(*parts.preRunHooks.get());
  lines.add(table);
  lines.add(variant);
  if (variant.reads)
    variant.reads->addTo(lines);
  lines.add(plan);
  if (!plan.passed.empty())
    lines.add(plan.passed.front(), plan.passed.size());
  if (!parts.params.empty())
    lines.add(parts.params.front(), parts.params.size());
}

namespace {

/// One launch on its way.
class Launch {
public:
  Launch(KernelState &self, PyObject *kernel, PyObject *grid,
         const Arguments &args)
      : self(self), kernel(kernel), grid(grid), args(args) {}

  LentRoom room;
  Call &call = room->call;

  /// Launches. `Declined` if Triton's own way is to be gone, with the reason in
  /// `call`. Otherwise *result* is what `kernel[grid](...)` returns.
  Outcome go(Ref *result);

  /// Has Triton's own path launch, which may compile, and remembers the variant
  /// that came of it. Pre-run hooks that have been called are not called again.
  [[gnu::cold]] PyObject *compile(bool remember);

  bool hooksCalled = false;
  bool asked = false; ///< whether Python was asked about reads
  Ref hookKeywords;   ///< what pre-run hooks were given by name

private:
  [[gnu::cold]] Outcome lookAtKernel();
  Outcome readSurroundings();
  [[gnu::cold]] Outcome callPreRunHooks();
  Outcome findShape();
  Outcome bind();
  [[gnu::cold]] Outcome bindVariadic(size_t param);
  Outcome readAll();
  [[gnu::cold]] Outcome lookAtCaches(DeviceTable &owned);
  Outcome findTable();
  Outcome findVariant(Table<Variant>::Found *variant);
  Outcome checkGlobals();
  Outcome checkCompiledKernel();
  [[gnu::noinline]] Outcome checkReads(Variant &variant);
  [[gnu::cold]] Outcome askAboutReads(Variant &variant);
  int readsTheSame();
  Outcome finish(Variant &variant, Ref *result);
  Outcome boundArguments(Ref *bound);
  Outcome launchDirectly(Variant &variant, PyObject *realGrid, bool *done);
  [[gnu::cold]] Ref valuesTuple();

  KernelState &self;
  PyObject *kernel;
  PyObject *grid;
  const Arguments &args;
  Knobs knobs;
  PyObject *ownDebug = nullptr; ///< None, True or False
  int device = 0;
  CUstream stream = nullptr;
  const CallShape *shape = nullptr;
  PyObject *const *values = nullptr; ///< of the parameters; borrowed
  Ref variadic;
  Table<Variant> *table = nullptr;
};

} // namespace

//===----------------------------------------------------------------------===//
// Knobs, device, stream, pre-run hooks
//===----------------------------------------------------------------------===//

/// Looks at the attributes of the kernel that a launch depends on.
Outcome Launch::lookAtKernel() {
  Look look;
  Ref debug, hooks, globals;
  PyObject *attributes = self.ownRun.attributes.get();
  int own = self.ownRun.holds(look, args.run != nullptr);
  if (own == 0)
    return call.decline(Reason::RunReplaced);
  if (own < 0 || !lookup(attributes, names.debug, &debug) ||
      !lookup(attributes, names.preRunHooks, &hooks) ||
      !lookup(attributes, names.usedGlobals, &globals))
    return Outcome::Failed;
  bool usual = debug && (debug.get() == Py_None || PyBool_Check(debug.get())) &&
               hooks && PyList_CheckExact(hooks.get()) && globals;
  if (!usual)
    return call.decline(Reason::Kernel);
  std::swap(self.debug, debug);
  std::swap(self.preRunHooks, hooks);
  std::swap(self.usedGlobals, globals);
  self.checked.of(args).succeed(std::move(look));
  return Outcome::Done;
}

Outcome Launch::readSurroundings() {
  Outcome outcome =
      self.checked.of(args).holds() ? Outcome::Done : lookAtKernel();
  if (outcome == Outcome::Done)
    outcome = readKnobs(&knobs, &call.reason);
  if (outcome != Outcome::Done)
    return outcome;
  ownDebug = self.debug.get();
  if (!currentDevice(&device) || !currentStream(device, &stream))
    return Outcome::Failed;
  return Outcome::Done;
}

/// Calls the kernel's pre-run hooks with what Triton gives them: the arguments
/// and the three options that it adds to each launch.
Outcome Launch::callPreRunHooks() {
  Ref hooks = Ref::to(self.preRunHooks.get()), positional, keywords, debug;
  if (!collect(args, &positional, &keywords) ||
      !lookup(keywords.get(), names.debug, &debug))
    return Outcome::Failed;
  if (!debug)
    debug = Ref::to(ownDebug);
  int truth = PyObject_IsTrue(debug.get());
  if (truth == 0)
    debug = Ref::to(knobs.debug ? Py_True : Py_False);
  if (truth < 0 ||
      PyDict_SetItem(keywords.get(), names.debug, debug.get()) < 0 ||
      PyDict_SetItemString(keywords.get(), "instrumentation_mode",
                           knobs.instrumentation.get()) < 0 ||
      PyDict_SetItemString(keywords.get(), "fpsan_homomorphic_casts",
                           knobs.homomorphicCasts ? Py_True : Py_False) < 0)
    return Outcome::Failed;
  hooksCalled = true;
  for (Py_ssize_t i = 0; i < listSize(hooks.get()); ++i) {
    Ref hook = Ref::to(listItem(hooks.get(), i));
    Ref result(PyObject_Call(hook.get(), positional.get(), keywords.get()));
    if (!result)
      return Outcome::Failed;
  }
  hookKeywords = std::move(keywords);
  // The options are those from before the hooks, as in Triton; whether there is
  // an inspection hook is asked after them.
  Knobs now;
  return readKnobs(&now, &call.reason);
}

//===----------------------------------------------------------------------===//
// Binding
//===----------------------------------------------------------------------===//

Outcome Launch::findShape() {
  Outcome outcome = self.shapes.find(&shape, self.params, args);
  if (outcome == Outcome::Declined)
    return call.decline(Reason::TooMany);
  if (outcome == Outcome::Failed)
    return outcome;
  // An error of Python's own, before anything else is done.
  if (shape->reason == Reason::Keyword)
    return call.decline(Reason::Keyword);
  return Outcome::Done;
}

/// Makes the tuple of the arguments for the variadic parameter number *param*.
Outcome Launch::bindVariadic(size_t param) {
  auto first = std::min(static_cast<Py_ssize_t>(param), args.numPositional);
  variadic = tupleOf(args.values + first, args.numPositional - first);
  return variadic ? Outcome::Done : Outcome::Failed;
}

Outcome Launch::bind() {
  if (shape->reason != Reason::Hit)
    return call.decline(shape->reason);
  values = args.values;
  if (shape->inOrder)
    return Outcome::Done;
  PyObject **placed = room->values;
  values = placed;
  for (size_t i = 0; i < self.params.size(); ++i) {
    int source = shape->sources[i];
    if (source == CallShape::Variadic && bindVariadic(i) != Outcome::Done)
      return Outcome::Failed;
    placed[i] = source >= 0                    ? args.values[source]
                : source == CallShape::Default ? self.params[i].fallback.get()
                                               : variadic.get();
  }
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Lookup
//===----------------------------------------------------------------------===//

/// From so many parameters on, waiting for one after the other costs more than
/// asking for all beforehand.
constexpr size_t ManyParams = 8;

/// Reads everything that tells variants apart.
Outcome Launch::readAll() {
  const size_t numParams = self.params.size();
  const Param *params = self.params.data();
  if (numParams >= ManyParams)
    prefetchArrays(values, numParams);
  for (size_t i = 0; i < numParams; ++i) {
    if (readTensorArgument(call, values[i], params[i]))
      continue;
    Outcome outcome = readArgument(call, values[i], params[i]);
    if (outcome != Outcome::Done)
      return outcome;
  }
  // The option `debug` is part of the options, if it is given.
  uint64_t debug = ownDebug == Py_None ? 0 : ownDebug == Py_True ? 1 : 2;
  if (!call.fits(2))
    return call.decline(Reason::TooMany);
  call.word(shape->optionsId << 8 | debug << 4 | uint64_t(knobs.debug) << 1 |
            uint64_t(knobs.homomorphicCasts));
  Outcome outcome = readConstant(call, knobs.instrumentation.get());
  for (size_t i = 0; outcome == Outcome::Done && i < shape->options.size(); ++i)
    outcome = readConstant(call, args.values[shape->options[i]]);
  return outcome;
}

/// Devices beyond this are left to Triton's own path.
constexpr int MaxDevices = 64;

/// Sees whether Triton's caches are still those that the device's table is for;
/// empties it if not.
Outcome Launch::lookAtCaches(DeviceTable &owned) {
  Look look;
  Ref number = deviceNumber(device), owner;
  look.reads(self.caches.get());
  if (!number || !lookup(self.caches.get(), number.get(), &owner))
    return Outcome::Failed;
  owned.checked.succeed(std::move(look));
  if (owned.owner.get() != owner.get()) {
    std::swap(owned.owner, owner); // the old one goes last
    owned.variants.clear();
  }
  return Outcome::Done;
}

/// Finds the table for the device.
Outcome Launch::findTable() {
  if (!active) // what ran meanwhile has made another driver the active one
    return call.decline(Reason::Inactive);
  if (device < 0 || device >= MaxDevices)
    return call.decline(Reason::Device);
  auto index = static_cast<size_t>(device);
  if (self.tables.size() <= index)
    self.tables.resize(index + 1);
  if (!self.tables[index])
    self.tables[index] = std::make_unique<DeviceTable>();
  DeviceTable &owned = *self.tables[index];
  table = &owned.variants;
  return owned.checked.holds() ? Outcome::Done : lookAtCaches(owned);
}

Outcome Launch::findVariant(Table<Variant>::Found *found) {
  Outcome outcome = findTable();
  if (outcome != Outcome::Done)
    return outcome;
  if (!table->find(call, found))
    return Outcome::Failed;
  if (!*found)
    return call.decline(Reason::FirstLaunch);
  Variant &variant = (*found)->value;
  int cached = variant.isThere();
  if (cached < 0)
    return Outcome::Failed;
  if (!cached) {
    table->clear();
    return call.decline(Reason::FirstLaunch);
  }
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Used globals, and what was compiled in
//===----------------------------------------------------------------------===//

Outcome Launch::checkGlobals() {
  // Hooks and compilations may have made another dict of them.
  Outcome outcome =
      self.checked.of(args).holds() ? Outcome::Done : lookAtKernel();
  if (outcome != Outcome::Done)
    return outcome;
  PyObject *source = self.usedGlobals.get();
  if (!self.globals || source != self.globals->source.get()) {
    auto fresh = Shared<UsedGlobals>::make();
    if (!fresh->read(source))
      return call.decline(Reason::Kernel);
    self.globals = std::move(fresh);
  }
  if (self.globals->all.empty())
    return Outcome::Done;
  Shared<UsedGlobals> globals = self.globals;
  for (UsedGlobal &global : globals->all) {
    outcome = global.check(call);
    if (outcome == Outcome::Done && self.globals.get() != globals.get())
      outcome = call.decline(Reason::GlobalChanged);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

/// Sees whether *variant* is what would be compiled now. Kernels of which
/// nothing was read do without, and are not to pay for it.
Outcome Launch::checkReads(Variant &variant) {
  int same = variant.reads->areSame();
  return same < 0    ? Outcome::Failed
         : same == 0 ? askAboutReads(variant)
                     : Outcome::Done;
}

/// Asks Python whether *variant*, for which not all that was read is the same,
/// is to be launched; forgets it if not.
Outcome Launch::askAboutReads(Variant &variant) {
  // Code that runs meanwhile may drop the table, but not what owns it.
  auto index = static_cast<size_t>(device);
  int current = askWhetherCurrent(variant.compiled.get());
  if (current < 0)
    return Outcome::Failed;
  asked = true;
  if (current)
    return variant.reads->take(variant.compiled.get()) ? Outcome::Done
                                                       : Outcome::Failed;
  if (!variant.forget(self.tables[index]->variants))
    return Outcome::Failed;
  return call.decline(Reason::Stale);
}

/// Sees whether the class of compiled kernels has Triton's own methods.
Outcome Launch::checkCompiledKernel() {
  int own = compiledKernelIsTritons();
  return own < 0    ? Outcome::Failed
         : own == 0 ? call.decline(Reason::CompiledKernel)
                    : Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Grid and launch
//===----------------------------------------------------------------------===//

/// The dict of the bound arguments that a callable grid is given. What it
/// changes there is launched; the variant stays.
Outcome Launch::boundArguments(Ref *bound) {
  *bound = Ref(PyDict_New());
  if (!*bound)
    return Outcome::Failed;
  for (size_t i = 0; i < self.params.size(); ++i)
    if (PyDict_SetItem(bound->get(), self.params[i].name.get(), values[i]) < 0)
      return Outcome::Failed;
  return Outcome::Done;
}

/// Whether *bound* still holds the values that were read, in their order.
static bool isUnchanged(PyObject *bound, PyObject *const *values, size_t size) {
  PyObject *name, *value;
  Py_ssize_t position = 0;
  size_t next = 0;
  while (PyDict_Next(bound, &position, &name, &value))
    if (next >= size || values[next++] != value)
      return false;
  return next == size;
}

Ref Launch::valuesTuple() {
  return tupleOf(values, static_cast<Py_ssize_t>(self.params.size()));
}

/// Launches *ready*, which no hook and no scratch memory belongs to.
static Outcome launchWithMaps(const ReadyLaunch &ready) {
  Call &call = ready.room.call;
  if (call.numDescriptors != 0) {
    Outcome outcome =
        fillDescriptors(ready.loaded.plan(), call, ready.room.maps);
    if (outcome != Outcome::Done)
      return outcome;
    // What tells an address may have added hooks, and moved pointers.
    int hooks = launchHooksDoSomething(/*codeHasRun=*/true);
    if (hooks != 0)
      return hooks < 0 ? Outcome::Failed : launchAround(ready);
    if (call.codeHasRun &&
        (outcome = readPointersAgain(ready)) != Outcome::Done)
      return outcome;
  }
  CUdeviceptr scratch[2] = {0, 0};
  return launchReady(ready, scratch) ? Outcome::Done : Outcome::Failed;
}

/// Launches from here if that can be; says in *done* whether it did.
Outcome Launch::launchDirectly(Variant &variant, PyObject *realGrid,
                               bool *done) {
  Grid size;
  *done = false;
  if (!variant.direct || readGrid(realGrid, &size) != Outcome::Done)
    return Outcome::Done;
  int hooks = launchHooksDoSomething(realGrid != grid || hooksCalled || asked);
  if (hooks < 0)
    return Outcome::Failed;
  const ReadyLaunch ready{variant, self.params, values, realGrid,
                          size,    stream,      device, *room.get()};
  Outcome outcome =
      hooks || variant.allocate ? launchAround(ready) : launchWithMaps(ready);
  *done = outcome == Outcome::Done;
  // Triton's launcher meets what is odd again.
  return outcome == Outcome::Declined ? Outcome::Done : outcome;
}

/// Everything after the variant is known: the grid, the hooks and the launch.
/// The caller holds *variant*.
Outcome Launch::finish(Variant &variant, Ref *result) {
  if (self.warm != &variant)
    noteLines(kernel, self, *shape, *self.tables[static_cast<size_t>(device)],
              variant);
  Ref bound, computed, changed;
  PyObject *realGrid = grid;
  if (!PyTuple_CheckExact(grid) && PyCallable_Check(grid)) {
    if (boundArguments(&bound) != Outcome::Done)
      return Outcome::Failed;
    computed = Ref(callOne(grid, bound.get()));
    if (!computed)
      return Outcome::Failed;
    realGrid = computed.get();
    if (!isUnchanged(bound.get(), values, self.params.size()))
      if (!(changed = Ref(PyDict_Values(bound.get()))))
        return Outcome::Failed;
  }
  bool done = false;
  if (!changed) {
    Outcome outcome = launchDirectly(variant, realGrid, &done);
    if (outcome != Outcome::Done)
      return outcome;
  }
  if (!done) {
    Ref arguments = changed ? std::move(changed) : valuesTuple();
    if (!arguments || !launchInPython(variant, realGrid, stream,
                                      arguments.get(), /*withHooks=*/true))
      return Outcome::Failed;
  }
  *result = Ref::to(variant.compiled.get());
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

Outcome Launch::go(Ref *result) {
  Table<Variant>::Found found; // holds it while code of Python's runs
  Outcome outcome = findShape();
  if (outcome == Outcome::Done)
    outcome = readSurroundings();
  if (outcome == Outcome::Done && listSize(self.preRunHooks.get()) != 0)
    outcome = callPreRunHooks();
  if (outcome == Outcome::Done)
    outcome = bind();
  if (outcome == Outcome::Done)
    outcome = readAll();
  if (outcome == Outcome::Done)
    outcome = findVariant(&found);
  if (outcome == Outcome::Done)
    outcome = checkGlobals();
  if (outcome == Outcome::Done && found->value.reads)
    outcome = checkReads(found->value);
  if (outcome == Outcome::Done)
    outcome = checkCompiledKernel();
  return outcome == Outcome::Done ? finish(found->value, result) : outcome;
}

/// Whether reading the launch again gives what was read before. If an address
/// moved or a knob was set meanwhile, Triton may have compiled for what came
/// after. Returns 1, 0, or -1 with an exception set.
int Launch::readsTheSame() {
  Launch again(self, kernel, grid, args);
  Outcome outcome = again.findShape();
  if (outcome == Outcome::Done)
    outcome = again.readSurroundings();
  if (hooksCalled) { // which may set knobs; the launch has those from before
    again.knobs = {knobs.debug, Ref::to(knobs.instrumentation.get()),
                   knobs.homomorphicCasts};
    again.ownDebug = ownDebug;
  }
  if (outcome == Outcome::Done)
    outcome = again.bind();
  if (outcome == Outcome::Done)
    outcome = again.readAll();
  if (outcome == Outcome::Failed && !passOver())
    return -1;
  const Call &now = again.call;
  return outcome == Outcome::Done && again.device == device &&
         now.numWords == call.numWords && now.numObjects == call.numObjects &&
         std::equal(now.words, now.words + now.numWords, call.words) &&
         std::equal(now.objects, now.objects + now.numObjects, call.objects);
}

PyObject *Launch::compile(bool remember) {
  Ref positional, keywords;
  if (!collect(args, &positional, &keywords))
    return nullptr;
  Ref answer = callbacks.compile(kernel, grid, positional.get(), keywords.get(),
                                 hooksCalled ? hookKeywords.get() : Py_None);
  PyObject *result, *facts;
  if (!answer || !PyArg_ParseTuple(answer.get(), "OO", &result, &facts))
    return nullptr;
  int same = remember && facts != Py_None ? readsTheSame() : 0;
  Variant variant;
  if (same < 0 || (same && !variant.read(facts)))
    return nullptr;
  const Reason reason = call.reason;
  // Compiling may have run code that cleared the caches, or made another driver
  // the active one: look again.
  Outcome outcome = same ? findTable() : Outcome::Declined;
  if (outcome == Outcome::Failed)
    return nullptr;
  if (outcome == Outcome::Declined) {
    count(remember ? Reason::Compiled : reason);
  } else if (variant.direct && !fitsPlan(variant.plan(), call)) {
    count(Reason::Conversion);
  } else {
    count(reason);
    table->insert(call, std::move(variant));
  }
  return Ref::to(result).release();
}

PyObject *graft::launcher::launch(KernelState &state, PyObject *kernel,
                                  PyObject *grid, const Arguments &args) {
  Launch launch(state, kernel, grid, args);
  Ref result;
  switch (launch.go(&result)) {
  case Outcome::Failed:
    return nullptr;
  case Outcome::Done:
    count(Reason::Hit);
    return result.release();
  case Outcome::Declined:
    break;
  }
  Way way = wayOf(launch.call.reason);
  if (way == Way::Compile)
    return launch.compile(/*remember=*/true);
  if (launch.hooksCalled || (foreignArraysKnown() && way == Way::Ours))
    return launch.compile(/*remember=*/false);
  count(launch.call.reason);
  return runTritonsWay(kernel, grid, args);
}
