//===- Knobs.cpp - Triton's knobs, as a launch reads them -----------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Knobs.h"
#include "Changes.h"
#include "Errors.h"
#include "Names.h"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

using namespace graft::launcher;

namespace {

/// A group of knobs, the dict of its attributes, and the values that its class
/// has, which change no more.
struct Group {
  Ref object, dict;
};
struct RuntimeGroup : Group {
  Ref debug, inspectionHook, enterHook, exitHook;
};
struct CompilationGroup : Group {
  Ref instrumentation;
};

/// A launch hook: the functions in it if it is a chain.
struct Hook {
  Ref calls; ///< the chain's list; null: the hook is none, or does something
  bool none = false;

  bool doesSomething() const {
    return !none && (!calls || listSize(calls.get()) != 0);
  }
};

/// What was seen when the knobs were last looked at. It is put together on its
/// own and replaces the last one as a whole: classes of knobs run code.
struct KnobReading {
  RuntimeGroup runtime;
  CompilationGroup compilation;
  Outcome outcome = Outcome::Done;
  Reason reason = Reason::Hit;
  bool debug = false, homomorphicCastsSet = false;
  Ref instrumentation;
  Hook enter, exit;
};

/// The knobs' objects.
struct KnobState {
  Ref module; ///< the dict of triton.knobs
  Ref chainType;
  CheckedState checked; ///< whether *reading* still holds
  KnobReading reading;
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
/// What `environ` looked like when it was last searched: the strings in it,
/// with the null at their end.
struct SeenEnvironment {
  char **strings = nullptr; ///< a copy of the array
  bool hasVariable = false;

  /// Whether the same variables are there. All are looked at, one by one: a
  /// string that was taken away and set again is the same one, so the last does
  /// not tell, and an array that was cleared may begin in the same place and be
  /// shorter.
  bool holds() const {
    char **now = environ, **then = strings;
    if (!now)
      return false;
    while (*now == *then) {
      if (!*now)
        return true;
      ++now;
      ++then;
    }
    return false;
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
  seen.strings = new char *[size + 1]();
  std::copy_n(environ, size, seen.strings);
  seen.hasVariable = std::getenv(HomomorphicCastsVariable) != nullptr;
  return seen.hasVariable;
}

/// Whether the environment has the variable.
static bool environmentHasVariable() {
  const SeenEnvironment &seen = seenEnvironment;
  if (seen.strings && seen.holds())
    return seen.hasVariable;
  return searchEnvironment();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Writes what *object*'s class has for *name*. Returns false with an exception
/// set.
static bool readDefault(PyObject *object, PyObject *name, Ref *value) {
  Ref type = Ref::to(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  *value = Ref(PyObject_GetAttr(type.get(), name));
  return bool(*value);
}

/// Writes the group that triton.knobs has for *name*. Returns false with an
/// exception set.
static bool readGroup(PyObject *name, Look &look, Group *group) {
  if (!lookup(state.module.get(), name, &group->object))
    return false;
  if (!group->object) {
    PyErr_Format(PyExc_AttributeError, "triton.knobs has no '%U'", name);
    return false;
  }
  if (!attributesOf(group->object.get(), &group->dict))
    return false;
  if (group->dict)
    look.reads(group->dict.get());
  return true;
}

/// A reference of its own to each member of *seen*, the group that was there
/// last; that its class is not asked again keeps knobs quick.
static void copyDefaults(const RuntimeGroup &seen, RuntimeGroup *group) {
  group->debug = Ref::to(seen.debug.get());
  group->inspectionHook = Ref::to(seen.inspectionHook.get());
  group->enterHook = Ref::to(seen.enterHook.get());
  group->exitHook = Ref::to(seen.exitHook.get());
}

/// Follows replaced groups, as Triton's own tests replace them. Returns false
/// with an exception set.
static bool followKnobs(Look &look, KnobReading *reading) {
  RuntimeGroup &runtime = reading->runtime;
  CompilationGroup &compilation = reading->compilation;
  look.reads(state.module.get());
  if (!readGroup(knobNames.runtime, look, &runtime) ||
      !readGroup(knobNames.compilation, look, &compilation))
    return false;
  PyObject *object = runtime.object.get();
  const KnobReading &seen = state.reading;
  if (object == seen.runtime.object.get())
    copyDefaults(seen.runtime, &runtime);
  else if (!readDefault(object, knobNames.debug, &runtime.debug) ||
           !readDefault(object, knobNames.inspectionHook,
                        &runtime.inspectionHook) ||
           !readDefault(object, knobNames.enterHook, &runtime.enterHook) ||
           !readDefault(object, knobNames.exitHook, &runtime.exitHook))
    return false;
  object = compilation.object.get();
  if (object != seen.compilation.object.get())
    return readDefault(object, knobNames.instrumentation,
                       &compilation.instrumentation);
  compilation.instrumentation = Ref::to(seen.compilation.instrumentation.get());
  return true;
}

/// Writes what *owner* has for *name*, or its class. Returns false with an
/// exception set.
static bool readKnob(const Group &owner, PyObject *name, const Ref &byClass,
                     Ref *value) {
  if (!lookup(owner.dict.get(), name, value))
    return false;
  if (!*value)
    *value = Ref::to(byClass.get());
  return true;
}

/// Looks into *now*, a launch hook. Returns false with an exception set.
static bool lookIntoHook(PyObject *now, Look &look, Hook *hook) {
  Ref dict;
  hook->none = now == Py_None;
  if (reinterpret_cast<PyObject *>(Py_TYPE(now)) != state.chainType.get())
    return true;
  if (!attributesOf(now, &dict))
    return false;
  if (!dict)
    return true;
  look.reads(dict.get());
  if (!lookup(dict.get(), knobNames.calls, &hook->calls))
    return false;
  if (hook->calls && !PyList_CheckExact(hook->calls.get()))
    hook->calls = Ref();
  return true;
}

/// Looks into the launch hook called *name*. Returns false with an exception
/// set.
static bool readHook(const RuntimeGroup &runtime, PyObject *name,
                     const Ref &byClass, Look &look, Hook *hook) {
  Ref now;
  return readKnob(runtime, name, byClass, &now) &&
         lookIntoHook(now.get(), look, hook);
}

/// Looks at all knobs. Returns false with an exception set.
static bool readAllKnobs(Look &look, KnobReading *reading) {
  const RuntimeGroup &runtime = reading->runtime;
  const CompilationGroup &compilation = reading->compilation;
  Ref debug, inspectionHook, homomorphicCasts;
  if (!followKnobs(look, reading) ||
      !readKnob(runtime, knobNames.debug, runtime.debug, &debug) ||
      !readKnob(runtime, knobNames.inspectionHook, runtime.inspectionHook,
                &inspectionHook) ||
      !readKnob(compilation, knobNames.instrumentation,
                compilation.instrumentation, &reading->instrumentation) ||
      !lookup(compilation.dict.get(), knobNames.homomorphicCasts,
              &homomorphicCasts) ||
      !readHook(runtime, knobNames.enterHook, runtime.enterHook, look,
                &reading->enter) ||
      !readHook(runtime, knobNames.exitHook, runtime.exitHook, look,
                &reading->exit))
    return false;
  reading->debug = debug.get() == Py_True;
  reading->homomorphicCastsSet = bool(homomorphicCasts);
  if (!runtime.dict || !compilation.dict || !PyBool_Check(debug.get()) ||
      !PyUnicode_CheckExact(reading->instrumentation.get()))
    reading->reason = Reason::Knobs;
  if (inspectionHook.get() != Py_None)
    reading->reason = Reason::InspectionHook;
  if (reading->reason != Reason::Hit)
    reading->outcome = Outcome::Declined;
  return true;
}

/// Looks at all knobs and remembers them. Returns false with an exception set.
[[gnu::cold, gnu::noinline]] static bool lookAtKnobs() {
  Look look;
  KnobReading reading;
  if (!readAllKnobs(look, &reading))
    return false;
  std::swap(state.reading, reading); // what was there before goes last
  state.checked.succeed(std::move(look));
  return true;
}

/// Reads the knob that may come from the environment, where it is set.
[[gnu::cold]] static Outcome readHomomorphicCasts(Knobs *knobs,
                                                  Reason *reason) {
  Ref compilation = Ref::to(state.reading.compilation.object.get());
  Ref value(PyObject_GetAttr(compilation.get(), knobNames.homomorphicCasts));
  if (!value)
    return Outcome::Failed;
  *reason = Reason::Knobs;
  if (!PyBool_Check(value.get()))
    return Outcome::Declined;
  knobs->homomorphicCasts = value.get() == Py_True;
  return Outcome::Done;
}

Outcome graft::launcher::readKnobs(Knobs *knobs, Reason *reason) {
  if (!state.checked.holds() && !lookAtKnobs())
    return Outcome::Failed;
  const KnobReading &reading = state.reading;
  *reason = reading.reason;
  if (reading.outcome != Outcome::Done)
    return reading.outcome;
  knobs->debug = reading.debug;
  knobs->instrumentation = Ref::to(reading.instrumentation.get());
  knobs->homomorphicCasts = false;
  if (!reading.homomorphicCastsSet && !environmentHasVariable())
    return Outcome::Done;
  return readHomomorphicCasts(knobs, reason);
}

int graft::launcher::launchHooksDoSomething(bool codeHasRun) {
  if (codeHasRun && !state.checked.holds() && !lookAtKnobs())
    return -1;
  return state.reading.enter.doesSomething() ||
         state.reading.exit.doesSomething();
}

int graft::launcher::launchHookDoesSomething(PyObject *hook) {
  Look look;
  Hook seen;
  return lookIntoHook(hook, look, &seen) ? seen.doesSomething() : -1;
}

bool graft::launcher::readLaunchHooks(Ref *enter, Ref *exit) {
  Ref runtime = Ref::to(state.reading.runtime.object.get());
  *enter = Ref(PyObject_GetAttr(runtime.get(), knobNames.enterHook));
  if (*enter)
    *exit = Ref(PyObject_GetAttr(runtime.get(), knobNames.exitHook));
  return *enter && *exit;
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
  KnobState fresh;
  fresh.module = Ref::to(dict);
  fresh.chainType = Ref::to(chainType);
  std::swap(state, fresh); // what was there before goes last
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
