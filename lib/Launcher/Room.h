//===- Room.h - What a launch keeps while it is under way -------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The largest launch takes 17 KB. Launches nest, in the functions that compute
// grids for example, and a thread's stack would be full long before Python's
// own limit of nested calls. So there is room for a few on the heap, which is
// used again and again; those that nest deeper get theirs when they need it.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_ROOM_H
#define GRAFT_LAUNCHER_ROOM_H

#include "Call.h"
#include "Cuda.h"

namespace graft::launcher {

/// Room for one launch.
struct Room {
  Call call;
  PyObject *values[MaxLeaves]; ///< of parameters or arguments; borrowed
  void *params[MaxLeaves + 2]; ///< for the driver
  CUtensorMap maps[MaxDescriptors];
};

/// Rooms that nobody uses.
struct SpareRooms {
  static constexpr unsigned Max = 4;
  Room *rooms[Max];
  unsigned number = 0;
};
extern SpareRooms spareRooms;

/// A room that one launch uses alone. Needs the GIL.
class LentRoom {
public:
  LentRoom()
      : room(spareRooms.number > 0 ? spareRooms.rooms[--spareRooms.number]
                                   : make()) {}
  LentRoom(const LentRoom &) = delete;
  LentRoom &operator=(const LentRoom &) = delete;
  ~LentRoom() {
    room->call.clear(); // may run code that launches, in a room of its own
    if (spareRooms.number < SpareRooms::Max)
      spareRooms.rooms[spareRooms.number++] = room;
    else
      drop(room);
  }
  Room *operator->() const { return room; }
  Room *get() const { return room; }

private:
  [[gnu::cold, gnu::noinline]] static Room *make() { return new Room(); }
  [[gnu::cold, gnu::noinline]] static void drop(Room *room) { delete room; }

  Room *room;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_ROOM_H
