# SPDX-License-Identifier: MIT
"""Zip archives byte by byte, right ones and wrong ones: what the tests of the bundle format are written with.

Nothing of the backend is used here, so that a mistake there is not made here too.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

STORED, DEFLATED = 0, 8

#: Of the metadata of a variant: what a launch needs besides name, target and shared memory.
LAUNCHING = {
    "num_warps": 4, "num_ctas": 1, "warp_size": 32, "global_scratch_size": 0, "global_scratch_align": 1, "profile_scratch_size": 0,
    "profile_scratch_align": 1, "launch_cooperative_grid": False, "launch_pdl": False,
}  # fmt: skip

LOCAL = struct.Struct("<4s5H3I2H")
LOCAL_FIELDS = ("signature", "version", "flags", "method", "time", "date", "crc", "packed", "size", "name", "extra")
CENTRAL = struct.Struct("<4s6H3I5H2I")
CENTRAL_FIELDS = (
    "signature", "made", "version", "flags", "method", "time", "date", "crc", "packed", "size", "name", "extra", "comment",
    "disk", "internal", "external", "offset",
)  # fmt: skip
END = struct.Struct("<4s4H2IH")
END_FIELDS = ("signature", "disk", "first_disk", "here", "count", "size", "offset", "comment_length")


@dataclass
class Entry:
    """An entry of an archive. Whatever is not given is as the format wants it."""

    name: bytes
    content: bytes = b""
    method: int = STORED
    #: What is in the file of the content; None: what the method makes of it.
    data: bytes | None = None
    #: Fields of the headers that are other than they ought to be, by their names in `LOCAL_FIELDS` and `CENTRAL_FIELDS`.
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    before: bytes = b""
    after: bytes = b""
    is_listed: bool = True

    @property
    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        return deflate(self.content) if self.method == DEFLATED else self.content

    def but(self, **changes: Any) -> Entry:
        return replace(self, **changes)


def deflate(content: bytes, level: int = 9) -> bytes:
    """*content* as a deflate stream without a header."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


def artifact(content: bytes, method: int = STORED) -> Entry:
    """The entry of the artifact *content*."""
    return Entry(hashlib.sha256(content).hexdigest().encode(), content, method)


def archive(entries: Iterable[Entry], *, gap: bytes = b"", comment: bytes = b"", **end: Any) -> bytes:
    """An archive with *entries*, *gap* in front of the directory, and the fields *end* of its end other than they ought to be."""
    data, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        data += entry.before
        if entry.is_listed:
            directory += _central(entry, len(data))
            count += 1
        data += _local(entry) + entry.packed + entry.after
    data += gap
    fields = (b"PK\5\6", 0, 0, count, count, len(directory), len(data), len(comment))
    return bytes(data + directory + _packed(END, END_FIELDS, fields, end) + comment)


def _local(entry: Entry) -> bytes:
    name = entry.name if entry.local_name is None else entry.local_name
    fields = (b"PK\3\4", 20, 0, entry.method, 0, 33, *_sizes(entry), len(name), len(entry.local_extra))
    return _packed(LOCAL, LOCAL_FIELDS, fields, entry.local) + name + entry.local_extra


def _central(entry: Entry, offset: int) -> bytes:
    lengths = (len(entry.name), len(entry.central_extra), len(entry.comment))
    fields = (b"PK\1\2", 3 << 8 | 20, 20, 0, entry.method, 0, 33, *_sizes(entry), *lengths, 0, 0, 0o600 << 16, offset)
    return _packed(CENTRAL, CENTRAL_FIELDS, fields, entry.central) + entry.name + entry.central_extra + entry.comment


def _sizes(entry: Entry) -> tuple[int, int, int]:
    return zlib.crc32(entry.content), len(entry.packed), len(entry.content)


def _packed(layout: struct.Struct, names: tuple[str, ...], fields: tuple, changes: dict[str, Any]) -> bytes:
    assert changes.keys() <= set(names)
    return layout.pack(*(changes.get(name, value) for name, value in zip(names, fields, strict=True)))


# -- Manifests


def canonical(value: Any) -> bytes:
    """*value* as canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def manifest(content: Any, **members: Any) -> bytes:
    """The manifest of *content* with its right digest, and with *members* in the place of its own."""
    return canonical({"content": content, "digest": digest(content), "version": 1, **members})


def bundle(content: Any, artifacts: Iterable[bytes] = (), method: int = STORED) -> bytes:
    """A bundle of *content*, whatever that is, and *artifacts*."""
    return archive(entries(content, artifacts, method))


def entries(content: Any, artifacts: Iterable[bytes] = (), method: int = STORED) -> list[Entry]:
    """The entries of a bundle."""
    first = Entry(b"manifest.json", manifest(content), method)
    return [first, *sorted((artifact(data, method) for data in artifacts), key=lambda entry: entry.name)]
