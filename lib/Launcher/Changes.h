//===- Changes.h - Noticing that a dict has changed -------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A launch depends on a dozen dicts that hardly ever change: attributes of the
// kernel, of its class, of Triton's knobs, and Triton's caches. Where Python
// can watch dicts (3.12 and newer, by its full interface), one number says that
// none of them did; Python 3.11 keeps a number with each. With the stable
// interface they are looked up for every launch.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_CHANGES_H
#define GRAFT_LAUNCHER_CHANGES_H

#include "Ref.h"

#include <cstdint>

namespace graft::launcher {

/// How many changes of watched dicts there were; never zero.
extern uint64_t changes;

/// Has *dict* watched from now on. Returns false, with no exception set, if its
/// changes cannot be noticed. Needs the GIL.
bool watch(PyObject *dict);

/// The same for names in watched namespaces. Programs write other names there
/// all the time: every loop in a module does.
extern uint64_t nameChanges;

/// Has *name* in *dict* watched from now on, as `watch` does; *name* is an
/// exact str. Needs the GIL.
bool watchName(PyObject *dict, PyObject *name);

/// Has every name in *dict* watched from now on, also those to come. Needs the
/// GIL.
bool watchAll(PyObject *dict);

/// A number that is another whenever *dict*, an exact one, has changed, or zero
/// if Python does not keep one. Needs the GIL.
inline uint64_t versionOf(PyObject *dict) {
#if !defined(Py_LIMITED_API) && PY_VERSION_HEX < 0x030c0000
  return reinterpret_cast<PyDictObject *>(dict)->ma_version_tag;
#else
  (void)dict;
  return 0;
#endif
}

#if !defined(Py_LIMITED_API) && PY_VERSION_HEX < 0x030c0000

/// The dicts that something was worked out from, as they were.
class Look {
public:
  /// To be called before *dict* is read, so that a change meanwhile counts.
  void reads(PyObject *dict) {
    if (number == MaxDicts) {
      tooMany = true;
      return;
    }
    dicts[number] = Ref::to(dict);
    versions[number++] = versionOf(dict);
  }
  /// Whether all of them are as they were.
  bool holds() const {
    for (unsigned i = 0; i < number; ++i)
      if (versions[i] != versionOf(dicts[i].get()))
        return false;
    return number > 0 && !tooMany;
  }
  int traverse(visitproc visit, void *arg) const {
    for (const Ref &dict : dicts)
      Py_VISIT(dict.get());
    return 0;
  }

private:
  static constexpr unsigned MaxDicts = 8;
  unsigned number = 0;
  bool tooMany = false;
  uint64_t versions[MaxDicts];
  Ref dicts[MaxDicts];
};

#else

/// The dicts that something was worked out from, as they were.
class Look {
public:
  /// To be called before *dict* is read, so that a change meanwhile counts.
  void reads(PyObject *dict) {
    seen = seen == 0 ? changes : seen;
    watched = watched && watch(dict);
  }
  /// Whether all of them are as they were.
  bool holds() const { return seen == changes && watched; }
  int traverse(visitproc, void *) const { return 0; }

private:
  uint64_t seen = 0; ///< `changes` when the first was read
  bool watched = true;
};

#endif

/// Whether what was worked out from dicts still holds. What is worked out anew
/// is looked at with a `Look` of its own, so that code which runs meanwhile,
/// and may work it out, too, does not make it look newer than it is.
class CheckedState {
public:
  /// Whether no dict has changed since.
  bool holds() const { return look.holds(); }
  /// What was read during *done* is in order.
  void succeed(Look &&done) { std::swap(look, done); }
  int traverse(visitproc visit, void *arg) const {
    return look.traverse(visit, arg);
  }

private:
  Look look;
};

/// Starts watching. Returns false with an exception set on failure.
bool addChanges(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CHANGES_H
