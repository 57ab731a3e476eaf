//===- triton_graft.cpp - the passes as a part of libtriton ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The submodule `triton._C.libtriton.graft` of a source build. It has the same
// function that the pass library adds to the released wheel.
//
//===----------------------------------------------------------------------===//

#include "graft/Pipeline.h"
#include "graft/SourceDigest.h"
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;

/// Called by Triton when libtriton is imported.
void init_triton_graft(nb::module_ &m);

void init_triton_graft(nb::module_ &m) {
  m.doc() = "Passes of triton-graft";
  m.def("add_graft", &mlir::graft::addPipeline, nb::arg("pm"), nb::arg("args"));
  // Names the whole libtriton for backend/cache/identity.py; empty if the
  // sources do not say what was built.
  m.attr("source_digest") = GRAFT_TRITON_SOURCE_DIGEST;
}
