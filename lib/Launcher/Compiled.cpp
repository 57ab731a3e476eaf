//===- Compiled.cpp - Whether a compiled kernel is Triton's ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Compiled.h"
#include "Changes.h"
#include "Errors.h"
#include "Names.h"

using namespace graft::launcher;

namespace {
/// The class CompiledKernel.
struct KernelClass {
  Ref dict, run, metadata; ///< its dict, and Triton's own methods
  CheckedState checked;    ///< whether it has them
};
} // namespace

// Never destroyed: the process may end after Python did, with objects held
// here.
static KernelClass &kernelClass = *new KernelClass();

void graft::launcher::setCompiledKernel(PyObject *dict, PyObject *run,
                                        PyObject *metadata) {
  KernelClass fresh;
  fresh.dict = Ref::to(dict);
  fresh.run = Ref::to(run == Py_None ? nullptr : run);
  fresh.metadata = Ref::to(metadata == Py_None ? nullptr : metadata);
  std::swap(kernelClass, fresh);
}

/// Looks at the class. Returns as `compiledKernelIsTritons` does.
[[gnu::cold]] static int lookAtClass() {
  Look look;
  Ref dict = Ref::to(kernelClass.dict.get()), run, metadata;
  look.reads(dict.get());
  if (!lookup(dict.get(), names.run, &run) ||
      !lookup(dict.get(), names.launchMetadata, &metadata))
    return -1;
  if (run.get() != kernelClass.run.get() ||
      metadata.get() != kernelClass.metadata.get())
    return 0;
  kernelClass.checked.succeed(std::move(look));
  return 1;
}

int graft::launcher::compiledKernelIsTritons() {
  return kernelClass.checked.holds() ? 1 : lookAtClass();
}

bool CompiledAttributes::read(PyObject *compiled) {
  return attributesOf(compiled, &dict) &&
         lookup(dict.get(), names.ownRun, &run) &&
         lookup(dict.get(), names.function, &function) &&
         lookup(dict.get(), names.packedMetadata, &packedMetadata);
}

int CompiledAttributes::hold() const {
  Ref now[3], metadata;
  if (!lookup(dict.get(), names.ownRun, &now[0]) ||
      !lookup(dict.get(), names.function, &now[1]) ||
      !lookup(dict.get(), names.packedMetadata, &now[2]) ||
      !lookup(dict.get(), names.launchMetadata, &metadata))
    return -1;
  return now[0].get() == run.get() && now[1].get() == function.get() &&
         now[2].get() == packedMetadata.get() && !metadata;
}
