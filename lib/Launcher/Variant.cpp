//===- Variant.cpp - The variants of a kernel -----------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Variant.h"
#include "Errors.h"

using namespace graft::launcher;

bool Variant::read(PyObject *facts) {
  return Loaded::read(facts) && attributes.read(compiled.get()) &&
         Reads::of(compiled.get(), &reads);
}

int Variant::traverse(visitproc visit, void *arg) const {
  if (int stop = Loaded::traverse(visit, arg))
    return stop;
  if (int stop = attributes.traverse(visit, arg))
    return stop;
  if (int stop = checked.traverse(visit, arg))
    return stop;
  return reads ? reads->traverse(visit, arg) : 0;
}

int Variant::look() {
  Look look;
  Ref cached;
  look.reads(kernelCache.get());
  look.reads(attributes.dict.get());
  if (!lookup(kernelCache.get(), key.get(), &cached))
    return -1;
  if (cached.get() != compiled.get())
    return 0;
  int hold = attributes.hold();
  if (hold == 1)
    checked.succeed(std::move(look));
  return hold;
}

bool Variant::forget(Table<Variant> &table) {
  PyObject *cache = kernelCache.get(), *cacheKey = key.get();
  Ref cached;
  table.erase(this);
  return lookup(cache, cacheKey, &cached) &&
         (cached.get() != compiled.get() ||
          PyDict_DelItem(cache, cacheKey) == 0);
}
