//===- Heuristic.cpp - Launching what a Heuristics wraps ------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Heuristics are functions of the user's that are called for every launch, and
// add keyword arguments to it.
//
//===----------------------------------------------------------------------===//

#include "Callbacks.h"
#include "Errors.h"
#include "Keywords.h"
#include "Launcher.h"
#include "Names.h"
#include "Room.h"
#include "Shapes.h"
#include "Stats.h"
#include "TargetType.h"

using namespace graft::launcher;

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
    CheckedStates checked; ///< whether *ownRun* and what follows still hold
    Ref inner, heuristics, argNames; ///< attributes of what it launches

    Shapes<HeuristicShape> shapes;

    int traverse(visitproc visit, void *arg) const {
      for (const Ref *object : {&inner, &heuristics, &argNames})
        Py_VISIT(object->get());
      return 0;
    }
  } *parts;
};

} // namespace

/// The attribute that has the heuristics, interned.
static PyObject *valuesName;

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
lookAtHeuristics(Heuristic::Parts &self, const Arguments &args,
                 Reason *reason) {
  Look look;
  Ref inner, heuristics, argNames;
  PyObject *attributes = self.ownRun.attributes.get();
  int own = self.ownRun.holds(look, args.run != nullptr);
  *reason = own ? Reason::Kernel : Reason::RunReplaced;
  if (own == 0)
    return Outcome::Declined;
  if (own < 0 || !lookup(attributes, names.fn, &inner) ||
      !lookup(attributes, valuesName, &heuristics) ||
      !lookup(attributes, names.argNames, &argNames))
    return Outcome::Failed;
  if (!inner || !heuristics || !PyDict_CheckExact(heuristics.get()) ||
      !Items::isKnown(argNames.get()))
    return Outcome::Declined;
  std::swap(self.inner, inner);
  std::swap(self.heuristics, heuristics);
  std::swap(self.argNames, argNames);
  self.checked.of(args).succeed(std::move(look));
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
  Outcome outcome = self->checked.of(args).holds()
                        ? Outcome::Done
                        : lookAtHeuristics(*self, args, &reason);
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
      !lookup(self->ownRun.attributes.get(), names.fn, &inner))
    return nullptr;
  if (!inner) {
    PyErr_SetString(PyExc_AttributeError,
                    "'Heuristics' object has no attribute 'fn'");
    return nullptr;
  }
  return values.named ? launchWith(*self, values, inner.get(), grid, args)
                      : goOnWith(values, inner.get(), grid, args);
}

bool graft::launcher::addHeuristic(PyObject *module) {
  return internNames({{&valuesName, "values"}}) &&
         addTargetType(
             module, "Heuristic",
             {"triton.backends.graft.launch._launcher.Heuristic",
              sizeof(Heuristic), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
              slotsOf<Heuristic>("Launches what a Heuristics wraps.")},
             launchHeuristic);
}
