//===- Tuner.cpp - Launching what an Autotuner wraps ----------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// An autotuner adds the keyword arguments of the configuration that it chose
// before for arguments of this kind; a launch whose kind is new goes Triton's
// own way, which chooses.
//
//===----------------------------------------------------------------------===//

#include "Callbacks.h"
#include "Errors.h"
#include "Keywords.h"
#include "Launcher.h"
#include "Names.h"
#include "Room.h"
#include "Shared.h"
#include "Table.h"
#include "TargetType.h"
#include "TunedConfig.h"
#include "TuningKey.h"

using namespace graft::launcher;

namespace {

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
    CheckedStates checked; ///< whether *ownRun* and what follows still hold
    Ref inner, configs, cache, keys, argNames; ///< the autotuner's attributes

    Shared<Choices> choices;

    int traverse(visitproc visit, void *arg) const {
      for (const Ref *object : {&inner, &configs, &cache, &keys, &argNames})
        Py_VISIT(object->get());
      return choices ? choices->table.traverse(visit, arg) : 0;
    }
  } *parts;
};

struct TunerNames {
  PyObject *configs, *cache, *preHook, *keys;
};

} // namespace

static TunerNames tunerNames;

/// Looks at the attributes of the autotuner that a launch depends on.
[[gnu::cold, gnu::noinline]] static Outcome
lookAtTuner(Tuner::Parts &self, const Arguments &args, Call &call) {
  Look look;
  Ref inner, configs, cache, keys, argNames;
  PyObject *attributes = self.ownRun.attributes.get();
  int own = self.ownRun.holds(look, args.run != nullptr);
  if (own == 0)
    return call.decline(Reason::RunReplaced);
  if (own < 0 || !lookup(attributes, names.fn, &inner) ||
      !lookup(attributes, tunerNames.configs, &configs) ||
      !lookup(attributes, tunerNames.cache, &cache) ||
      !lookup(attributes, tunerNames.keys, &keys) ||
      !lookup(attributes, names.argNames, &argNames))
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
  self.checked.of(args).succeed(std::move(look));
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
  int same = tuned.isSame(args.keywords, look);
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
      !lookup(tuned.attributes.get(), tunerNames.preHook, &hook))
    return nullptr;
  if (hook && hook.get() != Py_None) {
    if (!callConfigHook(tuned, hook.get(), choices.argNames.get(), grid, args))
      return nullptr;
    // Triton asks the configuration after its hook.
    Look look;
    int same = tuned.checked.holds() ? 1 : tuned.isSame(args.keywords, look);
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
    if (!tuned.read(facts, args.keywords))
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
  Outcome outcome = self->checked.of(args).holds()
                        ? Outcome::Done
                        : lookAtTuner(*self, args, call);
  if (outcome == Outcome::Done)
    outcome = followNames(*self, call);
  Shared<Choices> choices = self->choices;
  if (outcome == Outcome::Done) {
    warmUp(self->inner.get());
    outcome = findTuned(*choices, args, call, &found);
  }
  // Reading arguments runs code, which may have changed the autotuner.
  if (outcome == Outcome::Done && !self->checked.of(args).holds())
    outcome = lookAtTuner(*self, args, call);
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

bool graft::launcher::addTuner(PyObject *module) {
  return internNames({{&tunerNames.configs, "configs"},
                      {&tunerNames.cache, "cache"},
                      {&tunerNames.preHook, "pre_hook"},
                      {&tunerNames.keys, "keys"}}) &&
         addTargetType(module, "Tuner",
                       {"triton.backends.graft.launch._launcher.Tuner",
                        sizeof(Tuner), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                        slotsOf<Tuner>("Launches what an Autotuner wraps.")},
                       launchTuner);
}
