//===- Frozen.cpp - Launches with most arguments fixed --------------------===//
//
// SPDX-License-Identifier: MIT
//
// A frozen launch holds one variant, the grid, and the arguments that do not
// vary, ready to be passed. What varies is read and has to be of the same
// specialisation.
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Around.h"
#include "Callbacks.h"
#include "Descriptors.h"
#include "Grid.h"
#include "Knobs.h"
#include "Launcher.h"
#include "Loaded.h"
#include "Parts.h"
#include "Room.h"
#include "Runtime.h"
#include "Words.h"

#include <cstddef>
#include <cstring>
#include <structmember.h>

using namespace graft::launcher;

namespace {

/// One varying parameter: where its words and leaves are in the frozen call.
struct Varying {
  size_t param;
  unsigned firstWord, numWords;
  unsigned firstLeaf, numLeaves;
  unsigned firstMap, numMaps; ///< of descriptors
  bool hasObjects;            ///< constants that words do not hold whole
};

/// The Python type `Frozen`.
struct Frozen {
  PyObject_HEAD vectorcallfunc vectorcall;
  struct Parts {
    Ref kernel;
    Loaded loaded;
    Grid grid;
    int device;
    bool holdGil;
    std::vector<Param> params;
    std::vector<Ref> values; ///< of all parameters, as they were frozen
    std::vector<Varying> varying;
    std::vector<uint64_t> words, leaves;
    std::vector<CUtensorMap> maps;
    std::vector<int> passedAs; ///< of each leaf: which parameter it is, or -1
    std::vector<void *> launchParams; ///< pointing at leaves; scratch last
    CUdeviceptr noScratch[2] = {0, 0};
  } *parts;
};

} // namespace

/// Sets the exception for *value*, which cannot stand where the one of
/// parameter *param* was frozen.
[[gnu::cold]] static PyObject *refuse(const Frozen::Parts &self, size_t param,
                                      PyObject *value) {
  Ref index(PyLong_FromSize_t(param));
  if (index && callbacks.refuse(self.kernel.get(), index.get(),
                                self.values[param].get(), value))
    PyErr_SetString(PyExc_SystemError, "a refused argument was accepted");
  return nullptr;
}

/// Reads *value* for the varying parameter *what* and points *params* at it.
/// *call* holds what was read. Returns false with an exception set.
static bool placeVarying(const Frozen::Parts &self, const Varying &what,
                         PyObject *value, Call &call, void **params) {
  unsigned firstWord = call.numWords, firstLeaf = call.numLeaves;
  const Param &param = self.params[what.param];
  Outcome outcome = readTensorArgument(call, value, param)
                        ? Outcome::Done
                        : readArgument(call, value, param);
  if (outcome == Outcome::Failed)
    return false;
  bool same = outcome == Outcome::Done &&
              call.numWords - firstWord == what.numWords &&
              call.numLeaves - firstLeaf == what.numLeaves;
  for (unsigned i = 0; same && i < what.numWords; ++i)
    same = call.words[firstWord + i] == self.words[what.firstWord + i];
  if (!same) {
    refuse(self, what.param, value);
    return false;
  }
  for (unsigned i = 0; i < what.numLeaves; ++i) {
    int place = self.passedAs[what.firstLeaf + i];
    if (place >= 0)
      params[place] = &call.leaves[firstLeaf + i];
  }
  return true;
}

/// Makes the maps of the descriptors that vary in *maps* and points *params* at
/// them. Declined if Triton's own launcher has to meet one. `Failed` has an
/// exception set.
static Outcome fillVarying(const Frozen::Parts &self, Call &call,
                           CUtensorMap *maps, void **params) {
  const Plan &plan = self.loaded.plan();
  unsigned next = 0;
  for (const Varying &what : self.varying)
    for (unsigned i = 0; i < what.numMaps; ++i, ++next) {
      const MapPlan &map = plan.maps[what.firstMap + i];
      Outcome outcome = fillDescriptor(map, call, next, &maps[next]);
      if (outcome != Outcome::Done)
        return outcome;
      params[map.param] = &maps[next];
    }
  return Outcome::Done;
}

/// Converts what varies to what is passed. Returns false with an exception set.
static bool convertVarying(const Frozen::Parts &self, Call &call) {
  unsigned leaf = 0;
  const Plan &plan = self.loaded.plan();
  for (const Varying &what : self.varying)
    for (unsigned i = 0; i < what.numLeaves; ++i, ++leaf)
      if (call.kinds[leaf] == Leaf::Float &&
          !convertFloat(plan, what.firstLeaf + i, &call.leaves[leaf]))
        return false;
  return call.numForeign == 0 || translateForeign(plan, call, self.device);
}

/// Launches by way of Python, with all values: where hooks have to be called,
/// or Triton's launcher has to meet what is odd.
[[gnu::cold]] static PyObject *launchAll(const Frozen::Parts &self,
                                         CUstream stream,
                                         PyObject *const *varying) {
  Ref values(PyTuple_New(static_cast<Py_ssize_t>(self.values.size())));
  for (size_t i = 0; values && i < self.values.size(); ++i) {
    PyObject *value = self.values[i].get();
    for (size_t j = 0; j < self.varying.size(); ++j)
      if (self.varying[j].param == i)
        value = varying[j];
    if (PyTuple_SetItem(values.get(), static_cast<Py_ssize_t>(i),
                        Ref::to(value).release()) < 0)
      return nullptr;
  }
  const int *size = self.grid.size;
  Ref grid(Py_BuildValue("(iii)", size[0], size[1], size[2]));
  if (!values || !grid ||
      !launchInPython(self.loaded, grid.get(), stream, values.get(),
                      /*withHooks=*/true))
    return nullptr;
  Py_RETURN_NONE;
}

/// Sorts keyword arguments to the places of the parameters that vary. Returns
/// false with an exception set.
static bool sortKeywords(const Frozen::Parts &self, PyObject *const *given,
                         Py_ssize_t positional, PyObject *keywords,
                         PyObject **sorted) {
  size_t number = self.varying.size();
  for (size_t i = 0; i < number; ++i)
    sorted[i] = static_cast<Py_ssize_t>(i) < positional ? given[i] : nullptr;
  Py_ssize_t numKeywords = keywords ? tupleSize(keywords) : 0;
  for (Py_ssize_t k = 0; k < numKeywords; ++k) {
    PyObject *name = tupleItem(keywords, k);
    size_t place = 0;
    while (place < number &&
           PyUnicode_Compare(self.params[self.varying[place].param].name.get(),
                             name) != 0)
      ++place;
    if (place == number || sorted[place]) {
      PyErr_Format(PyExc_TypeError, "%s argument '%U' of a frozen launch",
                   place == number ? "unknown or fixed" : "repeated", name);
      return false;
    }
    sorted[place] = given[positional + k];
  }
  return true;
}

/// Sets the exception for a launch with *got* arguments.
[[gnu::cold]] static PyObject *raiseCount(const Frozen::Parts &self,
                                          Py_ssize_t got) {
  Ref list(PyList_New(0)), comma(PyUnicode_FromString(", "));
  for (const Varying &what : self.varying)
    if (!list ||
        PyList_Append(list.get(), self.params[what.param].name.get()) < 0)
      return nullptr;
  Ref wanted(list && comma ? PyUnicode_Join(comma.get(), list.get()) : nullptr);
  if (wanted)
    PyErr_Format(PyExc_TypeError,
                 "a frozen launch takes the %zu arguments that vary (%U), got "
                 "%zd",
                 self.varying.size(), wanted.get(), got);
  return nullptr;
}

/// Allocates the scratch memory of a launch and points *params* at it, unless
/// hooks have Python do all. Returns false with an exception set.
[[gnu::cold]] static bool allocate(const Frozen::Parts &self, CUstream stream,
                                   Scratch &scratch, void **params) {
  int hooks = launchHooksDoSomething(/*codeHasRun=*/true);
  if (hooks != 0)
    return hooks > 0;
  size_t first = self.launchParams.size() - 2;
  params[first] = &scratch.addresses[0];
  params[first + 1] = &scratch.addresses[1];
  return scratch.allocate(self.loaded, self.grid, stream);
}

/// Launches with the values of what varies, in order. Returns None, or null
/// with an exception set.
static PyObject *launchFrozen(const Frozen::Parts &self,
                              PyObject *const *varying) {
  int device;
  CUstream stream;
  if (!currentDevice(&device))
    return nullptr;
  if (device != self.device) {
    PyErr_Format(PyExc_RuntimeError,
                 "this launch was frozen for device %d, and device %d is the "
                 "current one; freeze one for each device",
                 self.device, device);
    return nullptr;
  }
  if (!currentStream(device, &stream))
    return nullptr;
  LentRoom room;
  Call &call = room->call;
  void **params = room->params;
  std::memcpy(params, self.launchParams.data(),
              self.launchParams.size() * sizeof(void *));
  Scratch scratch;
  if (self.loaded.allocate && !allocate(self, stream, scratch, params))
    return nullptr;
  for (size_t i = 0; i < self.varying.size(); ++i)
    if (!placeVarying(self, self.varying[i], varying[i], call, params))
      return nullptr;
  Outcome filled = fillVarying(self, call, room->maps, params);
  int hooks = filled == Outcome::Failed
                  ? -1
                  : launchHooksDoSomething(/*codeHasRun=*/true);
  if (hooks < 0)
    return nullptr;
  if (filled == Outcome::Declined || hooks != 0)
    return launchAll(self, stream, varying);
  if (!scratch.locate(self.loaded.plan()) || !convertVarying(self, call) ||
      !launchKernel(self.loaded.plan(), self.loaded.config, self.grid, stream,
                    params, device, self.holdGil))
    return nullptr;
  count(Reason::Frozen);
  Py_RETURN_NONE;
}

/// Has what a launch will read on its way; what CUDA does for a launch leaves
/// little of it in the nearest cache.
static void prefetch(const Frozen::Parts &self) {
  const void *const lines[] = {
      self.words.data(),    self.launchParams.data(),
      self.varying.data(),  self.params.data(),
      self.passedAs.data(), self.loaded.planOwner.get()};
  for (const void *line : lines)
    __builtin_prefetch(line);
}

/// The vectorcall of `Frozen`.
static PyObject *callFrozen(PyObject *object, PyObject *const *given,
                            size_t flags, PyObject *keywords) {
  Ref held = Ref::to(object);
  const Frozen::Parts *self = reinterpret_cast<Frozen *>(object)->parts;
  if (self)
    prefetch(*self);
  if (!active) {
    PyErr_SetString(PyExc_RuntimeError,
                    "a frozen launch needs the driver that it was frozen for "
                    "to be the active one");
    return nullptr;
  }
  Py_ssize_t positional = PyVectorcall_NARGS(flags);
  Py_ssize_t got = positional + (keywords ? tupleSize(keywords) : 0);
  if (!self || got != static_cast<Py_ssize_t>(self->varying.size()))
    return self ? raiseCount(*self, got) : PyErr_NoMemory();
  if (!keywords)
    return launchFrozen(*self, given);
  LentRoom room;
  if (!sortKeywords(*self, given, positional, keywords, room->values))
    return nullptr;
  return launchFrozen(*self, room->values);
}

//===----------------------------------------------------------------------===//
// Freezing
//===----------------------------------------------------------------------===//

/// Reads all values and notes where those of each parameter are. Declined if
/// the native launcher cannot take one; *param* says which.
static Outcome readValues(const Frozen::Parts &self, Call &call,
                          std::vector<Varying> *places, size_t *param) {
  for (size_t &i = *param = 0; i < self.params.size(); ++i) {
    Varying place{i, call.numWords,       0, call.numLeaves,
                  0, call.numDescriptors, 0, false};
    unsigned numObjects = call.numObjects;
    Outcome outcome = readArgument(call, self.values[i].get(), self.params[i]);
    if (outcome != Outcome::Done)
      return outcome;
    place.numWords = call.numWords - place.firstWord;
    place.numLeaves = call.numLeaves - place.firstLeaf;
    place.numMaps = call.numDescriptors - place.firstMap;
    place.hasObjects = call.numObjects != numObjects;
    places->push_back(place);
  }
  return Outcome::Done;
}

/// Points the launch parameters at the leaves and at *maps*.
static void placeLeaves(Frozen::Parts &self, const Call &call,
                        const CUtensorMap *maps) {
  const Plan &plan = self.loaded.plan();
  self.words.assign(call.words, call.words + call.numWords);
  self.leaves.assign(call.leaves, call.leaves + call.numLeaves);
  self.passedAs.assign(call.numLeaves, -1);
  for (size_t i = 0; i < plan.passed.size(); ++i) {
    self.passedAs[plan.passed[i]] = static_cast<int>(i);
    self.launchParams.push_back(&self.leaves[plan.passed[i]]);
  }
  self.maps.assign(maps, maps + call.numDescriptors);
  for (size_t i = 0; i < self.maps.size(); ++i)
    self.launchParams[plan.maps[i].param] = &self.maps[i];
  self.launchParams.push_back(&self.noScratch[0]);
  self.launchParams.push_back(&self.noScratch[1]);
}

/// Reads the values of *parts* and lays the launch out; *vary* is a list of the
/// parameters that vary, by number. Returns false with an exception set.
static bool layOut(Frozen::Parts &parts, PyObject *vary) {
  LentRoom room;
  Call &call = room->call;
  size_t param = 0;
  std::vector<Varying> places;
  Outcome outcome = readValues(parts, call, &places, &param);
  if (outcome == Outcome::Declined)
    PyErr_Format(PyExc_TypeError,
                 "argument '%U' cannot be frozen: the native launcher does not "
                 "take a value like it",
                 parts.params[param].name.get());
  if (outcome != Outcome::Done)
    return false;
  const Plan &plan = parts.loaded.plan();
  if (!fitsPlan(plan, call)) {
    PyErr_SetString(PyExc_TypeError,
                    "these arguments cannot be frozen: one is converted to the "
                    "type of its annotation");
    return false;
  }
  outcome = fillDescriptors(plan, call, room->maps);
  if (outcome == Outcome::Declined)
    PyErr_SetString(PyExc_TypeError,
                    "these arguments cannot be frozen: a descriptor is not as "
                    "Triton makes them");
  // What varies is converted at each launch; converting it here too is
  // harmless.
  if (outcome != Outcome::Done || !convertLeaves(plan, call, parts.device))
    return false;
  placeLeaves(parts, call, room->maps);
  for (Py_ssize_t i = 0; i < listSize(vary); ++i) {
    size_t index = PyLong_AsSize_t(listItem(vary, i));
    if (index >= places.size()) {
      PyErr_SetString(PyExc_IndexError, "no such parameter");
      return false;
    }
    if (places[index].hasObjects) {
      PyErr_Format(PyExc_TypeError,
                   "argument '%U' cannot vary: it holds constants or is a "
                   "named tuple",
                   parts.params[index].name.get());
      return false;
    }
    parts.varying.push_back(places[index]);
  }
  return true;
}

/// `Frozen(kernel, facts, device, grid, params, values, vary, hold_gil)`:
/// *facts* as the compile callback gives them, *params* as `Dispatcher` takes
/// them, *values* one for each, *vary* a list of the numbers of those that
/// vary, in the order of the launch's arguments.
static PyObject *newFrozen(PyTypeObject *type, PyObject *args, PyObject *) {
  PyObject *kernel, *facts, *grid, *params, *values, *vary;
  int device, holdGil;
  if (!PyArg_ParseTuple(args, "OOiOO!O!O!p", &kernel, &facts, &device, &grid,
                        &PyTuple_Type, &params, &PyTuple_Type, &values,
                        &PyList_Type, &vary, &holdGil))
    return nullptr;
  Ref object = allocateObject<Frozen>(type);
  if (!object)
    return nullptr;
  auto *frozen = reinterpret_cast<Frozen *>(object.get());
  Frozen::Parts &parts = *frozen->parts;
  if (!parts.loaded.read(facts))
    return nullptr;
  parts.kernel = Ref::to(kernel);
  parts.device = device;
  parts.holdGil = holdGil != 0;
  if (readGrid(grid, &parts.grid) != Outcome::Done) {
    PyErr_Format(PyExc_TypeError,
                 "the grid of a frozen launch is a tuple of 1 to 3 integers, "
                 "got %R",
                 grid);
    return nullptr;
  }
  if (tupleSize(params) != tupleSize(values)) {
    PyErr_SetString(PyExc_ValueError, "a value for each parameter");
    return nullptr;
  }
  for (Py_ssize_t i = 0; i < tupleSize(params); ++i) {
    parts.params.emplace_back();
    if (!readParam(tupleItem(params, i), &parts.params.back()))
      return nullptr;
    parts.values.push_back(Ref::to(tupleItem(values, i)));
  }
  if (!layOut(parts, vary))
    return nullptr;
  frozen->vectorcall = callFrozen; // not before: reading values runs code
  return object.release();
}

static int traverseFrozen(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  Frozen::Parts *parts = reinterpret_cast<Frozen *>(object)->parts;
  if (!parts)
    return 0;
  Py_VISIT(parts->kernel.get());
  if (int stop = parts->loaded.traverse(visit, arg))
    return stop;
  for (const Ref &value : parts->values)
    Py_VISIT(value.get());
  return 0;
}

static PyMemberDef frozenMembers[] = {{"__vectorcalloffset__", T_PYSSIZET,
                                       offsetof(Frozen, vectorcall), READONLY,
                                       nullptr},
                                      {nullptr, 0, 0, 0, nullptr}};

static PyType_Slot frozenSlots[] = {
    {Py_tp_new, reinterpret_cast<void *>(newFrozen)},
    {Py_tp_call, reinterpret_cast<void *>(PyVectorcall_Call)},
    {Py_tp_dealloc, reinterpret_cast<void *>(deallocObject<Frozen>)},
    {Py_tp_traverse, reinterpret_cast<void *>(traverseFrozen)},
    {Py_tp_clear, reinterpret_cast<void *>(clearObject<Frozen>)},
    {Py_tp_members, frozenMembers},
    {Py_tp_doc,
     const_cast<char *>("A launch of which only some arguments vary.")},
    {0, nullptr}};

static PyType_Spec frozenSpec = {
    "triton.backends.graft.launch._launcher.Frozen", sizeof(Frozen), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    frozenSlots};

bool graft::launcher::addFrozen(PyObject *module) {
  Ref type(PyType_FromModuleAndSpec(module, &frozenSpec, nullptr));
  return type && PyModule_AddObjectRef(module, "Frozen", type.get()) == 0;
}
