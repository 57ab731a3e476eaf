//===- Call.h - The arguments of a launch, as read --------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What a launch passes is read once, into two rows of 64-bit numbers: *words*,
// which tell variants of a kernel apart, and *leaves*, the values themselves.
//
// Two launches with the same words are launches that Triton would give the same
// specialisation and the same options. The reverse need not hold: words may be
// finer, which costs a second entry in a table and never a wrong kernel.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_CALL_H
#define GRAFT_LAUNCHER_CALL_H

#include "Objects.h"
#include "Stats.h"

#include <cstdint>

namespace graft::launcher {

/// How a parameter's value takes part in the choice of a variant.
enum class Rule : uint8_t {
  Constexpr,   ///< by its type and value
  Specialized, ///< by its type, and by what is special about its value
  Typed,       ///< by its type alone (do_not_specialize)
  Float,       ///< not at all: annotated as a floating-point number
  Bool,        ///< not at all: annotated as a one-bit integer
};

/// What is known about a parameter beforehand.
struct Param {
  Ref name;     ///< interned
  Ref fallback; ///< its default, or null
  Rule rule = Rule::Specialized;
  bool align = true;        ///< whether divisibility by 16 is special
  bool splitSign = false;   ///< whether negative integers must be kept apart
  bool keywordOnly = false; ///< not to be passed by position
  bool variadic = false;    ///< takes all further positions
};

/// Reads one parameter: (name, default in a tuple of one or an empty one, rule,
/// align, split sign, keyword-only, variadic). Returns false with an exception
/// set.
bool readParam(PyObject *item, Param *param);

/// What kind of value a leaf holds.
enum class Leaf : uint8_t {
  Constant,
  None,
  Bool,
  Int,
  Float,
  Pointer,
  TensorMap ///< made when it is launched; its number among the descriptors
};

/// Whether something was done, left to Triton's own path, or raised.
enum class Outcome : int { Failed = -1, Declined = 0, Done = 1 };

/// The largest launch that the fast path takes; what it needs is in Room.h.
constexpr unsigned MaxLeaves = 256;
constexpr unsigned MaxWords = 3 * MaxLeaves;
constexpr unsigned MaxDescriptors = 16;

/// A descriptor of a tensor: the leaf that is its map, which those of its shape
/// and strides follow.
struct Described {
  PyObject *object; ///< borrowed, as the arguments are
  uint16_t leaf, rank;
};

/// The arguments of one launch, as read.
struct Call {
  unsigned numWords = 0, numLeaves = 0, numObjects = 0, numForeign = 0;
  unsigned numDescriptors = 0;
  bool codeHasRun = false;     ///< of the program's, to tell an address
  Reason reason = Reason::Hit; ///< why it was declined
  uint64_t words[MaxWords];
  uint64_t leaves[MaxLeaves];
  Leaf kinds[MaxLeaves];
  /// Pointers that the driver has to be asked about, by the index of the leaf.
  uint16_t foreign[MaxLeaves];
  /// Constants that words cannot hold whole; owned.
  PyObject *objects[MaxLeaves];
  Described descriptors[MaxDescriptors];

  Call() {} // nothing is cleared: the counts say what is valid
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;
  ~Call() { clear(); }

  /// Forgets all that was read.
  void clear() {
    codeHasRun = false;
    numWords = numLeaves = numForeign = numDescriptors = 0;
    reason = Reason::Hit;
    while (numObjects > 0)
      Py_DECREF(objects[--numObjects]);
  }

  /// Appends a word. There is room if `fits` said so.
  void word(uint64_t value) { words[numWords++] = value; }
  /// Appends a leaf. There is room if `fits` said so.
  void leaf(Leaf kind, uint64_t value) {
    kinds[numLeaves] = kind;
    leaves[numLeaves++] = value;
  }
  /// Whether *more* leaves, words and objects can be appended.
  bool fits(unsigned more) const {
    return numLeaves + more <= MaxLeaves && numWords + 3 * more <= MaxWords &&
           numObjects + more <= MaxLeaves;
  }
  [[gnu::cold, gnu::noinline]] Outcome decline(Reason why) {
    reason = why;
    return Outcome::Declined;
  }
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CALL_H
