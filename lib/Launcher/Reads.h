//===- Reads.h - What a kernel was compiled from ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The front end reads Python values while it compiles a kernel: globals, what
// closures hold, attributes of modules and classes. A compiled kernel says
// which (backend/cache/reads.py). Where all are the same objects still, the
// kernel is current; elsewhere Python is asked, which compares what they say.
//
// That they are the same is seen without looking at each of them where Python
// can watch dicts (3.12 and newer), or keeps a number that changes with a dict
// (3.11).
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_READS_H
#define GRAFT_LAUNCHER_READS_H

#include "Changes.h"
#include "Shared.h"

#include <memory>
#include <vector>

namespace graft::launcher {

/// What was read for one compiled kernel.
class Reads {
public:
  Reads() = default;
  ~Reads(); // elsewhere: launches do without
  /// Takes what *compiled* says was read for it; null in *reads* if that is
  /// nothing. Returns false with an exception set. Borrows *compiled*; needs
  /// the GIL.
  static bool of(PyObject *compiled, std::unique_ptr<Reads> *reads);

  /// The same, in place of what was taken before. What cannot be understood is
  /// never the same.
  bool take(PyObject *compiled);

  /// Whether all that was read is the same object as then. Returns 1; 0, also
  /// if that cannot be told; or -1 with an exception set. Needs the GIL.
  int areSame() { return taken->objectsAreSame() ? namesAreSame() : 0; }

  /// Adds the memory that `areSame` reads to *lines*.
  template <typename Lines> void addTo(Lines &lines) const {
    lines.add(*taken);
    if (!taken->namespaces.empty())
      lines.add(taken->namespaces.front(), taken->namespaces.size());
    if (!taken->cells.empty())
      lines.add(taken->cells.front(), taken->cells.size());
    if (!taken->things.empty())
      lines.add(taken->things.front(), taken->things.size());
  }

  /// For the garbage collector.
  int traverse(visitproc visit, void *arg) const;

private:
  /// What was read of a dict. All pointers are borrowed from *source*.
  struct Name {
    PyObject *dict, *name, *value; ///< no value: it was not there; no name:
                                   ///< the value is the number of all items
  };
  /// A dict, and where what was read of it stands among *names*.
  struct Namespace {
    PyObject *dict;
    size_t first, last;
    uint64_t version = 0; ///< when all were the same, or 0
  };
  struct Cell {
    PyObject *cell, *value; ///< no value: it was empty
  };

  /// Something that can change and stay the same object.
  struct Thing {
    PyObject *object, *as;
    bool (*isSame)(PyObject *object, PyObject *as); ///< runs no Python code
  };

  /// All that is known of one tuple of reads. Looking names up may run code
  /// that has others taken, so who looks holds what it looks at.
  struct Taken {
    bool takeOne(PyObject *read);
    bool takeAll();
    void sortNames();
    bool objectsAreSame() const;
    bool versionsAreSame() const {
      for (const Namespace &space : namespaces)
        if (space.version == 0 || space.version != versionOf(space.dict))
          return false;
      return true;
    }
    int lookAtNames();
    int lookAt(const Namespace &space) const;
    bool watchNames() const;

    uint64_t at = 0; ///< `nameChanges` when all names were the same, or 0
    bool never = false, watchTried = false, watched = false;
    std::vector<Cell> cells;
    std::vector<Thing> things;
    std::vector<Namespace> namespaces;
    std::vector<Name> names;
    Ref source; ///< the tuple that was taken, or null
  };

  int namesAreSame() {
    return taken->at == nameChanges || taken->versionsAreSame() || lookAgain();
  }
  [[gnu::noinline]] int lookAgain();

  Shared<Taken> taken = Shared<Taken>::make();
};

/// Asks Python whether *compiled*, whose reads are not the same, is current all
/// the same. Returns 1, 0, or -1 with an exception set. Borrows *compiled*;
/// needs the GIL.
int askWhetherCurrent(PyObject *compiled);

/// Adds `set_reads` to *module*. Returns false with an exception set on
/// failure.
bool addReads(PyObject *module);

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_READS_H
