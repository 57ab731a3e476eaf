//===- Table.h - What belongs to which words --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TABLE_H
#define GRAFT_LAUNCHER_TABLE_H

#include "Call.h"
#include "Constants.h"
#include "Shared.h"

#include <unordered_map>
#include <vector>

namespace graft::launcher {

/// A bounded map from the words of a call to a `Value`, which has the member
/// `int traverse(visitproc, void *)`. Needs the GIL throughout.
template <typename Value> class Table {
public:
  /// Kernels have few variants. One that is given ever new constants must not
  /// hold on to all of them: a full table is emptied.
  static constexpr size_t MaxEntries = 1024;

  /// What is found stays as it is for those who found it, also where the table
  /// drops it meanwhile.
  struct Entry {
    std::vector<uint64_t> words;
    std::vector<Ref> objects;
    Value value;
  };
  using Found = Shared<Entry>;

  Table() = default;
  Table(const Table &) = delete;
  Table &operator=(const Table &) = delete;
  ~Table() { clear(); }

  /// Finds what belongs to *call*; nothing in `*found` if it is not here, or if
  /// comparing ran code that changed the table. Returns false with an exception
  /// set.
  bool find(const Call &call, Found *found) {
    // Trying the entry used last is cheaper than hashing.
    int over = recent ? tryEntry(recent, call, found) : 0;
    return over != 0 ? over > 0 : findOther(call, found);
  }

  /// Takes over *value* as what belongs to *call*.
  void insert(const Call &call, Value value) {
    if (entries.size() >= MaxEntries)
      clear();
    Found entry = Found::make();
    entry->words.assign(call.words, call.words + call.numWords);
    for (unsigned i = 0; i < call.numObjects; ++i)
      entry->objects.push_back(Ref::to(call.objects[i]));
    entry->value = std::move(value);
    ++epoch;
    entries.emplace(hash(call), entry);
    recent = std::move(entry);
  }

  /// Drops *value*, if it is here. Its end may run code that comes back here.
  [[gnu::cold, gnu::noinline]] void erase(const Value *value) {
    for (auto it = entries.begin(); it != entries.end(); ++it)
      if (&it->second->value == value) {
        Found old = std::move(it->second), oldRecent = std::move(recent);
        entries.erase(it);
        ++epoch;
        return;
      }
  }

  /// Drops everything. Objects are released last, as their end may run code
  /// that comes back here.
  [[gnu::noinline]] void clear() {
    Found oldRecent = std::move(recent);
    Entries old;
    old.swap(entries);
    ++epoch;
  }

  size_t size() const { return entries.size(); }

  /// Visits all that is owned here, for the garbage collector.
  int traverse(visitproc visit, void *arg) const {
    for (auto &item : entries) {
      for (const Ref &object : item.second->objects)
        Py_VISIT(object.get());
      if (int stop = item.second->value.traverse(visit, arg))
        return stop;
    }
    return 0;
  }

private:
  using Entries = std::unordered_multimap<uint64_t, Found>;

  static uint64_t hash(const Call &call) {
    uint64_t result = call.numWords;
    for (unsigned i = 0; i < call.numWords; ++i) {
      // A multiplier with bits everywhere (the golden ratio), as in Fibonacci
      // hashing; the rotation makes the place of a word count.
      result = (result << 5 | result >> 59) ^ call.words[i];
      result *= 0x9e3779b97f4a7c15;
    }
    return result;
  }

  /// Looks at all entries but the recent one, which was tried.
  [[gnu::noinline]] bool findOther(const Call &call, Found *found) {
    int over = 0;
    auto range = entries.equal_range(hash(call));
    for (auto it = range.first; it != range.second; ++it) {
      if (it->second.get() != recent.get())
        over = tryEntry(it->second, call, found);
      if (over != 0) // the iterators may have ended with what they are of
        break;
    }
    if (*found)
      recent = *found;
    return over >= 0;
  }

  /// Whether the search is over with *entry*: 1 if it is for *call*, and in
  /// *found*, or if comparing ran code that changed the table; -1 with an
  /// exception set; else 0, and the table is as it was.
  int tryEntry(const Found &entry, const Call &call, Found *found) {
    if (!sameWords(*entry, call))
      return 0;
    if (!areIdentical(*entry, call))
      return compareObjects(entry, call, found);
    *found = entry;
    return 1;
  }

  /// The same for an entry with the words of *call*.
  [[gnu::noinline]] int compareObjects(Found entry, const Call &call,
                                       Found *found) {
    const uint64_t before = epoch;
    int same = sameObjects(*entry, call);
    if (same >= 0 && epoch != before)
      return 1;
    if (same > 0)
      *found = std::move(entry);
    return same;
  }

  static bool sameWords(const Entry &entry, const Call &call) {
    if (entry.words.size() != call.numWords ||
        entry.objects.size() != call.numObjects)
      return false;
    // One by one: the words were just written, and a wide load that spans
    // several stores under way has to wait for them.
    const uint64_t *words = entry.words.data();
    for (unsigned i = 0, number = call.numWords; i < number; ++i)
      if (words[i] != call.words[i])
        return false;
    return true;
  }

  static bool areIdentical(const Entry &entry, const Call &call) {
    for (unsigned i = 0; i < call.numObjects; ++i)
      if (entry.objects[i].get() != call.objects[i])
        return false;
    return true;
  }

  /// Compares as Python does. Returns 1, 0, or -1 with an exception set.
  static int sameObjects(const Entry &entry, const Call &call) {
    for (unsigned i = 0; i < call.numObjects; ++i) {
      if (entry.objects[i].get() == call.objects[i])
        continue;
      int same = sameConstant(entry.objects[i].get(), call.objects[i]);
      if (same != 1)
        return same;
    }
    return 1;
  }

  Entries entries;
  Found recent;
  /// Changes whenever *entries* does.
  uint64_t epoch = 0;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TABLE_H
