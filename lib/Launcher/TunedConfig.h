//===- TunedConfig.h - A configuration that an autotuner chose --*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TUNEDCONFIG_H
#define GRAFT_LAUNCHER_TUNEDCONFIG_H

#include "Changes.h"

#include <vector>

namespace graft::launcher {

/// A configuration that was chosen for launches of one kind.
struct Tuned {
  Ref config, attributes, kwargs, configClass; ///< it, and its dicts
  Ref key;   ///< where the autotuner's cache has it; null: it has one for all
  Ref cache; ///< that cache
  Ref names; ///< the keywords of the launch and of the configuration
  std::vector<Ref> values; ///< of the configuration
  /// Whether the cache has the configuration, and it has these values.
  CheckedState checked;

  /// Reads what Python says of a configuration, for launches with *keywords*:
  /// (config, its dict, its kwargs, the dict of its class, key or None, names,
  /// values). Returns false with an exception set.
  bool read(PyObject *facts, PyObject *keywords);
  /// Whether the configuration has the values that it had. Returns 1, 0, or -1
  /// with an exception set.
  int isSame(PyObject *keywords, Look &look) const;
  int traverse(visitproc visit, void *arg) const {
    for (const Ref *object : {&config, &attributes, &kwargs, &key, &cache})
      Py_VISIT(object->get());
    for (const Ref &value : values)
      Py_VISIT(value.get());
    return checked.traverse(visit, arg);
  }
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TUNEDCONFIG_H
