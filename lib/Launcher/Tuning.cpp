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
#include "Callbacks.h"
#include "Changes.h"
#include "Constants.h"
#include "Errors.h"
#include "Given.h"
#include "KnownKernels.h"
#include "Launcher.h"
#include "Names.h"
#include "OwnRun.h"
#include "Parts.h"
#include "Room.h"
#include "Runtime.h"
#include "Shapes.h"
#include "Shared.h"
#include "Table.h"

using namespace graft::launcher;

namespace {

/// The items of a list or a tuple that others may change at any time.
class Items {
public:
  explicit Items(PyObject *sequence)
      : sequence(sequence), isTuple(PyTuple_CheckExact(sequence)) {}
  static bool isKnown(PyObject *object) {
    return object && (PyTuple_CheckExact(object) || PyList_CheckExact(object));
  }
  Py_ssize_t size() const {
    return isTuple ? tupleSize(sequence) : listSize(sequence);
  }
  Ref operator[](Py_ssize_t index) const { return Ref::to(at(index)); }
  /// Whether they are the same objects as those of a *tuple*.
  bool areThoseOf(PyObject *tuple) const {
    Py_ssize_t number = size();
    if (number != tupleSize(tuple))
      return false;
    for (Py_ssize_t i = 0; i < number; ++i)
      if (at(i) != tupleItem(tuple, i))
        return false;
    return true;
  }
  bool begins(PyObject *object) const { return at(0) == object; }

private:
  PyObject *at(Py_ssize_t index) const {
    return isTuple ? tupleItem(sequence, index) : listItem(sequence, index);
  }
  PyObject *sequence;
  bool isTuple;
};

} // namespace

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
static Ref argumentsByName(Items argNames, PyObject *grid,
                           const Arguments &args) {
  Ref dict(PyDict_New());
  for (Py_ssize_t i = 0; dict && i < args.numPositional && i < argNames.size();
       ++i)
    if (PyDict_SetItem(dict.get(), argNames[i].get(), args.values[i]) < 0)
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
  Ref config, attributes, kwargs, configClass; ///< it, and its dicts
  Ref key;   ///< where the autotuner's cache has it; null: it has one for all
  Ref cache; ///< that cache
  Ref names; ///< the keywords of the launch and of the configuration
  std::vector<Ref> values; ///< of the configuration
  /// Whether the cache has the configuration, and it has these values.
  CheckedState checked;

  int traverse(visitproc visit, void *arg) const {
    for (const Ref *object : {&config, &attributes, &kwargs, &key, &cache})
      Py_VISIT(object->get());
    for (const Ref &value : values)
      Py_VISIT(value.get());
    return checked.traverse(visit, arg);
  }
};

/// One way of writing the arguments of an autotuner: where the arguments are
/// that its key is made of.
struct TunedShape {
  Ref keywords;
  Py_ssize_t numPositional;
  size_t number;          ///< another one for each
  bool valid;             ///< whether no argument is given twice
  std::vector<int> keys;  ///< arguments whose values are part of the key
  std::vector<int> named; ///< arguments whose dtypes are

  bool isOf(PyObject *, PyObject *, const Arguments &args) const {
    return numPositional == args.numPositional &&
           sameNames(keywords.get(), args.keywords);
  }
  static std::unique_ptr<TunedShape> make(const Shapes<TunedShape> &others,
                                          PyObject *argNames,
                                          PyObject *keyNames,
                                          const Arguments &args);
};

/// What was chosen by an autotuner as long as it has the same names. Reading
/// arguments runs code that may change these, so who launches holds them.
struct Choices {
  Ref argNames, keys; ///< tuples
  Shapes<TunedShape> shapes;
  Table<Tuned> table;
};

/// The Python type `Tuner`: launches what an Autotuner wraps.
struct Tuner {
  PyObject_HEAD struct Parts {
    OwnRun ownRun;
    CheckedState checked; ///< whether *ownRun* and what follows still hold
    Ref inner, configs, cache, keys, argNames; ///< the autotuner's attributes

    Shared<Choices> choices;
  } *parts;
};

struct TuningNames {
  PyObject *fn, *configs, *cache, *preHook, *values, *keys, *argNames;
};

} // namespace

static TuningNames tuning;

/// Whether *keywords* name what the subscript gives to `run`: an error of
/// Python's.
static bool namesRunsOwn(PyObject *keywords) {
  return positionOf(keywords, names.grid) >= 0 ||
         positionOf(keywords, names.warmup) >= 0;
}

std::unique_ptr<TunedShape> TunedShape::make(const Shapes<TunedShape> &others,
                                             PyObject *argNames,
                                             PyObject *keyNames,
                                             const Arguments &args) {
  auto shape = std::make_unique<TunedShape>();
  shape->keywords = Ref::to(args.keywords);
  shape->numPositional = args.numPositional;
  shape->number = others.size();
  Py_ssize_t numNames = tupleSize(argNames);
  shape->valid = args.numPositional <= numNames && !namesRunsOwn(args.keywords);
  for (Py_ssize_t i = 0; i < args.numPositional && i < numNames; ++i)
    shape->named.push_back(static_cast<int>(i));
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i) {
    Py_ssize_t position = positionOf(argNames, tupleItem(args.keywords, i));
    if (position >= 0 && position < args.numPositional)
      shape->valid = false;
    if (position >= 0)
      shape->named.push_back(static_cast<int>(args.numPositional + i));
  }
  for (Py_ssize_t i = 0; i < tupleSize(keyNames); ++i) {
    PyObject *key = tupleItem(keyNames, i);
    Py_ssize_t position = positionOf(argNames, key);
    Py_ssize_t keyword = positionOf(args.keywords, key);
    if (position >= 0 && position < args.numPositional)
      shape->keys.push_back(static_cast<int>(position));
    else if (keyword >= 0)
      shape->keys.push_back(static_cast<int>(args.numPositional + keyword));
  }
  return shape;
}

/// Stands for an argument without a dtype; no dtype has this number.
constexpr uint64_t NoDtype = UINT64_MAX;

/// Appends what the key has of an argument's dtype. One that only Python can
/// find is declined.
static Outcome readKeyDtype(Call &call, PyObject *value) {
  if (value == Py_None || PyLong_CheckExact(value) || PyBool_Check(value) ||
      PyFloat_CheckExact(value) || PyUnicode_CheckExact(value)) {
    call.word(NoDtype);
    return Outcome::Done;
  }
  Array array;
  Outcome outcome = readArray(value, &array);
  if (outcome == Outcome::Failed)
    return outcome;
  if (outcome == Outcome::Done) {
    call.word(array.dtype);
    return Outcome::Done;
  }
  Ref dtype;
  if (descriptorClass(Py_TYPE(value)) == DescriptorClass::None)
    return call.decline(Reason::ArgumentType);
  if (!getAttribute(value, names.dtype, &dtype))
    return Outcome::Failed;
  if (dtype) // somebody has given it one
    return call.decline(Reason::ArgumentType);
  call.word(NoDtype);
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
    Outcome outcome = readKeyDtype(call, args.values[index]);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

/// Looks at the attributes of the autotuner that a launch depends on.
[[gnu::cold, gnu::noinline]] static Outcome lookAtTuner(Tuner::Parts &self,
                                                        Call &call) {
  Look look;
  Ref inner, configs, cache, keys, argNames;
  PyObject *attributes = self.ownRun.attributes.get();
  int own = self.ownRun.holds(look);
  if (own == 0)
    return call.decline(Reason::RunReplaced);
  if (own < 0 || !lookup(attributes, tuning.fn, &inner) ||
      !lookup(attributes, tuning.configs, &configs) ||
      !lookup(attributes, tuning.cache, &cache) ||
      !lookup(attributes, tuning.keys, &keys) ||
      !lookup(attributes, tuning.argNames, &argNames))
    return Outcome::Failed;
  if (!inner || !cache || !PyDict_CheckExact(cache.get()) ||
      !Items::isKnown(configs.get()) || !Items::isKnown(keys.get()) ||
      !Items::isKnown(argNames.get()))
    return call.decline(Reason::Kernel);
  std::swap(self.inner, inner);
  std::swap(self.configs, configs);
  std::swap(self.cache, cache);
  std::swap(self.keys, keys);
  std::swap(self.argNames, argNames);
  self.checked.succeed(std::move(look));
  return Outcome::Done;
}

/// Makes a tuple of names; null without an exception if one is no str.
static bool copyNames(Items items, Ref *tuple) {
  Py_ssize_t size = items.size();
  Ref made(PyTuple_New(size));
  for (Py_ssize_t i = 0; made && i < size; ++i) {
    Ref item = items[i];
    if (!PyUnicode_CheckExact(item.get()))
      return true;
    if (PyTuple_SetItem(made.get(), i, item.release()) < 0)
      return false;
  }
  *tuple = std::move(made);
  return bool(*tuple);
}

/// Begins anew if the autotuner has other names than before.
static Outcome followNames(Tuner::Parts &self, Call &call) {
  Items keys(self.keys.get()), argNames(self.argNames.get());
  if (self.choices && keys.areThoseOf(self.choices->keys.get()) &&
      argNames.areThoseOf(self.choices->argNames.get()))
    return Outcome::Done;
  auto fresh = Shared<Choices>::make();
  if (!copyNames(keys, &fresh->keys) || !copyNames(argNames, &fresh->argNames))
    return Outcome::Failed;
  if (!fresh->keys || !fresh->argNames)
    return call.decline(Reason::Kernel);
  self.choices = std::move(fresh);
  return Outcome::Done;
}

/// Reads what Python says of a configuration: (config, its dict, its kwargs,
/// the dict of its class, key or None, names, values). Returns false with an
/// exception set.
static bool readTuned(PyObject *facts, PyObject *keywords, Tuned *tuned) {
  PyObject *config, *attributes, *kwargs, *configClass, *key, *more, *values;
  if (!PyArg_ParseTuple(facts, "OO!O!O!OO!O!", &config, &PyDict_Type,
                        &attributes, &PyDict_Type, &kwargs, &PyDict_Type,
                        &configClass, &key, &PyTuple_Type, &more, &PyTuple_Type,
                        &values))
    return false;
  tuned->config = Ref::to(config);
  tuned->attributes = Ref::to(attributes);
  tuned->kwargs = Ref::to(kwargs);
  tuned->configClass = Ref::to(configClass);
  if (key != Py_None)
    tuned->key = Ref::to(key);
  std::vector<PyObject *> added;
  for (Py_ssize_t i = 0; i < tupleSize(more); ++i) {
    added.push_back(tupleItem(more, i));
    tuned->values.push_back(Ref::to(tupleItem(values, i)));
  }
  tuned->names = Ref(joinNames(keywords, added));
  return bool(tuned->names);
}

/// Whether two descriptions of a configuration are of the same.
static bool areSame(const Tuned &a, const Tuned &b) {
  if (a.attributes.get() != b.attributes.get() ||
      a.kwargs.get() != b.kwargs.get() || a.values.size() != b.values.size() ||
      !sameNames(a.names.get(), b.names.get()))
    return false;
  for (size_t i = 0; i < a.values.size(); ++i)
    if (a.values[i].get() != b.values[i].get())
      return false;
  return true;
}

/// Whether the configuration of *tuned* has the values that it had. Returns 1,
/// 0, or -1 with an exception set.
static int lookAtConfig(Tuned &tuned, PyObject *keywords, Look &look) {
  for (const Ref *dict : {&tuned.attributes, &tuned.kwargs, &tuned.configClass})
    look.reads(dict->get());
  Tuned now;
  Ref facts = callbacks.describe(tuned.config.get(), Py_None);
  if (!facts ||
      (facts.get() != Py_None && !readTuned(facts.get(), keywords, &now)))
    return -1;
  return facts.get() != Py_None && areSame(now, tuned);
}

/// Whether the autotuner would still choose *tuned*, and launch with the same:
/// its cache may have been emptied, or filled by hand, and the configuration
/// changed. Declined with the reason if not.
static Outcome checkTuned(const Tuner::Parts &self, Tuned &tuned,
                          const Arguments &args, Call &call) {
  Items configs(self.configs.get());
  // Without a choice, the key is not looked at.
  bool chosen = configs.size() > 1;
  if (chosen != bool(tuned.key) ||
      (chosen && tuned.cache.get() != self.cache.get()) ||
      (!chosen && !(configs.size() == 1 && configs.begins(tuned.config.get()))))
    return call.decline(Reason::TuningKey);
  if (tuned.checked.holds())
    return Outcome::Done;
  Look look;
  Ref cached;
  if (chosen) {
    look.reads(tuned.cache.get());
    if (!lookup(tuned.cache.get(), tuned.key.get(), &cached))
      return Outcome::Failed;
    if (cached.get() != tuned.config.get())
      return call.decline(Reason::TuningKey);
  }
  int same = lookAtConfig(tuned, args.keywords, look);
  if (same == 0)
    return call.decline(Reason::ConfigChanged);
  if (same > 0)
    tuned.checked.succeed(std::move(look));
  return same < 0 ? Outcome::Failed : Outcome::Done;
}

/// Shows the configuration as `best_config`. Returns false with an exception
/// set.
static bool showConfig(const Tuner::Parts &self, const Tuned &tuned,
                       PyObject *tuner) {
  Ref shown;
  return lookup(self.ownRun.attributes.get(), names.bestConfig, &shown) &&
         (shown.get() == tuned.config.get() ||
          PyObject_SetAttr(tuner, names.bestConfig, tuned.config.get()) == 0);
}

/// Calls the configuration's *hook*. Returns false with an exception set.
[[gnu::cold]] static bool callConfigHook(const Tuned &tuned, PyObject *hook,
                                         PyObject *argNames, PyObject *grid,
                                         const Arguments &args) {
  Ref all = argumentsByName(Items(argNames), grid, args);
  Py_ssize_t first = args.numKeywords();
  for (size_t i = 0; all && i < tuned.values.size(); ++i)
    if (PyDict_SetItem(
            all.get(),
            tupleItem(tuned.names.get(), first + static_cast<Py_ssize_t>(i)),
            tuned.values[i].get()) < 0)
      return false;
  return all && Ref(callOne(hook, all.get()));
}

/// Goes on as Triton does with what *inner* wraps: with the keywords of the
/// launch and *config*'s, whatever they are now, or with *keywords* alone.
[[gnu::cold]] static PyObject *goOn(PyObject *inner, PyObject *grid,
                                    const Arguments &args, PyObject *config) {
  Ref positional, keywords;
  if (!collect(args, &positional, &keywords))
    return nullptr;
  return callbacks.goOn(inner, grid, positional.get(), keywords.get(), config)
      .release();
}

/// Launches with the configuration *tuned*, which the caller holds, with
/// *choices*.
static PyObject *launchTuned(const Tuner::Parts &self, const Choices &choices,
                             Tuned &tuned, PyObject *tuner, PyObject *grid,
                             const Arguments &args, LentRoom &room) {
  count(Reason::Tuned);
  Ref inner = Ref::to(self.inner.get()), hook;
  if (!showConfig(self, tuned, tuner) ||
      !lookup(tuned.attributes.get(), tuning.preHook, &hook))
    return nullptr;
  if (hook && hook.get() != Py_None) {
    if (!callConfigHook(tuned, hook.get(), choices.argNames.get(), grid, args))
      return nullptr;
    // Triton asks the configuration after its hook.
    Look look;
    int same =
        tuned.checked.holds() ? 1 : lookAtConfig(tuned, args.keywords, look);
    if (same != 1)
      return same < 0 ? nullptr
                      : goOn(inner.get(), grid, args, tuned.config.get());
  }
  PyObject **all = room->values;
  Py_ssize_t given = args.numPositional + args.numKeywords();
  for (Py_ssize_t i = 0; i < given; ++i)
    all[i] = args.values[i];
  for (size_t i = 0; i < tuned.values.size(); ++i)
    all[given + static_cast<Py_ssize_t>(i)] = tuned.values[i].get();
  return launchAny(inner.get(), grid,
                   {all, args.numPositional, tuned.names.get()});
}

/// Has Triton's own path tune and launch, and remembers what it chose.
static PyObject *tune(const Tuner::Parts &self, Choices &choices,
                      const Call &call, PyObject *tuner, PyObject *grid,
                      const Arguments &args) {
  Ref positional, keywords;
  if (!collect(args, &positional, &keywords))
    return nullptr;
  Ref cache = Ref::to(self.cache.get());
  Ref answer = callbacks.tune(tuner, grid, positional.get(), keywords.get());
  PyObject *result, *facts;
  if (!answer || !PyArg_ParseTuple(answer.get(), "OO", &result, &facts))
    return nullptr;
  count(call.reason);
  if (facts != Py_None) {
    Tuned tuned;
    if (!readTuned(facts, args.keywords, &tuned))
      return nullptr;
    tuned.cache = std::move(cache);
    choices.table.insert(call, std::move(tuned));
  }
  return Ref::to(result).release();
}

/// Reads what tells launches of an autotuner apart, and finds what was chosen
/// for this one.
static Outcome findTuned(Choices &choices, const Arguments &args, Call &call,
                         Table<Tuned>::Found *found) {
  const TunedShape *shape = nullptr;
  Outcome outcome = choices.shapes.find(&shape, choices.argNames.get(),
                                        choices.keys.get(), args);
  if (outcome == Outcome::Declined)
    return call.decline(Reason::TooMany);
  if (outcome == Outcome::Failed)
    return outcome;
  if (!shape->valid)
    return call.decline(Reason::Binding);
  call.word(shape->number);
  outcome = readKey(call, *shape, args);
  if (outcome == Outcome::Done && !choices.table.find(call, found))
    return Outcome::Failed;
  return outcome;
}

/// Launches what an autotuner wraps; *target* is its `Tuner`.
static PyObject *launchTuner(PyObject *target, PyObject *tuner, PyObject *grid,
                             const Arguments &args) {
  Tuner::Parts *self = reinterpret_cast<Tuner *>(target)->parts;
  if (!self)
    return runTritonsWay(tuner, grid, args);
  LentRoom room;
  Call &call = room->call;
  Table<Tuned>::Found found;
  Outcome outcome =
      self->checked.holds() ? Outcome::Done : lookAtTuner(*self, call);
  if (outcome == Outcome::Done)
    outcome = followNames(*self, call);
  Shared<Choices> choices = self->choices;
  if (outcome == Outcome::Done) {
    warmUp(self->inner.get());
    outcome = findTuned(*choices, args, call, &found);
  }
  // Reading arguments runs code, which may have changed the autotuner.
  if (outcome == Outcome::Done && !self->checked.holds())
    outcome = lookAtTuner(*self, call);
  if (outcome == Outcome::Done && found) {
    Tuned &tuned = found->value;
    if (!fits(args, tuned.values.size()))
      return runTritonsWay(tuner, grid, args);
    outcome = checkTuned(*self, tuned, args, call);
    if (outcome == Outcome::Done)
      return launchTuned(*self, *choices, tuned, tuner, grid, args, room);
    choices->table.clear();
  } else if (outcome == Outcome::Declined) {
    count(call.reason);
    return runTritonsWay(tuner, grid, args);
  } else {
    call.reason = Reason::TuningKey;
  }
  return outcome == Outcome::Failed
             ? nullptr
             : tune(*self, *choices, call, tuner, grid, args);
}

//===----------------------------------------------------------------------===//
// Heuristics
//===----------------------------------------------------------------------===//

namespace {

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
  bool named = true; ///< whether all are called by exact strings
};

/// The keywords of a launch, and where each heuristic's value goes among them.
struct HeuristicShape {
  Ref keywords;
  std::vector<Ref> heuristics; ///< the names of the heuristics' values
  Ref names;                   ///< all keywords
  std::vector<Py_ssize_t> positions;

  bool isOf(const HeuristicValues &values, PyObject *others) const;
  static std::unique_ptr<HeuristicShape> make(const Shapes<HeuristicShape> &,
                                              const HeuristicValues &values,
                                              PyObject *keywords);
};

/// The Python type `Heuristic`: launches what a Heuristics wraps.
struct Heuristic {
  PyObject_HEAD struct Parts {
    OwnRun ownRun;
    CheckedState checked; ///< whether *ownRun* and what follows still hold
    Ref inner, heuristics, argNames; ///< attributes of what it launches

    Shapes<HeuristicShape> shapes;
  } *parts;
};

} // namespace

std::unique_ptr<HeuristicShape>
HeuristicShape::make(const Shapes<HeuristicShape> &,
                     const HeuristicValues &values, PyObject *keywords) {
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
  return shape->names ? std::move(shape) : nullptr;
}

bool HeuristicShape::isOf(const HeuristicValues &values,
                          PyObject *others) const {
  if (heuristics.size() != values.number || !sameNames(keywords.get(), others))
    return false;
  for (size_t i = 0; i < values.number; ++i)
    if (heuristics[i].get() != values.items[i].name.get())
      return false;
  return true;
}

/// Looks at the attributes of the heuristics that a launch depends on.
[[gnu::cold, gnu::noinline]] static Outcome
lookAtHeuristics(Heuristic::Parts &self, Reason *reason) {
  Look look;
  Ref inner, heuristics, argNames;
  PyObject *attributes = self.ownRun.attributes.get();
  int own = self.ownRun.holds(look);
  *reason = own ? Reason::Kernel : Reason::RunReplaced;
  if (own == 0)
    return Outcome::Declined;
  if (own < 0 || !lookup(attributes, tuning.fn, &inner) ||
      !lookup(attributes, tuning.values, &heuristics) ||
      !lookup(attributes, tuning.argNames, &argNames))
    return Outcome::Failed;
  if (!inner || !heuristics || !PyDict_CheckExact(heuristics.get()) ||
      !Items::isKnown(argNames.get()))
    return Outcome::Declined;
  std::swap(self.inner, inner);
  std::swap(self.heuristics, heuristics);
  std::swap(self.argNames, argNames);
  self.checked.succeed(std::move(look));
  return Outcome::Done;
}

/// The heuristics one after the other, as Python iterates over the items of a
/// dict that heuristics may change: with its errors.
class HeuristicsInTurn {
public:
  explicit HeuristicsInTurn(PyObject *dict)
      : dict(dict), size(PyDict_Size(dict)) {}

  /// Whether there is another one. Not *failed* if there is none.
  bool next(Ref *name, Ref *function, bool *failed) {
    PyObject *key, *value;
    *failed = PyDict_Size(dict) != size;
    if (!*failed && !PyDict_Next(dict, &position, &key, &value))
      return false;
    const char *what = *failed ? "changed size" : "keys changed";
    *failed = *failed || number == size;
    if (*failed) {
      PyErr_Format(PyExc_RuntimeError, "dictionary %s during iteration", what);
      return false;
    }
    ++number;
    *name = Ref::to(key);
    *function = Ref::to(value);
    return true;
  }
  /// Whether the one that came last is the last if none is added.
  bool isLast() const { return number == size; }

private:
  PyObject *dict;
  Py_ssize_t size, position = 0, number = 0;
};

/// Calls every heuristic with all arguments and what those before it gave; adds
/// what they gave to *values*, which has room for all. Returns false with an
/// exception set.
static bool callHeuristics(PyObject *heuristics, PyObject *argNames,
                           PyObject *grid, const Arguments &args,
                           HeuristicValues &values) {
  Ref base = argumentsByName(Items(argNames), grid, args);
  if (!base)
    return false;
  Ref name, function;
  bool failed;
  HeuristicsInTurn turn(heuristics);
  while (turn.next(&name, &function, &failed)) {
    // A dict of its own for each, as it may be kept or changed. Nobody uses the
    // first one after the last heuristic.
    Ref own =
        turn.isLast() ? Ref::to(base.get()) : Ref(PyDict_Copy(base.get()));
    Ref value(own ? callOne(function.get(), own.get()) : nullptr);
    if (!value || (!turn.isLast() &&
                   PyDict_SetItem(base.get(), name.get(), value.get()) < 0))
      return false;
    values.named = values.named && PyUnicode_CheckExact(name.get());
    values.items[values.number++] = {std::move(name), std::move(value)};
  }
  return !failed;
}

/// Goes on as Triton does where a heuristic is named by no exact str.
[[gnu::cold]] static PyObject *goOnWith(const HeuristicValues &values,
                                        PyObject *inner, PyObject *grid,
                                        const Arguments &args) {
  Ref positional, keywords;
  if (!collect(args, &positional, &keywords))
    return nullptr;
  for (size_t i = 0; i < values.number; ++i)
    if (PyDict_SetItem(keywords.get(), values.items[i].name.get(),
                       values.items[i].value.get()) < 0)
      return nullptr;
  return callbacks.goOn(inner, grid, positional.get(), keywords.get(), Py_None)
      .release();
}

/// Launches *inner* with what the heuristics gave.
static PyObject *launchWith(Heuristic::Parts &self,
                            const HeuristicValues &values, PyObject *inner,
                            PyObject *grid, const Arguments &args) {
  const HeuristicShape *shape = nullptr;
  Outcome outcome = self.shapes.find(&shape, values, args.keywords);
  if (outcome != Outcome::Done)
    return outcome == Outcome::Failed ? nullptr
                                      : goOnWith(values, inner, grid, args);
  LentRoom room;
  PyObject **all = room->values;
  for (Py_ssize_t i = 0; i < args.numPositional + args.numKeywords(); ++i)
    all[i] = args.values[i];
  for (size_t i = 0; i < values.number; ++i)
    all[args.numPositional + shape->positions[i]] = values.items[i].value.get();
  return launchAny(inner, grid, {all, args.numPositional, shape->names.get()});
}

/// Launches what a Heuristics wraps; *target* is its `Heuristic`.
static PyObject *launchHeuristic(PyObject *target, PyObject *kernel,
                                 PyObject *grid, const Arguments &args) {
  Heuristic::Parts *self = reinterpret_cast<Heuristic *>(target)->parts;
  if (!self)
    return runTritonsWay(kernel, grid, args);
  Reason reason = Reason::Kernel;
  Outcome outcome =
      self->checked.holds() ? Outcome::Done : lookAtHeuristics(*self, &reason);
  if (outcome == Outcome::Failed)
    return nullptr;
  Py_ssize_t number =
      outcome == Outcome::Done ? PyDict_Size(self->heuristics.get()) : 0;
  if (outcome == Outcome::Declined || namesRunsOwn(args.keywords) ||
      number > static_cast<Py_ssize_t>(MaxHeuristics) ||
      !fits(args, static_cast<size_t>(number))) {
    count(reason);
    return runTritonsWay(kernel, grid, args);
  }
  Ref heuristics = Ref::to(self->heuristics.get());
  Ref argNames = Ref::to(self->argNames.get()), inner;
  warmUp(self->inner.get());
  HeuristicValues values;
  if (!callHeuristics(heuristics.get(), argNames.get(), grid, args, values) ||
      !lookup(self->ownRun.attributes.get(), tuning.fn, &inner))
    return nullptr;
  if (!inner) {
    PyErr_SetString(PyExc_AttributeError,
                    "'Heuristics' object has no attribute 'fn'");
    return nullptr;
  }
  return values.named ? launchWith(*self, values, inner.get(), grid, args)
                      : goOnWith(values, inner.get(), grid, args);
}

//===----------------------------------------------------------------------===//
// The Python types
//===----------------------------------------------------------------------===//

/// `Tuner(own_run)` for an Autotuner, `Heuristic(own_run)` for a Heuristics;
/// own_run as `Dispatcher` takes it.
template <typename Object>
static PyObject *newTarget(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *ownRun;
  if (!PyArg_ParseTuple(args, "O", &ownRun))
    return nullptr;
  Ref object = allocateObject<Object>(type);
  if (!object)
    return nullptr;
  auto &parts = *reinterpret_cast<Object *>(object.get())->parts;
  return readOwnRun(ownRun, &parts.ownRun) ? object.release() : nullptr;
}

static int traverseOwn(const Tuner::Parts &parts, visitproc visit, void *arg) {
  for (const Ref *object : {&parts.inner, &parts.configs, &parts.cache,
                            &parts.keys, &parts.argNames})
    Py_VISIT(object->get());
  return parts.choices ? parts.choices->table.traverse(visit, arg) : 0;
}

static int traverseOwn(const Heuristic::Parts &parts, visitproc visit,
                       void *arg) {
  for (const Ref *object : {&parts.inner, &parts.heuristics, &parts.argNames})
    Py_VISIT(object->get());
  return 0;
}

template <typename Object>
static int traverseTarget(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  auto *parts = reinterpret_cast<Object *>(object)->parts;
  if (!parts)
    return 0;
  if (int stop = parts->ownRun.traverse(visit, arg))
    return stop;
  if (int stop = parts->checked.traverse(visit, arg))
    return stop;
  return traverseOwn(*parts, visit, arg);
}

template <typename Object> static PyType_Slot *slotsOf(const char *doc) {
  static PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void *>(newTarget<Object>)},
      {Py_tp_dealloc, reinterpret_cast<void *>(deallocTarget<Object>)},
      {Py_tp_traverse, reinterpret_cast<void *>(traverseTarget<Object>)},
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

bool graft::launcher::addTuning(PyObject *module) {
  if (!internNames({{&tuning.fn, "fn"},
                    {&tuning.configs, "configs"},
                    {&tuning.cache, "cache"},
                    {&tuning.preHook, "pre_hook"},
                    {&tuning.values, "values"},
                    {&tuning.keys, "keys"},
                    {&tuning.argNames, "arg_names"}}))
    return false;
  constexpr unsigned flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
  return addTargetType(module, "Tuner",
                       {"triton.backends.graft._launcher.Tuner", sizeof(Tuner),
                        0, flags,
                        slotsOf<Tuner>("Launches what an Autotuner wraps.")},
                       launchTuner) &&
         addTargetType(
             module, "Heuristic",
             {"triton.backends.graft._launcher.Heuristic", sizeof(Heuristic), 0,
              flags, slotsOf<Heuristic>("Launches what a Heuristics wraps.")},
             launchHeuristic);
}
