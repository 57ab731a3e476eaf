//===- Changes.h - Noticing that a dict has changed -------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// A launch depends on a dozen dicts that hardly ever change: attributes of the
// kernel, of its class, of Triton's knobs, and Triton's caches. Where Python
// can watch dicts (3.12 and newer, by its full interface), one number says that
// none of them did. Elsewhere they are looked up for every launch.
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

/// Something that was worked out from watched dicts, and when.
class CheckedState {
public:
  /// Whether no watched dict has changed since.
  bool holds() const { return at == changes; }
  /// To be called before the dicts are read, so that a change meanwhile counts.
  void begin() {
    started = changes;
    watched = true;
  }
  /// Has *dict*, which was read, watched.
  void reads(PyObject *dict) { watched = watched && watch(dict); }
  /// What was read is in order.
  void succeed() { at = watched ? started : 0; }
  void forget() { at = 0; }

private:
  uint64_t at = 0, started = 0;
  bool watched = false;
};

/// Starts watching. Returns false with an exception set on failure.
bool addChanges(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CHANGES_H
