//===- Tuning.cpp - Autotuner and Heuristics ------------------------------===//
//
// SPDX-License-Identifier: MIT
//
// Both wrap a kernel and add keyword arguments to its launches. An autotuner's
// are those of the configuration that it chose before for arguments of this
// kind; a launch whose kind is new goes Triton's own way, which chooses.
// Heuristics are functions of the user's, called for every launch.
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Dispatcher.h"
#include "Launcher.h"

using namespace graft::launcher;

/// The Python side: has Triton's own path tune. Owned; null before
/// `set_tune_callback`.
static PyObject *tuneCallback;

//===----------------------------------------------------------------------===//
// Adding keywords to a launch
//===----------------------------------------------------------------------===//

/// Whether *more* keyword arguments fit beside *args*.
static bool fits(const Arguments &args, size_t more) {
  return static_cast<size_t>(args.numPositional + args.numKeywords()) + more <=
         MaxLeaves;
}

/// The names of *keywords*, which may be null, followed by *more*. Returns a
/// new reference, or null with an exception set.
static PyObject *joinNames(PyObject *keywords,
                           const std::vector<PyObject *> &more) {
  Py_ssize_t size = keywords ? tupleSize(keywords) : 0;
  Ref joined(PyTuple_New(size + static_cast<Py_ssize_t>(more.size())));
  if (!joined)
    return nullptr;
  for (Py_ssize_t i = 0; i < tupleSize(joined.get()); ++i) {
    PyObject *name =
        i < size ? tupleItem(keywords, i) : more[static_cast<size_t>(i - size)];
    if (PyTuple_SetItem(joined.get(), i, Ref::to(name).release()) < 0)
      return nullptr;
  }
  return joined.release();
}

/// A dict of the arguments by name, as Triton gives it to hooks and heuristics:
/// by position, then grid and warmup, then by keyword.
static Ref argumentsByName(PyObject *argNames, PyObject *grid,
                           const Arguments &args) {
  Ref dict(PyDict_New());
  Py_ssize_t positional = tupleSize(argNames);
  if (args.numPositional < positional)
    positional = args.numPositional;
  for (Py_ssize_t i = 0; dict && i < positional; ++i)
    if (PyDict_SetItem(dict.get(), tupleItem(argNames, i), args.values[i]) < 0)
      return Ref();
  if (!dict || PyDict_SetItem(dict.get(), names.grid, grid) < 0 ||
      PyDict_SetItem(dict.get(), names.warmup, Py_False) < 0)
    return Ref();
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i)
    if (PyDict_SetItem(dict.get(), tupleItem(args.keywords, i),
                       args.values[args.numPositional + i]) < 0)
      return Ref();
  return dict;
}

/// The position of *name* in a tuple of names or null, or -1.
static Py_ssize_t positionOf(PyObject *tuple, PyObject *name) {
  Py_ssize_t size = tuple ? tupleSize(tuple) : 0;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject *candidate = tupleItem(tuple, i);
    if (candidate == name || PyUnicode_Compare(candidate, name) == 0)
      return i;
  }
  return -1;
}

//===----------------------------------------------------------------------===//
// Autotuner
//===----------------------------------------------------------------------===//

namespace {

/// A configuration that was chosen for launches of one kind.
struct Tuned {
  unsigned references = 1;
  Ref config, configAttributes;
  Ref key;   ///< where the autotuner's cache has it; null: it has one for all
  Ref names; ///< the keywords of the launch and of the configuration
  std::vector<Ref> values; ///< of the configuration

  int traverse(visitproc visit, void *arg) const {
    Py_VISIT(config.get());
    Py_VISIT(configAttributes.get());
    Py_VISIT(key.get());
    for (const Ref &value : values)
      Py_VISIT(value.get());
    return 0;
  }
};

/// One way of writing the arguments of an autotuner: where the arguments are
/// that its key is made of.
struct TunedShape {
  Ref keywords;
  Py_ssize_t numPositional;
  bool valid;             ///< whether no argument is given twice
  std::vector<int> keys;  ///< arguments whose values are part of the key
  std::vector<int> named; ///< arguments whose dtypes are
};

/// The Python type `Tuner`: launches what an Autotuner wraps.
struct Tuner {
  PyObject_HEAD struct Parts {
    OwnRun ownRun;
    Ref argNames, keys; ///< tuples
    std::vector<std::unique_ptr<TunedShape>> shapes;
    Table<Tuned> table;
  } *parts;
};

struct TuningNames {
  PyObject *fn, *configs, *cache, *preHook, *values;
};

} // namespace

static TuningNames tuning;

/// Whether *keywords* name what the subscript gives to `run`: an error of
/// Python's.
static bool namesRunsOwn(PyObject *keywords) {
  return positionOf(keywords, names.grid) >= 0 ||
         positionOf(keywords, names.warmup) >= 0;
}

static std::unique_ptr<TunedShape> makeTunedShape(const Tuner::Parts &self,
                                                  const Arguments &args) {
  auto shape = std::make_unique<TunedShape>();
  shape->keywords = Ref::to(args.keywords);
  shape->numPositional = args.numPositional;
  Py_ssize_t numNames = tupleSize(self.argNames.get());
  shape->valid = args.numPositional <= numNames && !namesRunsOwn(args.keywords);
  for (Py_ssize_t i = 0; i < args.numPositional && i < numNames; ++i)
    shape->named.push_back(static_cast<int>(i));
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i) {
    Py_ssize_t position =
        positionOf(self.argNames.get(), tupleItem(args.keywords, i));
    if (position >= 0 && position < args.numPositional)
      shape->valid = false;
    if (position >= 0)
      shape->named.push_back(static_cast<int>(args.numPositional + i));
  }
  for (Py_ssize_t i = 0; i < tupleSize(self.keys.get()); ++i) {
    PyObject *key = tupleItem(self.keys.get(), i);
    Py_ssize_t position = positionOf(self.argNames.get(), key);
    Py_ssize_t keyword = positionOf(args.keywords, key);
    if (position >= 0 && position < args.numPositional)
      shape->keys.push_back(static_cast<int>(position));
    else if (keyword >= 0)
      shape->keys.push_back(static_cast<int>(args.numPositional + keyword));
  }
  return shape;
}

/// Finds the shape of this call, or makes it; writes its number. Null if there
/// are too many.
static const TunedShape *tunedShapeOf(Tuner::Parts &self, const Arguments &args,
                                      size_t *number) {
  for (*number = 0; *number < self.shapes.size(); ++*number) {
    const TunedShape &shape = *self.shapes[*number];
    if (shape.numPositional == args.numPositional &&
        sameNames(shape.keywords.get(), args.keywords))
      return &shape;
  }
  if (self.shapes.size() >= MaxShapes)
    return nullptr;
  self.shapes.push_back(makeTunedShape(self, args));
  return self.shapes.back().get();
}

/// Stands for an argument without a dtype; no dtype has this number.
constexpr uint64_t NoDtype = UINT64_MAX;

/// Appends what the key has of an argument's dtype. One that only Python can
/// find is declined.
static Outcome readDtype(Call &call, PyObject *value) {
  if (value == Py_None || PyLong_CheckExact(value) || PyBool_Check(value) ||
      PyFloat_CheckExact(value) || PyUnicode_CheckExact(value)) {
    call.word(NoDtype);
    return Outcome::Done;
  }
  Array array;
  Outcome outcome = readArray(value, &array);
  if (outcome != Outcome::Done)
    return outcome == Outcome::Failed ? outcome
                                      : call.decline(Reason::ArgumentType);
  call.word(array.dtype);
  return Outcome::Done;
}

/// Appends the words of the tuning key.
static Outcome readKey(Call &call, const TunedShape &shape,
                       const Arguments &args) {
  for (int index : shape.keys) {
    PyObject *value = args.values[index];
    if (!isImmutable(value))
      return call.decline(Reason::TuningKey);
    Outcome outcome = readConstant(call, value);
    if (outcome != Outcome::Done)
      return outcome;
  }
  for (int index : shape.named) {
    if (!call.fits(1))
      return call.decline(Reason::TooMany);
    Outcome outcome = readDtype(call, args.values[index]);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

/// Whether the autotuner would still choose *tuned*: its cache may have been
/// emptied, or filled by hand.
static bool isCurrent(const Tuner::Parts &self, const Tuned &tuned) {
  PyObject *attributes = self.ownRun.attributes.get();
  PyObject *configs = lookup(attributes, tuning.configs);
  bool isList = configs && PyList_CheckExact(configs);
  if (!isList && !(configs && PyTuple_CheckExact(configs)))
    return false;
  Py_ssize_t number = isList ? listSize(configs) : tupleSize(configs);
  if (!tuned.key)
    return number == 1 &&
           (isList ? listItem(configs, 0) : tupleItem(configs, 0)) ==
               tuned.config.get();
  if (number < 2) // without a choice, the key is not looked at
    return false;
  PyObject *cache = lookup(attributes, tuning.cache);
  if (!cache || !PyDict_CheckExact(cache))
    return false;
  PyObject *config = PyDict_GetItemWithError(cache, tuned.key.get());
  PyErr_Clear();
  return config == tuned.config.get();
}

/// Shows the configuration as `best_config` and calls its hook. Returns false
/// with an exception set.
static bool announce(const Tuner::Parts &self, const Tuned &tuned,
                     PyObject *tuner, PyObject *grid, const Arguments &args) {
  if (lookup(self.ownRun.attributes.get(), names.bestConfig) !=
          tuned.config.get() &&
      PyObject_SetAttr(tuner, names.bestConfig, tuned.config.get()) < 0)
    return false;
  Ref hook = Ref::to(lookup(tuned.configAttributes.get(), tuning.preHook));
  if (!hook || hook.get() == Py_None)
    return true;
  Ref all = argumentsByName(self.argNames.get(), grid, args);
  Py_ssize_t first = args.numKeywords();
  for (size_t i = 0; all && i < tuned.values.size(); ++i)
    if (PyDict_SetItem(
            all.get(),
            tupleItem(tuned.names.get(), first + static_cast<Py_ssize_t>(i)),
            tuned.values[i].get()) < 0)
      return false;
  Ref result(all ? callOne(hook.get(), all.get()) : nullptr);
  return bool(result);
}

static PyObject *launchTuned(const Tuner::Parts &self, Tuned &found,
                             PyObject *tuner, PyObject *grid,
                             const Arguments &args) {
  Table<Tuned>::Hold tuned(&found);
  count(Reason::Tuned);
  if (!announce(self, *tuned, tuner, grid, args))
    return nullptr;
  Ref inner = Ref::to(lookup(self.ownRun.attributes.get(), tuning.fn));
  if (!inner) {
    PyErr_SetString(PyExc_AttributeError, "the autotuner has lost its fn");
    return nullptr;
  }
  PyObject *all[MaxLeaves];
  Py_ssize_t given = args.numPositional + args.numKeywords();
  for (Py_ssize_t i = 0; i < given; ++i)
    all[i] = args.values[i];
  for (size_t i = 0; i < tuned->values.size(); ++i)
    all[given + static_cast<Py_ssize_t>(i)] = tuned->values[i].get();
  return launchAny(inner.get(), grid,
                   {all, args.numPositional, tuned->names.get()});
}

/// Takes the configuration that was chosen. *facts* is (config, its dict, key
/// or None, keyword names, values). Returns false with an exception set.
static bool readTuned(PyObject *facts, const Arguments &args, Tuned *tuned) {
  PyObject *config, *attributes, *key, *more, *values;
  if (!PyArg_ParseTuple(facts, "OO!OO!O!", &config, &PyDict_Type, &attributes,
                        &key, &PyTuple_Type, &more, &PyTuple_Type, &values))
    return false;
  tuned->config = Ref::to(config);
  tuned->configAttributes = Ref::to(attributes);
  if (key != Py_None)
    tuned->key = Ref::to(key);
  std::vector<PyObject *> keywords;
  for (Py_ssize_t i = 0; i < tupleSize(more); ++i) {
    keywords.push_back(tupleItem(more, i));
    tuned->values.push_back(Ref::to(tupleItem(values, i)));
  }
  tuned->names = Ref(joinNames(args.keywords, keywords));
  return bool(tuned->names);
}

/// Has Triton's own path tune and launch, and remembers what it chose.
static PyObject *tune(Tuner::Parts &self, const Call &call, PyObject *tuner,
                      PyObject *grid, const Arguments &args) {
  Ref positional, keywords;
  if (!collect(args, &positional, &keywords))
    return nullptr;
  Ref answer(PyObject_CallFunctionObjArgs(
      tuneCallback, tuner, grid, positional.get(), keywords.get(), nullptr));
  PyObject *result, *facts;
  if (!answer || !PyArg_ParseTuple(answer.get(), "OO", &result, &facts))
    return nullptr;
  count(Reason::TuningKey);
  if (facts != Py_None) {
    auto tuned = std::make_unique<Tuned>();
    if (!readTuned(facts, args, tuned.get()))
      return nullptr;
    self.table.insert(call, tuned.release());
  }
  return Ref::to(result).release();
}

/// Launches what an autotuner wraps; *target* is its `Tuner`.
static PyObject *launchTuner(PyObject *target, PyObject *tuner, PyObject *grid,
                             const Arguments &args) {
  Ref held = Ref::to(target);
  Tuner::Parts *self = reinterpret_cast<Tuner *>(target)->parts;
  if (!self)
    return runTritonsWay(tuner, grid, args);
  if (PyObject *inner = lookup(self->ownRun.attributes.get(), tuning.fn))
    warmUp(inner);
  Call call;
  size_t number = 0;
  Tuned *tuned = nullptr;
  Outcome outcome = Outcome::Done;
  const TunedShape *shape = tunedShapeOf(*self, args, &number);
  if (!self->ownRun.holds())
    outcome = call.decline(Reason::RunReplaced);
  else if (!shape)
    outcome = call.decline(Reason::TooMany);
  else if (!shape->valid)
    outcome = call.decline(Reason::Binding);
  if (outcome == Outcome::Done) {
    call.word(number);
    outcome = readKey(call, *shape, args);
  }
  if (outcome == Outcome::Done && !self->table.find(call, &tuned))
    outcome = Outcome::Failed;
  if (outcome == Outcome::Failed)
    return nullptr;
  if (outcome == Outcome::Declined) {
    count(call.reason);
    return runTritonsWay(tuner, grid, args);
  }
  if (tuned && !fits(args, tuned->values.size()))
    return runTritonsWay(tuner, grid, args);
  if (tuned && isCurrent(*self, *tuned))
    return launchTuned(*self, *tuned, tuner, grid, args);
  if (tuned)
    self->table.clear();
  return tune(*self, call, tuner, grid, args);
}

//===----------------------------------------------------------------------===//
// Heuristics
//===----------------------------------------------------------------------===//

namespace {

/// The keywords of a launch, and where each heuristic's value goes among them.
struct HeuristicShape {
  Ref keywords;
  std::vector<Ref> heuristics; ///< the names of the heuristics' values
  Ref names;                   ///< all keywords
  std::vector<Py_ssize_t> positions;
};

/// What a heuristic is called and what it gave.
struct HeuristicValue {
  Ref name, value;
};

/// More heuristics than this go Triton's own way.
constexpr size_t MaxHeuristics = 16;

/// What all heuristics gave, in their order.
struct HeuristicValues {
  HeuristicValue items[MaxHeuristics];
  size_t number = 0;
};

/// The Python type `Heuristic`: launches what a Heuristics wraps.
struct Heuristic {
  PyObject_HEAD struct Parts {
    OwnRun ownRun;
    Ref argNames; ///< a tuple
    std::vector<std::unique_ptr<HeuristicShape>> shapes;
  } *parts;
};

} // namespace

static std::unique_ptr<HeuristicShape>
makeHeuristicShape(const HeuristicValues &values, PyObject *keywords) {
  auto shape = std::make_unique<HeuristicShape>();
  shape->keywords = Ref::to(keywords);
  std::vector<PyObject *> more;
  Py_ssize_t given = keywords ? tupleSize(keywords) : 0;
  for (size_t i = 0; i < values.number; ++i) {
    const HeuristicValue &value = values.items[i];
    Py_ssize_t position = positionOf(keywords, value.name.get());
    if (position < 0) {
      position = given + static_cast<Py_ssize_t>(more.size());
      more.push_back(value.name.get());
    }
    shape->positions.push_back(position);
    shape->heuristics.push_back(Ref::to(value.name.get()));
  }
  shape->names = Ref(joinNames(keywords, more));
  return shape;
}

static bool isShapeOf(const HeuristicShape &shape,
                      const HeuristicValues &values, PyObject *keywords) {
  if (shape.heuristics.size() != values.number ||
      !sameNames(shape.keywords.get(), keywords))
    return false;
  for (size_t i = 0; i < values.number; ++i)
    if (shape.heuristics[i].get() != values.items[i].name.get())
      return false;
  return true;
}

/// Finds the shape of this call, or makes it. Null with an exception set.
static const HeuristicShape *heuristicShapeOf(Heuristic::Parts &self,
                                              const HeuristicValues &values,
                                              PyObject *keywords) {
  for (auto &shape : self.shapes)
    if (isShapeOf(*shape, values, keywords))
      return shape.get();
  if (self.shapes.size() >= MaxShapes)
    self.shapes.clear();
  auto shape = makeHeuristicShape(values, keywords);
  if (!shape->names)
    return nullptr;
  self.shapes.push_back(std::move(shape));
  return self.shapes.back().get();
}

/// Calls every heuristic with all arguments and what those before it gave; adds
/// what they gave to *values*. Returns false with an exception set.
static bool callHeuristics(PyObject *heuristics, PyObject *argNames,
                           PyObject *grid, const Arguments &args,
                           HeuristicValues &values) {
  Ref base = argumentsByName(argNames, grid, args);
  PyObject *name, *function;
  Py_ssize_t position = 0, size = PyDict_Size(heuristics);
  while (base && PyDict_Next(heuristics, &position, &name, &function)) {
    Ref heldName = Ref::to(name), held = Ref::to(function);
    bool isLast = static_cast<Py_ssize_t>(values.number) + 1 == size;
    // A dict of its own for each, as it may be kept or changed. Nobody uses the
    // first one after the last heuristic.
    Ref own = isLast ? Ref::to(base.get()) : Ref(PyDict_Copy(base.get()));
    Ref value(own ? callOne(held.get(), own.get()) : nullptr);
    if (!value || (!isLast &&
                   PyDict_SetItem(base.get(), heldName.get(), value.get()) < 0))
      return false;
    if (PyDict_Size(heuristics) != size) {
      PyErr_SetString(PyExc_RuntimeError,
                      "dictionary changed size during iteration");
      return false;
    }
    values.items[values.number++] = {std::move(heldName), std::move(value)};
  }
  return bool(base);
}

/// Launches what a Heuristics wraps; *target* is its `Heuristic`.
static PyObject *launchHeuristic(PyObject *target, PyObject *kernel,
                                 PyObject *grid, const Arguments &args) {
  Ref held = Ref::to(target);
  Heuristic::Parts *self = reinterpret_cast<Heuristic *>(target)->parts;
  if (!self)
    return runTritonsWay(kernel, grid, args);
  PyObject *attributes = self->ownRun.attributes.get();
  Ref heuristics = Ref::to(lookup(attributes, tuning.values));
  Ref inner = Ref::to(lookup(attributes, tuning.fn));
  bool usual =
      heuristics && inner && PyDict_CheckExact(heuristics.get()) &&
      !namesRunsOwn(args.keywords) &&
      PyDict_Size(heuristics.get()) <= static_cast<Py_ssize_t>(MaxHeuristics) &&
      fits(args, static_cast<size_t>(PyDict_Size(heuristics.get())));
  if (!self->ownRun.holds() || !usual) {
    count(usual ? Reason::RunReplaced : Reason::Kernel);
    return runTritonsWay(kernel, grid, args);
  }
  warmUp(inner.get());
  HeuristicValues values;
  if (!callHeuristics(heuristics.get(), self->argNames.get(), grid, args,
                      values))
    return nullptr;
  const HeuristicShape *shape = heuristicShapeOf(*self, values, args.keywords);
  if (!shape)
    return nullptr;
  Ref all = Ref::to(shape->names.get());
  PyObject *arguments[MaxLeaves];
  for (Py_ssize_t i = 0; i < args.numPositional + args.numKeywords(); ++i)
    arguments[i] = args.values[i];
  for (size_t i = 0; i < values.number; ++i)
    arguments[args.numPositional + shape->positions[i]] =
        values.items[i].value.get();
  return launchAny(inner.get(), grid,
                   {arguments, args.numPositional, all.get()});
}

//===----------------------------------------------------------------------===//
// The Python types
//===----------------------------------------------------------------------===//

/// `Tuner(own_run, arg_names, keys)`: for an Autotuner; own_run as `Dispatcher`
/// takes it, and two tuples of names.
static PyObject *newTuner(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *ownRun, *argNames, *keys;
  if (!PyArg_ParseTuple(args, "OO!O!", &ownRun, &PyTuple_Type, &argNames,
                        &PyTuple_Type, &keys))
    return nullptr;
  Ref object = allocateObject<Tuner>(type);
  if (!object)
    return nullptr;
  Tuner::Parts &parts = *reinterpret_cast<Tuner *>(object.get())->parts;
  parts.argNames = Ref::to(argNames);
  parts.keys = Ref::to(keys);
  return readOwnRun(ownRun, &parts.ownRun) ? object.release() : nullptr;
}

static int traverseTuner(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  Tuner::Parts *parts = reinterpret_cast<Tuner *>(object)->parts;
  if (!parts)
    return 0;
  if (int stop = parts->ownRun.traverse(visit, arg))
    return stop;
  return parts->table.traverse(visit, arg);
}

/// `Heuristic(own_run, arg_names)`: for a Heuristics.
static PyObject *newHeuristic(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *ownRun, *argNames;
  if (!PyArg_ParseTuple(args, "OO!", &ownRun, &PyTuple_Type, &argNames))
    return nullptr;
  Ref object = allocateObject<Heuristic>(type);
  if (!object)
    return nullptr;
  Heuristic::Parts &parts = *reinterpret_cast<Heuristic *>(object.get())->parts;
  parts.argNames = Ref::to(argNames);
  return readOwnRun(ownRun, &parts.ownRun) ? object.release() : nullptr;
}

static int traverseHeuristic(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  Heuristic::Parts *parts = reinterpret_cast<Heuristic *>(object)->parts;
  if (!parts)
    return 0;
  return parts->ownRun.traverse(visit, arg);
}

template <typename Object>
static PyType_Slot *slotsOf(newfunc create, traverseproc traverse,
                            const char *doc) {
  static PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void *>(create)},
      {Py_tp_dealloc, reinterpret_cast<void *>(deallocTarget<Object>)},
      {Py_tp_traverse, reinterpret_cast<void *>(traverse)},
      {Py_tp_clear, reinterpret_cast<void *>(clearObject<Object>)},
      {Py_tp_doc, const_cast<char *>(doc)},
      {0, nullptr}};
  return slots;
}

/// Adds a type called *name* that launches by *launch*. Returns false with an
/// exception set.
static bool addTargetType(PyObject *module, const char *name, PyType_Spec spec,
                          LaunchFunction launch) {
  Ref type(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (!type || PyModule_AddObjectRef(module, name, type.get()) < 0)
    return false;
  addTarget(reinterpret_cast<PyTypeObject *>(type.release()), launch);
  return true;
}

/// `set_tune_callback(tune)`: the Python side of tuning.
static PyObject *setTuneCallback(PyObject *, PyObject *callback) {
  Ref old(std::exchange(tuneCallback, Ref::to(callback).release()));
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"set_tune_callback", setTuneCallback, METH_O,
                                 "Sets the Python side of tuning."},
                                {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addTuning(PyObject *module) {
  if (!internNames({{&tuning.fn, "fn"},
                    {&tuning.configs, "configs"},
                    {&tuning.cache, "cache"},
                    {&tuning.preHook, "pre_hook"},
                    {&tuning.values, "values"}}))
    return false;
  constexpr unsigned flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
  return addTargetType(module, "Tuner",
                       {"triton.backends.graft._launcher.Tuner", sizeof(Tuner),
                        0, flags,
                        slotsOf<Tuner>(newTuner, traverseTuner,
                                       "Launches what an Autotuner wraps.")},
                       launchTuner) &&
         addTargetType(
             module, "Heuristic",
             {"triton.backends.graft._launcher.Heuristic", sizeof(Heuristic), 0,
              flags,
              slotsOf<Heuristic>(newHeuristic, traverseHeuristic,
                                 "Launches what a Heuristics wraps.")},
             launchHeuristic) &&
         PyModule_AddFunctions(module, methods) == 0;
}
