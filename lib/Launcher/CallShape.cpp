//===- CallShape.cpp - Where each parameter's argument stands -------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "CallShape.h"

using namespace graft::launcher;

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
