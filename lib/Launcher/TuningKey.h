//===- TuningKey.h - What tells launches of an autotuner apart --*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TUNINGKEY_H
#define GRAFT_LAUNCHER_TUNINGKEY_H

#include "Given.h"
#include "Shapes.h"

namespace graft::launcher {

/// One way of writing the arguments of an autotuner: where the arguments are
/// that its key is made of.
struct TunedShape {
  Ref keywords;
  Py_ssize_t numPositional;
  size_t number;          ///< another one for each
  bool valid;             ///< whether no argument is given twice
  std::vector<int> keys;  ///< arguments whose values are part of the key
  std::vector<int> named; ///< arguments whose dtypes are

  bool isOf(PyObject *, PyObject *, const Arguments &args) const {
    return numPositional == args.numPositional &&
           sameNames(keywords.get(), args.keywords);
  }
  static std::unique_ptr<TunedShape> make(const Shapes<TunedShape> &others,
                                          PyObject *argNames,
                                          PyObject *keyNames,
                                          const Arguments &args);
};

/// Appends the words of the tuning key of a launch with this *shape*. Needs the
/// GIL.
Outcome readKey(Call &call, const TunedShape &shape, const Arguments &args);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TUNINGKEY_H
