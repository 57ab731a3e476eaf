//===- triton_host.cpp - the passes as a part of libtriton ---------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The submodule `triton._C.libtriton.host` of a source build. It has what
// the pass library adds to the released wheel.
//
//===----------------------------------------------------------------------===//

#include "host/Machine.h"
#include "host/Pipeline.h"
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;

/// Called by Triton when libtriton is imported.
void init_triton_host(nb::module_ &m);

void init_triton_host(nb::module_ &m) {
  m.doc() = "Passes of triton-host";
  m.def("add_host", &mlir::host::addPipeline, nb::arg("pm"), nb::arg("args"));
  m.def("machine", &mlir::host::describeMachine);
}
