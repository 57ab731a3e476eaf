//===- Dispatcher.cpp - From kernel[grid](...) to the launch --------------===//
//
// SPDX-License-Identifier: MIT
//
// The steps of a launch, in the order in which Triton takes them: knobs,
// device, stream, pre-run hooks, binding, lookup, used globals, what was
// compiled in, grid, launch hooks, launch. A step that finds something unusual
// declines, and Triton's own path takes over from the start; it is also what
// compiles a variant when it is first met.
//
//===----------------------------------------------------------------------===//

#include "Dispatcher.h"
#include "Arguments.h"
#include "Arrays.h"
#include "Callbacks.h"
#include "Constants.h"
#include "Descriptors.h"
#include "Errors.h"
#include "Launcher.h"
#include "Names.h"
#include "Room.h"
#include "Words.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>
#include <unordered_map>

using namespace graft::launcher;

bool Variant::read(PyObject *facts) {
  return Loaded::read(facts) && attributes.read(compiled.get()) &&
         Reads::of(compiled.get(), &reads);
}

int Variant::traverse(visitproc visit, void *arg) const {
  if (int stop = Loaded::traverse(visit, arg))
    return stop;
  if (int stop = attributes.traverse(visit, arg))
    return stop;
  if (int stop = checked.traverse(visit, arg))
    return stop;
  return reads ? reads->traverse(visit, arg) : 0;
}

//===----------------------------------------------------------------------===//
// Which dispatcher belongs to a kernel
//===----------------------------------------------------------------------===//

namespace {

/// Addresses of cache lines. They are only ever prefetched, which does no harm
/// to memory that is gone.
struct CacheLines {
  static constexpr size_t LineSize = 64;
  const void *lines[24];
  unsigned number = 0;

  /// Adds the lines of an object.
  template <typename Object>
  void add(const Object &object, size_t objects = 1) {
    const char *begin = reinterpret_cast<const char *>(&object);
    for (size_t offset = 0; offset < objects * sizeof(Object);
         offset += LineSize)
      if (number < std::size(lines))
        lines[number++] = begin + offset;
  }
  void prefetch() const {
    for (unsigned i = 0; i < number; ++i)
      __builtin_prefetch(lines[i]);
  }
};

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

/// Notes what launching *variant* of *kernel* touches.
[[gnu::cold]] static void noteLines(PyObject *kernel, Dispatcher::Parts &parts,
                                    const CallShape &shape,
                                    const DeviceTable &table,
                                    const Variant &variant) {
  const RecentKernel &recent = recentSlot(kernel);
  if (recent.kernel != kernel)
    return;
  parts.warm = &variant;
  const Plan &plan = variant.plan();
  CacheLines &lines = recent.known->lines;
  lines.number = 0;
  lines.add(*reinterpret_cast<Dispatcher *>(recent.known->target));
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

//===----------------------------------------------------------------------===//
// Triton's own way
//===----------------------------------------------------------------------===//

PyObject *graft::launcher::runTritonsWay(PyObject *kernel, PyObject *grid,
                                         const Arguments &args) {
  Ref launch = callbacks.getItem(kernel, grid);
  if (!launch)
    return nullptr;
  return PyObject_Vectorcall(launch.get(), args.values,
                             static_cast<size_t>(args.numPositional),
                             args.keywords);
}

bool graft::launcher::collect(const Arguments &args, Ref *positional,
                              Ref *keywords) {
  *positional = Ref(PyTuple_New(args.numPositional));
  *keywords = Ref(PyDict_New());
  if (!*positional || !*keywords)
    return false;
  for (Py_ssize_t i = 0; i < args.numPositional; ++i)
    if (PyTuple_SetItem(positional->get(), i,
                        Ref::to(args.values[i]).release()) < 0)
      return false;
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i)
    if (PyDict_SetItem(keywords->get(), tupleItem(args.keywords, i),
                       args.values[args.numPositional + i]) < 0)
      return false;
  return true;
}

namespace {

/// One launch on its way.
class Launch {
public:
  Launch(Dispatcher::Parts &self, PyObject *kernel, PyObject *grid,
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
  [[gnu::cold]] Outcome compareGlobal(UsedGlobal &global, PyObject *now);
  Outcome checkCompiledKernel();
  [[gnu::noinline]] Outcome checkReads(Variant &variant);
  [[gnu::cold]] Outcome askAboutReads(Variant &variant);
  int readsTheSame();
  Outcome finish(Variant &variant, Ref *result);
  Outcome boundArguments(Ref *bound);
  Outcome launchDirectly(Variant &variant, PyObject *realGrid, bool *done);
  [[gnu::cold]] Ref valuesTuple();

  Dispatcher::Parts &self;
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

int OwnRun::holds(Look &look) const {
  Ref found;
  look.reads(attributes.get());
  for (const Ref &dict : classes)
    look.reads(dict.get());
  if (!lookup(attributes.get(), names.run, &found))
    return -1;
  for (size_t i = 0; !found && i < classes.size(); ++i)
    if (!lookup(classes[i].get(), names.run, &found))
      return -1;
  return found.get() == run.get();
}

int OwnRun::traverse(visitproc visit, void *arg) const {
  Py_VISIT(attributes.get());
  for (const Ref &dict : classes)
    Py_VISIT(dict.get());
  return 0;
}

bool graft::launcher::readOwnRun(PyObject *item, OwnRun *ownRun) {
  PyObject *attributes, *classes, *run;
  if (!PyArg_ParseTuple(item, "O!O!O", &PyDict_Type, &attributes, &PyTuple_Type,
                        &classes, &run))
    return false;
  ownRun->attributes = Ref::to(attributes);
  ownRun->run = Ref::to(run);
  for (Py_ssize_t i = 0; i < tupleSize(classes); ++i)
    ownRun->classes.push_back(Ref::to(tupleItem(classes, i)));
  if (!ownRun->classes.empty())
    return true;
  PyErr_SetString(PyExc_ValueError, "a class has at least one dict");
  return false;
}

/// Looks at the attributes of the kernel that a launch depends on.
Outcome Launch::lookAtKernel() {
  Look look;
  Ref debug, hooks, globals;
  PyObject *attributes = self.ownRun.attributes.get();
  int own = self.ownRun.holds(look);
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
  self.checked.succeed(std::move(look));
  return Outcome::Done;
}

Outcome Launch::readSurroundings() {
  Outcome outcome = self.checked.holds() ? Outcome::Done : lookAtKernel();
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

/// Keywords of `run` itself, and options that each launch sets.
static bool isReserved(PyObject *name) {
  for (const char *reserved :
       {"grid", "warmup", "instrumentation_mode", "fpsan_homomorphic_casts"})
    if (PyUnicode_CompareWithASCIIString(name, reserved) == 0)
      return true;
  return false;
}

/// The parameter called *name*, or -1.
static int paramNamed(const std::vector<Param> &params, PyObject *name) {
  for (size_t i = 0; i < params.size(); ++i)
    if (!params[i].variadic &&
        (params[i].name.get() == name ||
         PyUnicode_Compare(params[i].name.get(), name) == 0))
      return static_cast<int>(i);
  return -1;
}

/// Gives the first parameters the positional arguments. Returns whether they
/// fit.
static bool placePositional(const std::vector<Param> &params,
                            CallShape &shape) {
  Py_ssize_t next = 0;
  for (size_t i = 0; i < params.size() && !params[i].keywordOnly; ++i) {
    if (params[i].variadic) {
      shape.sources[i] = CallShape::Variadic;
      return true;
    }
    if (next < shape.numPositional)
      shape.sources[i] = static_cast<int16_t>(next++);
  }
  return next == shape.numPositional;
}

/// Gives parameters the keyword arguments that name them; the rest are options.
static Reason placeKeywords(const std::vector<Param> &params,
                            CallShape &shape) {
  Py_ssize_t size = shape.keywords ? tupleSize(shape.keywords.get()) : 0;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject *name = tupleItem(shape.keywords.get(), i);
    auto source = static_cast<int16_t>(shape.numPositional + i);
    int param = paramNamed(params, name);
    if (param >= 0 && shape.sources[param] != CallShape::Default)
      return Reason::Binding;
    if (param >= 0)
      shape.sources[param] = source;
    else if (isReserved(name))
      return Reason::Keyword;
    else
      shape.options.push_back(static_cast<uint16_t>(source));
  }
  return Reason::Hit;
}

static PyObject *optionName(const CallShape &shape, size_t option) {
  return tupleItem(shape.keywords.get(),
                   shape.options[option] - shape.numPositional);
}

static bool sameOptions(const CallShape &a, const CallShape &b) {
  if (a.options.size() != b.options.size())
    return false;
  for (size_t i = 0; i < a.options.size(); ++i)
    if (PyUnicode_Compare(optionName(a, i), optionName(b, i)) != 0)
      return false;
  return true;
}

std::unique_ptr<CallShape> CallShape::make(const Shapes<CallShape> &others,
                                           const std::vector<Param> &params,
                                           const Arguments &args) {
  auto shape = std::make_unique<CallShape>();
  shape->keywords = Ref::to(args.keywords);
  shape->numPositional = args.numPositional;
  shape->sources.assign(params.size(), CallShape::Default);
  shape->reason = placePositional(params, *shape)
                      ? placeKeywords(params, *shape)
                      : Reason::Binding;
  shape->inOrder = true;
  for (size_t i = 0; i < params.size(); ++i) {
    if (shape->sources[i] == CallShape::Default && !params[i].fallback)
      shape->reason = Reason::Binding;
    shape->inOrder =
        shape->inOrder && shape->sources[i] == static_cast<int16_t>(i);
  }
  shape->optionsId = others.size();
  for (const auto &other : others)
    if (other->reason == Reason::Hit && shape->reason == Reason::Hit &&
        sameOptions(*other, *shape)) {
      shape->optionsId = other->optionsId;
      break;
    }
  return shape;
}

bool graft::launcher::haveSameNames(PyObject *a, PyObject *b) {
  Py_ssize_t size = a ? tupleSize(a) : 0;
  if (size != (b ? tupleSize(b) : 0))
    return false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject *mine = tupleItem(a, i), *other = tupleItem(b, i);
    if (mine != other && PyUnicode_Compare(mine, other) != 0)
      return false;
  }
  return true;
}

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
  auto first = static_cast<Py_ssize_t>(param);
  Py_ssize_t size = args.numPositional - first;
  variadic = Ref(PyTuple_New(size > 0 ? size : 0));
  if (!variadic)
    return Outcome::Failed;
  for (Py_ssize_t i = 0; i < size; ++i)
    if (PyTuple_SetItem(variadic.get(), i,
                        Ref::to(args.values[first + i]).release()) < 0)
      return Outcome::Failed;
  return Outcome::Done;
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

/// Whether Triton's cache still has *variant*, as it was: what is gone from
/// there, replaced there, or changed, is not used. Returns 1, 0, or -1 with an
/// exception set.
[[gnu::noinline]] static int lookAtVariant(Variant &variant) {
  Look look;
  Ref cached;
  look.reads(variant.kernelCache.get());
  look.reads(variant.attributes.dict.get());
  if (!lookup(variant.kernelCache.get(), variant.key.get(), &cached))
    return -1;
  if (cached.get() != variant.compiled.get())
    return 0;
  int hold = variant.attributes.hold();
  if (hold == 1)
    variant.checked.succeed(std::move(look));
  return hold;
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
  int cached = variant.checked.holds() ? 1 : lookAtVariant(variant);
  if (cached < 0)
    return Outcome::Failed;
  if (!cached) {
    table->clear();
    return call.decline(Reason::FirstLaunch);
  }
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Used globals
//===----------------------------------------------------------------------===//

/// Reads *source*, the kernel's `used_global_vals`: a dict from (name, id) to
/// (value, dict). Returns whether it is one.
static bool readUsedGlobals(PyObject *source, UsedGlobals *globals) {
  PyObject *key, *value;
  Py_ssize_t position = 0;
  if (!PyDict_CheckExact(source))
    return false;
  globals->source = Ref::to(source);
  while (PyDict_Next(source, &position, &key, &value)) {
    if (!PyTuple_CheckExact(key) || !PyTuple_CheckExact(value) ||
        tupleSize(key) != 2 || tupleSize(value) != 2 ||
        !PyDict_Check(tupleItem(value, 1)))
      return false;
    UsedGlobal global;
    global.name = Ref::to(tupleItem(key, 0));
    global.expected = Ref::to(tupleItem(value, 0));
    global.dict = Ref::to(tupleItem(value, 1));
    globals->all.push_back(std::move(global));
  }
  return true;
}

/// Whether *now* is the object that was found equal before and cannot have
/// changed. A tl.constexpr can, so its value is looked at. Returns 1, 0, or -1
/// with an exception set.
static int seenBefore(const UsedGlobal &global, PyObject *now) {
  if (now != global.seen.get())
    return 0;
  if (!global.seenValue)
    return 1;
  Ref expected = Ref::to(global.seenValue.get()), value;
  if (!getAttribute(now, names.value, &value))
    return -1;
  return value.get() == expected.get();
}

/// Remembers that *now* was found equal, if that cannot change unseen. Returns
/// false with an exception set.
static bool remember(UsedGlobal &global, PyObject *now) {
  Ref seen = Ref::to(now), value;
  if (!isImmutable(now)) {
    if (isConstexpr(now) && !getAttribute(now, names.value, &value))
      return false;
    if (!value || !isImmutable(value.get())) {
      seen = Ref();
      value = Ref();
    }
  }
  std::swap(global.seen, seen); // what was there before goes last
  std::swap(global.seenValue, value);
  return true;
}

/// Compares a global that may have another value than before.
Outcome Launch::compareGlobal(UsedGlobal &global, PyObject *now) {
  Ref differs(PyObject_RichCompare(now, global.expected.get(), Py_NE));
  int truth = differs ? PyObject_IsTrue(differs.get()) : -1;
  if (truth < 0)
    return Outcome::Failed;
  if (truth)
    return call.decline(Reason::GlobalChanged); // Triton's path says which
  return remember(global, now) ? Outcome::Done : Outcome::Failed;
}

Outcome Launch::checkGlobals() {
  // Hooks and compilations may have made another dict of them.
  Outcome outcome = self.checked.holds() ? Outcome::Done : lookAtKernel();
  if (outcome != Outcome::Done)
    return outcome;
  PyObject *source = self.usedGlobals.get();
  if (!self.globals || source != self.globals->source.get()) {
    auto fresh = Shared<UsedGlobals>::make();
    if (!readUsedGlobals(source, fresh.get()))
      return call.decline(Reason::Kernel);
    self.globals = std::move(fresh);
  }
  if (self.globals->all.empty())
    return Outcome::Done;
  Shared<UsedGlobals> globals = self.globals;
  for (UsedGlobal &global : globals->all) {
    Ref now;
    if (!lookup(global.dict.get(), global.name.get(), &now))
      return Outcome::Failed;
    if (!now)
      return call.decline(Reason::GlobalChanged);
    int seen = seenBefore(global, now.get());
    outcome = seen == 0  ? compareGlobal(global, now.get())
              : seen > 0 ? Outcome::Done
                         : Outcome::Failed;
    if (outcome == Outcome::Done && self.globals.get() != globals.get())
      outcome = call.decline(Reason::GlobalChanged);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// What was compiled in
//===----------------------------------------------------------------------===//

/// Takes *variant* from where it is kept. Returns false with an exception set.
static bool forgetVariant(Table<Variant> &table, Variant &variant) {
  PyObject *cache = variant.kernelCache.get(), *key = variant.key.get();
  Ref cached;
  table.erase(&variant);
  return lookup(cache, key, &cached) &&
         (cached.get() != variant.compiled.get() ||
          PyDict_DelItem(cache, key) == 0);
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
  if (!forgetVariant(self.tables[index]->variants, variant))
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

/// Writes an exact integer that fits a C int. Returns whether it is one.
static bool readDimension(PyObject *object, int *out) {
  if (!object || !PyLong_CheckExact(object))
    return false;
  int overflow;
  long long value = readLong(object, &overflow);
  *out = static_cast<int>(value);
  return overflow == 0 && *out == value;
}

Outcome graft::launcher::readGrid(PyObject *object, Grid *grid) {
  bool isTuple = PyTuple_CheckExact(object);
  if (!isTuple && !PyList_CheckExact(object))
    return Outcome::Declined;
  Py_ssize_t size = isTuple ? tupleSize(object) : listSize(object);
  if (size < 1)
    return Outcome::Declined;
  for (Py_ssize_t i = 0; i < 3; ++i) {
    grid->size[i] = 1;
    if (i < size &&
        !readDimension(isTuple ? tupleItem(object, i) : listItem(object, i),
                       &grid->size[i]))
      return Outcome::Declined;
  }
  return Outcome::Done;
}

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
  auto size = static_cast<Py_ssize_t>(self.params.size());
  Ref tuple(PyTuple_New(size));
  for (Py_ssize_t i = 0; tuple && i < size; ++i)
    if (PyTuple_SetItem(tuple.get(), i, Ref::to(values[i]).release()) < 0)
      return Ref();
  return tuple;
}

/// Launches with nothing but the driver if that is enough; says in *done*
/// whether it was.
Outcome Launch::launchDirectly(Variant &variant, PyObject *realGrid,
                               bool *done) {
  Grid size;
  *done = false;
  if (!variant.direct || readGrid(realGrid, &size) != Outcome::Done)
    return Outcome::Done;
  int hooks = launchHooksDoSomething(realGrid != grid || hooksCalled || asked);
  if (hooks != 0)
    return hooks < 0 ? Outcome::Failed : Outcome::Done;
  const Plan &plan = variant.plan();
  if (call.numDescriptors != 0) {
    Outcome outcome = fillDescriptors(plan, call, room->maps);
    if (outcome != Outcome::Done) // Triton's launcher meets what is odd again
      return outcome == Outcome::Failed ? outcome : Outcome::Done;
  }
  *done = true;
  CUdeviceptr scratch[2] = {0, 0};
  void **params = room->params;
  if (!convertLeaves(plan, call, device))
    return Outcome::Failed;
  gatherParams(plan, call, scratch, params);
  for (unsigned i = 0; i < call.numDescriptors; ++i)
    params[plan.maps[i].param] = &room->maps[i];
  return launchKernel(plan, variant.config, size, stream, params, device)
             ? Outcome::Done
             : Outcome::Failed;
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
    Ref streamNumber(
        PyLong_FromUnsignedLongLong(reinterpret_cast<uintptr_t>(stream)));
    if (!arguments || !streamNumber)
      return Outcome::Failed;
    if (!callbacks.finish(variant.compiled.get(), realGrid, streamNumber.get(),
                          arguments.get()))
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

/// Launches a kernel that has a dispatcher, *target*.
static PyObject *launchFast(PyObject *target, PyObject *kernel, PyObject *grid,
                            const Arguments &args) {
  auto &dispatcher = *reinterpret_cast<Dispatcher *>(target);
  if (!dispatcher.parts) // the collector has been here
    return runTritonsWay(kernel, grid, args);
  Launch launch(*dispatcher.parts, kernel, grid, args);
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

//===----------------------------------------------------------------------===//
// The Python types
//===----------------------------------------------------------------------===//

bool graft::launcher::readParam(PyObject *item, Param *param) {
  PyObject *name, *fallback;
  int rule, align, splitSign, keywordOnly, variadic;
  if (!PyArg_ParseTuple(item, "UOipppp", &name, &fallback, &rule, &align,
                        &splitSign, &keywordOnly, &variadic))
    return false;
  PyObject *interned = Ref::to(name).release();
  PyUnicode_InternInPlace(&interned);
  param->name = Ref(interned);
  // The default comes in a tuple of one, none in an empty one.
  if (!PyTuple_Check(fallback)) {
    PyErr_SetString(PyExc_TypeError, "a default comes in a tuple");
    return false;
  }
  if (tupleSize(fallback) == 1)
    param->fallback = Ref::to(tupleItem(fallback, 0));
  param->rule = static_cast<Rule>(rule);
  param->align = align != 0;
  param->splitSign = splitSign != 0;
  param->keywordOnly = keywordOnly != 0;
  param->variadic = variadic != 0;
  return true;
}

/// `Dispatcher(own_run, caches, params)`: (the kernel's dict, the dicts of its
/// classes down to the one that has `run`, that `run`), its device_caches, and
/// its parameters.
static PyObject *newDispatcher(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *ownRun, *caches, *params;
  if (!PyArg_ParseTuple(args, "OOO!", &ownRun, &caches, &PyTuple_Type, &params))
    return nullptr;
  if (!PyDict_Check(caches)) {
    PyErr_SetString(PyExc_TypeError, "device_caches is no dict");
    return nullptr;
  }
  Ref object = allocateObject<Dispatcher>(type);
  if (!object)
    return nullptr;
  auto *parts = reinterpret_cast<Dispatcher *>(object.get())->parts;
  parts->caches = Ref::to(caches);
  if (!readOwnRun(ownRun, &parts->ownRun))
    return nullptr;
  for (Py_ssize_t i = 0; i < tupleSize(params); ++i) {
    parts->params.emplace_back();
    if (!readParam(tupleItem(params, i), &parts->params.back()))
      return nullptr;
  }
  return object.release();
}

static int traverseDispatcher(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  auto *parts = reinterpret_cast<Dispatcher *>(object)->parts;
  if (!parts)
    return 0;
  if (int stop = parts->ownRun.traverse(visit, arg))
    return stop;
  Py_VISIT(parts->caches.get());
  for (const Param &param : parts->params)
    Py_VISIT(param.fallback.get());
  Py_VISIT(parts->preRunHooks.get());
  Py_VISIT(parts->usedGlobals.get());
  if (int stop = parts->checked.traverse(visit, arg))
    return stop;
  if (const UsedGlobals *globals = parts->globals.get()) {
    Py_VISIT(globals->source.get());
    for (const UsedGlobal &global : globals->all) {
      Py_VISIT(global.dict.get());
      Py_VISIT(global.expected.get());
      Py_VISIT(global.seen.get());
      Py_VISIT(global.seenValue.get());
    }
  }
  for (const auto &table : parts->tables) {
    if (!table)
      continue;
    Py_VISIT(table->owner.get());
    if (int stop = table->checked.traverse(visit, arg))
      return stop;
    if (int stop = table->variants.traverse(visit, arg))
      return stop;
  }
  return 0;
}

/// `variants()`: how many variants the fast way knows, over all devices.
static PyObject *numVariants(PyObject *object, PyObject *) {
  size_t total = 0;
  if (auto *parts = reinterpret_cast<Dispatcher *>(object)->parts)
    for (const auto &table : parts->tables)
      total += table ? table->variants.size() : 0;
  return PyLong_FromSize_t(total);
}

static PyMethodDef dispatcherMethods[] = {
    {"variants", numVariants, METH_NOARGS,
     "How many variants the fast way knows."},
    {nullptr, nullptr, 0, nullptr}};

static PyType_Slot dispatcherSlots[] = {
    {Py_tp_new, reinterpret_cast<void *>(newDispatcher)},
    {Py_tp_dealloc, reinterpret_cast<void *>(deallocTarget<Dispatcher>)},
    {Py_tp_traverse, reinterpret_cast<void *>(traverseDispatcher)},
    {Py_tp_clear, reinterpret_cast<void *>(clearObject<Dispatcher>)},
    {Py_tp_methods, dispatcherMethods},
    {Py_tp_doc, const_cast<char *>("Launches one kernel.")},
    {0, nullptr}};

static PyType_Spec dispatcherSpec = {
    "triton.backends.graft.launch._launcher.Dispatcher", sizeof(Dispatcher), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, dispatcherSlots};

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

bool graft::launcher::addDispatcher(PyObject *module) {
  if (!(forgetFunction = PyCFunction_New(&forgetMethod, nullptr)))
    return false;
  Ref type(PyType_FromModuleAndSpec(module, &dispatcherSpec, nullptr));
  if (!type || PyModule_AddObjectRef(module, "Dispatcher", type.get()) < 0)
    return false;
  addTarget(reinterpret_cast<PyTypeObject *>(type.release()), launchFast);
  return PyModule_AddFunctions(module, methods) == 0;
}
