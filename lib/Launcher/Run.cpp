//===- Run.cpp - The run method of kernels --------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// `kernel[grid](...)` is short for `kernel.run(..., grid=grid, warmup=False)`.
// Libraries call that, also from a `run` of their own that does something
// before. Theirs stays in Python; what it calls of Triton's is native.
//
//===----------------------------------------------------------------------===//

#include "Keywords.h"
#include "KnownKernels.h"
#include "Launcher.h"
#include "Names.h"
#include "NativeFunction.h"
#include "Room.h"
#include "Runtime.h"

#include <algorithm>

using namespace graft::launcher;

namespace {
/// What stands in for the function that is a class's `run`: a copy of that
/// function, which tools may look into, called otherwise.
struct RunOfClass {
  PyObject *function = nullptr;
  PyObject *cls = nullptr;
  PyObject *original = nullptr; ///< Triton's own
  bool showsKeywords = false;   ///< whether it shows functions all keywords
};
} // namespace

/// Never destroyed: the process may end after Python did.
constexpr size_t NumClasses = 3;
static RunOfClass *const runs = new RunOfClass[NumClasses];

/// Takes the grid out of *args*, those of a call of `run`, and leaves in it
/// those of the launch, with *values* and *keywords* for room. Returns whether
/// it is a launch that can be native; if not, an exception may be set.
static bool takeGrid(const RunOfClass &self, Arguments &args, PyObject **grid,
                     PyObject **values, Ref *keywords) {
  Py_ssize_t atGrid = positionOf(args.keywords, names.grid);
  Py_ssize_t atWarmup = positionOf(args.keywords, names.warmup);
  PyObject *const *named = args.values + args.numPositional;
  if (atGrid < 0 || atWarmup < 0 || named[atWarmup] != Py_False ||
      !fits(args, 0))
    return false;
  // A dict has an order, which is Triton's own here.
  if (self.showsKeywords && (atGrid != 0 || atWarmup != 1))
    return false;
  *grid = named[atGrid];
  Py_ssize_t left = 0;
  *keywords = Ref(PyTuple_New(args.numKeywords() - 2));
  if (!*keywords)
    return false;
  std::copy(args.values, named, values);
  for (Py_ssize_t i = 0; i < args.numKeywords(); ++i) {
    if (i == atGrid || i == atWarmup)
      continue;
    values[args.numPositional + left] = named[i];
    PyObject *name = Ref::to(tupleItem(args.keywords, i)).release();
    if (PyTuple_SetItem(keywords->get(), left++, name) < 0)
      return false;
  }
  args = {values, args.numPositional, left ? keywords->get() : nullptr,
          self.original};
  return true;
}

/// The vectorcall of these functions: of a kernel and the arguments of `run`.
/// Returns what Triton's does, a new reference, or null with an exception set.
static PyObject *callRun(PyObject *function, PyObject *const *given,
                         size_t flags, PyObject *keywords) {
  const RunOfClass *self =
      std::find_if(runs, runs + NumClasses, [=](const RunOfClass &of) {
        return of.function == function;
      });
  if (self == runs + NumClasses) {
    PyErr_SetString(PyExc_RuntimeError, "this run is no longer in use");
    return nullptr;
  }
  Py_ssize_t number = PyVectorcall_NARGS(flags);
  if (active && number > 0 &&
      PyObject_TypeCheck(given[0],
                         reinterpret_cast<PyTypeObject *>(self->cls))) {
    LentRoom room;
    Ref left;
    PyObject *grid = nullptr;
    Arguments args{given + 1, number - 1, keywords};
    if (takeGrid(*self, args, &grid, room->values, &left))
      return launchAny(given[0], grid, args);
    if (PyErr_Occurred())
      return nullptr;
  }
  Ref original = Ref::to(self->original);
  return PyObject_Vectorcall(original.get(), given, static_cast<size_t>(number),
                             keywords);
}

/// `set_run(cls, function, original, shows_keywords)`: *function*, a copy of
/// *original*, launches the instances of *cls*. Needs the GIL.
static PyObject *setRun(PyObject *, PyObject *args) {
  PyObject *cls, *function, *original;
  int showsKeywords;
  if (!PyArg_ParseTuple(args, "O!OOp:set_run", &PyType_Type, &cls, &function,
                        &original, &showsKeywords))
    return nullptr;
  for (size_t i = 0; i < NumClasses; ++i) {
    RunOfClass &slot = runs[i];
    if (slot.cls && slot.cls != cls)
      continue;
    // Those that were there before stay: somebody may hold the function.
    slot = {Ref::to(function).release(), Ref::to(cls).release(),
            Ref::to(original).release(), showsKeywords != 0};
    replaceCall(function, callRun);
    Py_RETURN_NONE;
  }
  PyErr_Format(PyExc_ValueError, "set_run takes %zu classes", NumClasses);
  return nullptr;
}

static PyMethodDef methods[] = {
    {"set_run", setRun, METH_VARARGS, "Has a function launch natively."},
    {nullptr, nullptr, 0, nullptr}};

bool graft::launcher::addRun(PyObject *module) {
  return PyModule_AddFunctions(module, methods) == 0;
}
