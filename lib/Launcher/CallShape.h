//===- CallShape.h - Where each parameter's argument stands -----*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_CALLSHAPE_H
#define GRAFT_LAUNCHER_CALLSHAPE_H

#include "Given.h"
#include "Shapes.h"

namespace graft::launcher {

/// One way of writing the arguments of a kernel: how many by position and which
/// by name. Worked out once.
struct CallShape {
  static constexpr int16_t Default = -1, Variadic = -2;

  Ref keywords;
  Py_ssize_t numPositional = 0;
  Reason reason = Reason::Hit;   ///< why this way is not taken, or Hit
  std::vector<int16_t> sources;  ///< of each parameter: an argument, or above
  std::vector<uint16_t> options; ///< the arguments that are options
  bool inOrder = false;   ///< whether the arguments are those of the parameters
  uint64_t optionsId = 0; ///< equal for the same options in the same order

  bool isOf(const std::vector<Param> &, const Arguments &args) const {
    return numPositional == args.numPositional &&
           sameNames(keywords.get(), args.keywords);
  }
  static std::unique_ptr<CallShape> make(const Shapes<CallShape> &others,
                                         const std::vector<Param> &params,
                                         const Arguments &args);
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_CALLSHAPE_H
