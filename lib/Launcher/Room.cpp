//===- Room.cpp - What a launch keeps while it is under way ---------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "Room.h"

using namespace graft::launcher;

SpareRooms graft::launcher::spareRooms;
