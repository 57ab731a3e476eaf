//===- source_digest.cpp - what the pass library was made of --------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/SourceDigest.h"

/// Read from the file by backend/cache/identity.py, which names the passes by
/// it without loading them. Nothing refers to it.
[[gnu::used]] static const char sourceDigest[] =
    "GRAFT-SOURCE-DIGEST:" GRAFT_SOURCE_DIGEST;
