//===- Knobs.cpp - Triton's knobs, as a launch reads them -----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Knobs.h"
#include "Changes.h"
#include "Runtime.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace graft::launcher;

namespace {

/// An object whose attributes are read again and again.
struct Watched {
  Ref object, dict;

  /// Looks again if *current* is another object. Returns whether it was.
  bool follow(PyObject *current) {
    if (current == object.get())
      return false;
    object = Ref::to(current);
    dict = attributesOf(current);
    return true;
  }
};

/// A launch hook: what it is, and the functions in it if it is a chain.
struct Hook {
  Watched chain;
  Ref calls; ///< the chain's list; null: the hook does something
  bool none = false;

  bool doesSomething() const {
    return !none && (!calls || listSize(calls.get()) != 0);
  }
};

/// The knobs' objects, and the values that their classes have.
struct KnobState {
  Ref module;      ///< the dict of triton.knobs
  Ref environment; ///< the dict behind os.environ, if there is one
  Ref chainType;
  Watched runtime, compilation;
  Ref debug, inspectionHook, enterHook, exitHook, instrumentation;

  CheckedState checked; ///< whether what follows still holds
  Outcome outcome = Outcome::Done;
  Reason reason = Reason::Hit;
  Ref debugNow, instrumentationNow;
  bool homomorphicCastsSet = false;
  Hook enter, exit;
};

struct KnobNames {
  PyObject *runtime, *compilation, *debug, *inspectionHook, *enterHook,
      *exitHook, *instrumentation, *homomorphicCasts, *calls;
};

} // namespace

// Never destroyed: the process may end after Python did, with objects held
// here.
static KnobState &state = *new KnobState();
static KnobNames knobNames;

//===----------------------------------------------------------------------===//
// The environment
//===----------------------------------------------------------------------===//

/// The environment variable of the one knob that is read from it at every
/// launch.
static const char HomomorphicCastsVariable[] = "TRITON_FPSAN_HOMOMORPHIC_CASTS";

namespace {
/// What `environ` looked like when it was last searched: the array that it was,
/// and the strings in it, with the null at their end.
struct SeenEnvironment {
  char **array = nullptr;
  char **strings = nullptr; ///< a copy of the array
  size_t bytes = 0;         ///< of the copy
  bool hasVariable = false;

  /// Whether the same variables are there. All are compared: a string that was
  /// taken away and set again is the same one, so the last does not tell.
  bool holds() const {
    return environ && environ == array &&
           std::memcmp(environ, strings, bytes) == 0;
  }
  /// The same if Python has not changed os.environ: what others add comes last.
  bool endHolds() const {
    size_t size = bytes / sizeof(char *) - 1;
    return environ && environ == array && !environ[size] &&
           (size == 0 || environ[size - 1] == strings[size - 1]);
  }
};
} // namespace

static SeenEnvironment seenEnvironment;

/// Looks at the whole environment. Returns whether it has the variable.
[[gnu::cold]] static bool searchEnvironment() {
  SeenEnvironment &seen = seenEnvironment;
  size_t size = 0;
  while (environ && environ[size])
    ++size;
  delete[] seen.strings;
  seen.array = environ;
  seen.strings = new char *[size + 1]();
  seen.bytes = (size + 1) * sizeof(char *);
  std::copy_n(environ, size, seen.strings);
  seen.hasVariable = std::getenv(HomomorphicCastsVariable) != nullptr;
  return seen.hasVariable;
}

/// Whether the environment has the variable. *sameForPython*: os.environ was
/// watched and has not changed.
static bool environmentHasVariable(bool sameForPython) {
  const SeenEnvironment &seen = seenEnvironment;
  if (seen.array && (sameForPython ? seen.endHolds() : seen.holds()))
    return seen.hasVariable;
  return searchEnvironment();
}

/// The dict behind os.environ, or an empty reference; no exception is set.
static Ref environmentDict() {
  Ref os(PyImport_ImportModule("os"));
  Ref environment(os ? PyObject_GetAttrString(os.get(), "environ") : nullptr);
  Ref dict(environment ? PyObject_GetAttrString(environment.get(), "_data")
                       : nullptr);
  PyErr_Clear();
  return dict && PyDict_Check(dict.get()) ? std::move(dict) : Ref();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Remembers what *object*'s class has for *name*.
static bool rememberDefault(Ref &slot, PyObject *object, PyObject *name) {
  Ref type = Ref::to(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  slot = Ref(PyObject_GetAttr(type.get(), name));
  return bool(slot);
}

/// Follows replaced knob objects, as Triton's own tests replace them. Returns
/// false with an exception set.
static bool followKnobs() {
  PyObject *runtime = lookup(state.module.get(), knobNames.runtime);
  PyObject *compilation = lookup(state.module.get(), knobNames.compilation);
  if (!runtime || !compilation) {
    PyErr_SetString(PyExc_AttributeError,
                    "triton.knobs has no runtime or no compilation");
    return false;
  }
  if (state.runtime.follow(runtime))
    if (!rememberDefault(state.debug, runtime, knobNames.debug) ||
        !rememberDefault(state.inspectionHook, runtime,
                         knobNames.inspectionHook) ||
        !rememberDefault(state.enterHook, runtime, knobNames.enterHook) ||
        !rememberDefault(state.exitHook, runtime, knobNames.exitHook))
      return false;
  if (state.compilation.follow(compilation) &&
      !rememberDefault(state.instrumentation, compilation,
                       knobNames.instrumentation))
    return false;
  for (const Ref *dict :
       {&state.module, &state.runtime.dict, &state.compilation.dict})
    state.checked.reads(dict->get());
  if (state.environment)
    state.checked.reads(state.environment.get());
  return true;
}

/// What *owner* has for *name*, or its class.
static PyObject *knob(const Watched &owner, PyObject *name,
                      const Ref &byClass) {
  PyObject *own = lookup(owner.dict.get(), name);
  return own ? own : byClass.get();
}

/// Looks into the launch hook *now*.
static void followHook(Hook &hook, PyObject *now) {
  hook.none = now == Py_None;
  hook.calls = Ref();
  hook.chain.follow(now);
  if (reinterpret_cast<PyObject *>(Py_TYPE(now)) != state.chainType.get())
    return;
  PyObject *calls = lookup(hook.chain.dict.get(), knobNames.calls);
  state.checked.reads(hook.chain.dict.get());
  if (calls && PyList_CheckExact(calls))
    hook.calls = Ref::to(calls);
}

/// Looks at all knobs. Returns false with an exception set.
[[gnu::cold]] static bool lookAtKnobs() {
  state.checked.begin();
  if (!followKnobs())
    return false;
  state.debugNow = Ref::to(knob(state.runtime, knobNames.debug, state.debug));
  state.instrumentationNow = Ref::to(knob(
      state.compilation, knobNames.instrumentation, state.instrumentation));
  state.homomorphicCastsSet = lookup(state.compilation.dict.get(),
                                     knobNames.homomorphicCasts) != nullptr;
  state.outcome = Outcome::Done;
  if (!PyBool_Check(state.debugNow.get()) ||
      !PyUnicode_CheckExact(state.instrumentationNow.get())) {
    state.outcome = Outcome::Declined;
    state.reason = Reason::Knobs;
  }
  if (knob(state.runtime, knobNames.inspectionHook, state.inspectionHook) !=
      Py_None) {
    state.outcome = Outcome::Declined;
    state.reason = Reason::InspectionHook;
  }
  followHook(state.enter,
             knob(state.runtime, knobNames.enterHook, state.enterHook));
  followHook(state.exit,
             knob(state.runtime, knobNames.exitHook, state.exitHook));
  state.checked.succeed();
  return true;
}

/// Reads the knob that may come from the environment, where it is set.
[[gnu::cold]] static Outcome readHomomorphicCasts(Knobs *knobs,
                                                  Reason *reason) {
  Ref value(PyObject_GetAttr(state.compilation.object.get(),
                             knobNames.homomorphicCasts));
  if (!value)
    return Outcome::Failed;
  *reason = Reason::Knobs;
  if (!PyBool_Check(value.get()))
    return Outcome::Declined;
  knobs->homomorphicCasts = value.get() == Py_True;
  return Outcome::Done;
}

Outcome graft::launcher::readKnobs(Knobs *knobs, Reason *reason) {
  bool same = state.checked.holds();
  if (!same && !lookAtKnobs())
    return Outcome::Failed;
  *reason = state.reason;
  if (state.outcome != Outcome::Done)
    return state.outcome;
  knobs->debug = state.debugNow.get();
  knobs->instrumentation = state.instrumentationNow.get();
  knobs->homomorphicCasts = false;
  if (!state.homomorphicCastsSet &&
      !environmentHasVariable(same && state.environment))
    return Outcome::Done;
  return readHomomorphicCasts(knobs, reason);
}

int graft::launcher::launchHooksDoSomething(bool codeHasRun) {
  if (codeHasRun && !state.checked.holds() && !lookAtKnobs())
    return -1;
  return state.enter.doesSomething() || state.exit.doesSomething();
}

//===----------------------------------------------------------------------===//
// Setting up
//===----------------------------------------------------------------------===//

bool graft::launcher::setKnobs(PyObject *module, PyObject *chainType) {
  PyObject *dict = PyModule_Check(module) ? PyModule_GetDict(module) : nullptr;
  if (!dict) {
    PyErr_SetString(PyExc_TypeError, "triton.knobs is no module");
    return false;
  }
  state = KnobState();
  state.module = Ref::to(dict);
  state.chainType = Ref::to(chainType);
  state.environment = environmentDict();
  return lookAtKnobs();
}

bool graft::launcher::addKnobs(PyObject *) {
  return internNames({{&knobNames.runtime, "runtime"},
                      {&knobNames.compilation, "compilation"},
                      {&knobNames.debug, "debug"},
                      {&knobNames.inspectionHook, "add_stages_inspection_hook"},
                      {&knobNames.enterHook, "launch_enter_hook"},
                      {&knobNames.exitHook, "launch_exit_hook"},
                      {&knobNames.instrumentation, "instrumentation_mode"},
                      {&knobNames.homomorphicCasts, "fpsan_homomorphic_casts"},
                      {&knobNames.calls, "calls"}});
}
