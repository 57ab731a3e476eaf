//===- Variant.h - The variants of a kernel ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_VARIANT_H
#define GRAFT_LAUNCHER_VARIANT_H

#include "Compiled.h"
#include "Loaded.h"
#include "Reads.h"
#include "Table.h"

#include <memory>

namespace graft::launcher {

/// A variant of a kernel for one device.
struct Variant : Loaded {
  CompiledAttributes attributes;
  CheckedState checked; ///< whether Triton has it, with these attributes
  std::unique_ptr<Reads> reads; ///< what it was compiled from; null: nothing

  /// Reads what the compile callback says. Returns false with an exception set.
  bool read(PyObject *facts);
  /// Whether Triton's cache still has it, as it was: what is gone from there,
  /// replaced there, or changed, is not used. Returns 1, 0, or -1 with an
  /// exception set.
  int isThere() { return checked.holds() ? 1 : look(); }
  /// Takes it from where it is kept. Returns false with an exception set.
  bool forget(Table<Variant> &table);
  int traverse(visitproc visit, void *arg) const;

private:
  [[gnu::noinline]] int look();
};

/// The variants for one device.
struct DeviceTable {
  Ref owner; ///< the entry of Triton's caches that they belong to
  CheckedState checked;
  Table<Variant> variants;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_VARIANT_H
