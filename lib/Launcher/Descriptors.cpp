//===- Descriptors.cpp - Descriptors of tensors as arguments --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Descriptors.h"
#include "Arrays.h"
#include "Constants.h"
#include "Errors.h"
#include "Names.h"
#include "Words.h"

using namespace graft::launcher;

DescriptorNames graft::launcher::descriptorNames;

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

/// Whether iterating over *object* gives the elements of the tuple that it is:
/// torch.Size is a class of its own.
static bool isPlainTuple(PyObject *object) {
  return PyTuple_Check(object) &&
         (PyTuple_CheckExact(object) ||
          PyType_GetSlot(Py_TYPE(object), Py_tp_iter) ==
              PyType_GetSlot(&PyTuple_Type, Py_tp_iter));
}

bool graft::launcher::readInts(PyObject *sequence, Numbers<std::int64_t> *out) {
  bool isList = PyList_CheckExact(sequence);
  if (!isList && !isPlainTuple(sequence))
    return false;
  Py_ssize_t size = isList ? listSize(sequence) : tupleSize(sequence);
  if (size < 1 || size > MaxRank)
    return false;
  out->size = static_cast<int>(size);
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject *item = isList ? listItem(sequence, i) : tupleItem(sequence, i);
    int overflow = 1;
    if (PyLong_CheckExact(item))
      out->values[i] = readLong(item, &overflow);
    if (overflow != 0)
      return false;
  }
  return true;
}

/// *outermostFirst* the other way round, without the *skipped* innermost.
template <typename Number>
static Numbers<Number> turned(const Numbers<std::int64_t> &outermostFirst,
                              int skipped = 0) {
  Numbers<Number> result;
  result.size = outermostFirst.size - skipped;
  for (int i = 0; i < result.size; ++i)
    result.values[i] =
        static_cast<Number>(outermostFirst.values[result.size - 1 - i]);
  return result;
}

//===----------------------------------------------------------------------===//
// What tells variants apart
//===----------------------------------------------------------------------===//

/// Writes what `readDescriptor` needs. What is odd, or raises, is declined for
/// Triton's own path to meet again.
static Outcome readType(PyObject *descriptor, uint64_t *dtype,
                        Numbers<std::int64_t> *block) {
  Ref base, given;
  if (!getAttribute(descriptor, descriptorNames.base, &base))
    return Outcome::Failed;
  if (!base)
    return Outcome::Declined;
  Outcome outcome = readDtype(base.get(), dtype);
  if (outcome != Outcome::Done)
    return outcome;
  if (!getAttribute(descriptor, descriptorNames.block, &given))
    return Outcome::Failed;
  return given && readInts(given.get(), block) ? Outcome::Done
                                               : Outcome::Declined;
}

/// Writes how many dimensions the tensor of a descriptor has: as many as its
/// block, except for a convolution.
static Outcome readRank(PyObject *descriptor, DescriptorClass which,
                        const Numbers<std::int64_t> &block, unsigned *rank) {
  *rank = static_cast<unsigned>(block.size);
  if (which != DescriptorClass::Im2Col)
    return Outcome::Done;
  Ref shape;
  Numbers<std::int64_t> extents;
  if (!getAttribute(descriptor, descriptorNames.shape, &shape))
    return Outcome::Failed;
  if (!shape || !readInts(shape.get(), &extents))
    return Outcome::Declined;
  *rank = static_cast<unsigned>(extents.size);
  return Outcome::Done;
}

/// Appends the layout that a descriptor of Gluon's has.
static Outcome readLayout(Call &call, PyObject *descriptor) {
  Ref layout;
  if (!getAttribute(descriptor, descriptorNames.layout, &layout))
    return Outcome::Failed;
  return layout ? readConstant(call, layout.get())
                : call.decline(Reason::ArgumentType);
}

Outcome graft::launcher::readDescriptor(Call &call, PyObject *value) {
  DescriptorClass which = descriptorClass(Py_TYPE(value));
  if (which == DescriptorClass::None)
    return call.decline(Reason::ArgumentType);
  uint64_t dtype;
  unsigned rank = 0;
  Numbers<std::int64_t> block;
  Outcome outcome = readType(value, &dtype, &block);
  if (outcome == Outcome::Done)
    outcome = readRank(value, which, block, &rank);
  if (outcome == Outcome::Declined)
    return call.decline(Reason::ArgumentType);
  if (outcome == Outcome::Failed)
    return outcome;
  if (!call.fits(2 + 2 * MaxRank) || call.numDescriptors == MaxDescriptors)
    return call.decline(Reason::TooMany);
  call.word(TagDescriptor | static_cast<unsigned>(block.size) << 8 |
            uint64_t(which) << 12 | dtype << 16);
  for (int i = 0; i < block.size; ++i)
    call.word(static_cast<uint64_t>(block.values[i]));
  if (which == DescriptorClass::Im2Col)
    call.word(rank);
  call.descriptors[call.numDescriptors] = {
      value, static_cast<uint16_t>(call.numLeaves),
      static_cast<uint16_t>(rank)};
  call.leaf(Leaf::TensorMap, call.numDescriptors++);
  for (unsigned i = 0; i < 2 * rank; ++i)
    call.leaf(Leaf::Int, 0);
  return which == DescriptorClass::Tritons ? Outcome::Done
                                           : readLayout(call, value);
}

//===----------------------------------------------------------------------===//
// What is launched
//===----------------------------------------------------------------------===//

namespace {
/// What a map is made of besides its plan.
struct Parts {
  Ref shape, strides, padding, rounds;
  unsigned long long address;
  Numbers<std::int64_t> extents, steps;

  Outcome read(Call &call, const Described &given);
  bool readSequences(int rank);
};
} // namespace

static Ref attribute(PyObject *object, PyObject *name) {
  return Ref(PyObject_GetAttr(object, name));
}

/// Writes the address of *base*, and notes in *call* whether code told it.
static Outcome readBase(Call &call, PyObject *base,
                        unsigned long long *address) {
  Array known;
  if (readKnownTensor(base, &known)) {
    *address = known.address;
    return Outcome::Done;
  }
  call.codeHasRun = true;
  PyObject *args[] = {base};
  Ref number(PyObject_VectorcallMethod(names.dataPtr, args, 1, nullptr));
  if (!number)
    return Outcome::Failed;
  if (!PyLong_CheckExact(number.get()))
    return Outcome::Declined;
  *address = PyLong_AsUnsignedLongLongMask(number.get());
  return Outcome::Done;
}

/// Reads shape and strides, which are passed as well: as many of each.
bool Parts::readSequences(int rank) {
  return readInts(shape.get(), &extents) && extents.size == rank &&
         readInts(strides.get(), &steps) && steps.size == rank &&
         steps.values[rank - 1] == 1;
}

/// In the order in which Triton reads them, which raises the first error.
Outcome Parts::read(Call &call, const Described &given) {
  if (!(shape = attribute(given.object, descriptorNames.shape)) ||
      !(strides = attribute(given.object, descriptorNames.strides)))
    return Outcome::Failed;
  if (!readSequences(given.rank))
    return Outcome::Declined;
  if (!(padding = attribute(given.object, descriptorNames.padding)) ||
      !(rounds = attribute(given.object, descriptorNames.roundsToTf32)))
    return Outcome::Failed;
  if (!PyUnicode_CheckExact(padding.get()) || !PyBool_Check(rounds.get()))
    return Outcome::Declined;
  Ref base = attribute(given.object, descriptorNames.base);
  Outcome outcome =
      base ? readBase(call, base.get(), &address) : Outcome::Failed;
  if (outcome != Outcome::Done)
    return outcome;
  // The code that has told the address may have changed them.
  return readSequences(given.rank) ? Outcome::Done : Outcome::Declined;
}

/// Makes *extents* and *shape* those of a tensor whose numbers are padded.
static bool padShape(Parts &parts) {
  int last = parts.extents.size - 1;
  if (__builtin_mul_overflow(parts.extents.values[last], 2,
                             &parts.extents.values[last]))
    return false;
  Ref list(PySequence_List(parts.shape.get()));
  Ref number(list ? PyLong_FromLongLong(parts.extents.values[last]) : nullptr);
  if (!number || PyList_SetItem(list.get(), last, number.release()) < 0)
    return false;
  parts.shape = std::move(list);
  return true;
}

/// Reads the ints that *object* has as *name* into *numbers*. Declined if it
/// has others. `Failed` has an exception set.
template <typename Number>
static Outcome readCorner(PyObject *object, PyObject *name,
                          Numbers<Number> *numbers) {
  Numbers<std::int64_t> wide;
  Ref given = attribute(object, name);
  if (!given)
    return Outcome::Failed;
  if (!readInts(given.get(), &wide))
    return Outcome::Declined;
  *numbers = turned<Number>(wide);
  for (int i = 0; i < wide.size; ++i)
    if (numbers->values[wide.size - 1 - i] != wide.values[i])
      return Outcome::Declined;
  return Outcome::Done;
}

/// Reads what the map of a convolution has besides, in the order in which
/// Triton reads it, into *request*, which has the shape.
static Outcome readIm2col(PyObject *descriptor, MapRequest &request) {
  request.isIm2col = true;
  Ref steps = attribute(descriptor, descriptorNames.steps);
  if (!steps)
    return Outcome::Failed;
  Outcome outcome = Outcome::Done;
  if (steps.get() != Py_None) {
    outcome = readCorner(descriptor, descriptorNames.steps, &request.steps);
  } else {
    request.steps.size = request.shape.size;
    std::fill_n(request.steps.values, request.steps.size, 1);
  }
  if (outcome == Outcome::Done)
    outcome = readCorner(descriptor, descriptorNames.lower, &request.lower);
  if (outcome == Outcome::Done)
    outcome = readCorner(descriptor, descriptorNames.upper, &request.upper);
  bool fit = request.lower.size == request.shape.size - 2 &&
             request.upper.size == request.shape.size - 2 &&
             request.steps.size == request.shape.size &&
             request.block.size == 2;
  return outcome == Outcome::Done && !fit ? Outcome::Declined : outcome;
}

/// Makes the map of *request* in *map*, unless it is kept. Returns false with
/// an exception set.
static bool makeMap(const MapPlan &plan, const MapRequest &request,
                    CUtensorMap *map) {
  if (const CUtensorMap *kept = plan.kept.find(request)) {
    *map = *kept;
    return true;
  }
  if (!encode(request, map))
    return false;
  plan.kept.keep(request, *map);
  return true;
}

Outcome graft::launcher::fillDescriptor(const MapPlan &plan, Call &call,
                                        unsigned index, CUtensorMap *map) {
  const Described &given = call.descriptors[index];
  uint64_t *leaves = &call.leaves[given.leaf];
  Parts parts;
  MapRequest request;
  Outcome outcome = parts.read(call, given);
  if (outcome != Outcome::Done)
    return outcome;
  for (int i = 0; i < given.rank; ++i) {
    leaves[1 + i] = static_cast<uint64_t>(parts.extents.values[i]);
    leaves[1 + given.rank + i] = static_cast<uint64_t>(parts.steps.values[i]);
  }
  if (plan.padded && !padShape(parts))
    return PyErr_Occurred() ? Outcome::Failed : Outcome::Declined;
  request.address = parts.address;
  request.swizzle = plan.swizzle;
  request.elementSize = plan.elementSize;
  request.elementType =
      parts.rounds.get() == Py_True ? plan.roundedType : plan.elementType;
  request.padding =
      PyUnicode_CompareWithASCIIString(parts.padding.get(), "nan") == 0;
  request.block = plan.block;
  request.shape = turned<std::uint64_t>(parts.extents);
  request.givenBlock = plan.givenBlock.get();
  request.givenShape = parts.shape.get();
  request.givenStrides = parts.strides.get();
  if (plan.isIm2col &&
      (outcome = readIm2col(given.object, request)) != Outcome::Done)
    return outcome;
  return request.setStrides(turned<std::int64_t>(parts.steps, /*skipped=*/1)) &&
                 makeMap(plan, request, map)
             ? Outcome::Done
             : Outcome::Failed;
}

Outcome graft::launcher::fillDescriptors(const Plan &plan, Call &call,
                                         CUtensorMap *maps) {
  for (unsigned i = 0; i < call.numDescriptors; ++i) {
    Outcome outcome = fillDescriptor(plan.maps[i], call, i, &maps[i]);
    if (outcome != Outcome::Done)
      return outcome;
  }
  return Outcome::Done;
}

bool graft::launcher::addDescriptors(PyObject *) {
  return internNames({{&descriptorNames.base, "base"},
                      {&descriptorNames.shape, "shape"},
                      {&descriptorNames.strides, "strides"},
                      {&descriptorNames.block, "block_shape"},
                      {&descriptorNames.layout, "layout"},
                      {&descriptorNames.padding, "padding"},
                      {&descriptorNames.roundsToTf32, "round_f32_to_tf32"},
                      {&descriptorNames.lower, "pixel_box_lower_corner"},
                      {&descriptorNames.upper, "pixel_box_upper_corner"},
                      {&descriptorNames.steps, "element_strides"}});
}
