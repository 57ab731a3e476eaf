//===- Table.h - What belongs to which words --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_TABLE_H
#define GRAFT_LAUNCHER_TABLE_H

#include "Arguments.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace graft::launcher {

/// A bounded map from the words of a call to a `Value`. A value has the members
/// `unsigned references`, which starts at 1, and `int traverse(visitproc, void
/// *)`. Needs the GIL throughout.
template <typename Value> class Table {
public:
  /// Kernels have few variants. One that is given ever new constants must not
  /// hold on to all of them: a full table is emptied.
  static constexpr size_t MaxEntries = 1024;

  /// Keeps a value alive while user code runs that may empty the table.
  class Hold {
  public:
    explicit Hold(Value *held) : value(held) { ++value->references; }
    Hold(const Hold &) = delete;
    Hold &operator=(const Hold &) = delete;
    ~Hold() { release(value); }
    Value *operator->() const { return value; }
    Value &operator*() const { return *value; }

  private:
    Value *value;
  };

  Table() = default;
  Table(const Table &) = delete;
  Table &operator=(const Table &) = delete;
  ~Table() { clear(); }

  /// Finds what belongs to *call*: borrowed until Python code runs, null in
  /// `*found` if there is nothing. Returns false with an exception set.
  bool find(const Call &call, Value **found) {
    // Trying the entry used last is cheaper than hashing.
    Entry *entry = recent;
    int same = entry ? matches(*entry, call) : 0;
    if (same == 0) {
      auto range = entries.equal_range(hash(call));
      for (auto it = range.first; it != range.second && same == 0; ++it) {
        entry = it->second.get();
        same = matches(*entry, call);
      }
    }
    recent = same > 0 ? entry : recent;
    *found = same > 0 ? entry->value : nullptr;
    return same != Failed;
  }

  /// Takes over *value* as what belongs to *call*.
  void insert(const Call &call, Value *value) {
    if (entries.size() >= MaxEntries)
      clear();
    auto entry = std::make_unique<Entry>();
    entry->words.assign(call.words, call.words + call.numWords);
    for (unsigned i = 0; i < call.numObjects; ++i)
      entry->objects.push_back(Ref::to(call.objects[i]));
    entry->value = value;
    recent = entry.get();
    entries.emplace(hash(call), std::move(entry));
    ++generation;
  }

  /// Drops *value*, if it is here. Its end may run code that comes back here.
  [[gnu::cold, gnu::noinline]] void erase(const Value *value) {
    for (auto it = entries.begin(); it != entries.end(); ++it)
      if (it->second->value == value) {
        std::unique_ptr<Entry> old = std::move(it->second);
        entries.erase(it);
        recent = nullptr;
        ++generation;
        return;
      }
  }

  /// Drops everything. Objects are released last, as their end may run code
  /// that comes back here.
  [[gnu::noinline]] void clear() {
    recent = nullptr;
    ++generation;
    Entries old;
    old.swap(entries);
  }

  size_t size() const { return entries.size(); }

  /// Visits all that is owned here, for the garbage collector.
  int traverse(visitproc visit, void *arg) const {
    for (auto &item : entries) {
      for (const Ref &object : item.second->objects)
        Py_VISIT(object.get());
      if (int stop = item.second->value->traverse(visit, arg))
        return stop;
    }
    return 0;
  }

private:
  struct Entry {
    std::vector<uint64_t> words;
    std::vector<Ref> objects;
    Value *value = nullptr;
    ~Entry() { release(value); }
  };
  using Entries = std::unordered_multimap<uint64_t, std::unique_ptr<Entry>>;

  /// What `matches` returns besides 0 and 1.
  enum : int { Failed = -1, Gone = -2 };

  static void release(Value *value) {
    if (--value->references == 0)
      destroy(value);
  }
  [[gnu::cold, gnu::noinline]] static void destroy(Value *value) {
    delete value;
  }

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

  /// Returns 1 if *entry* is for *call*, 0 if not, Failed with an exception
  /// set, or Gone if comparing ran code that changed the table.
  int matches(const Entry &entry, const Call &call) const {
    if (entry.words.size() != call.numWords ||
        entry.objects.size() != call.numObjects)
      return 0;
    // One by one: the words were just written, and a wide load that spans
    // several stores under way has to wait for them.
    const uint64_t *words = entry.words.data();
    for (unsigned i = 0, number = call.numWords; i < number; ++i)
      if (words[i] != call.words[i])
        return 0;
    const uint64_t before = generation;
    for (unsigned i = 0; i < call.numObjects; ++i) {
      if (entry.objects[i].get() == call.objects[i])
        continue;
      Ref mine = Ref::to(entry.objects[i].get());
      int same = sameConstant(mine.get(), call.objects[i]);
      if (same != 1)
        return same < 0 ? Failed : same;
      if (generation != before)
        return Gone;
    }
    return 1;
  }

  Entries entries;
  Entry *recent = nullptr;
  uint64_t generation = 0;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_TABLE_H
