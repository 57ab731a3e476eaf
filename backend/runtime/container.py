# SPDX-License-Identifier: MIT
"""The container of a bundle: a zip archive of which every byte is accounted for (rules 1 to 10 of docs/bundle-format.md).

An entry's name, method, sizes, CRC-32 and place decide every byte of its headers. So the reader takes these few from the central
directory, builds the headers that belong to them and compares; `zipfile`, which forgives more with every version, is not used.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from .errors import BundleError

MANIFEST = "manifest.json"

#: In bytes. What JSON becomes in memory can be 24 times as large.
MAX_FILE, MAX_MANIFEST, MAX_ARTIFACT, MAX_TOTAL = 1 << 30, 64 << 20, 256 << 20, 2 << 30
#: No entry is deflated to less than this part of its size.
MAX_RATIO = 64
#: Without zip64, the number of entries has 16 bits.
MAX_ENTRIES = (1 << 16) - 1

#: A signature, at the very end of the file; `signing` has what it means.
SIGNATURE_PATTERN = re.compile(rb"graft-ed25519:([0-9a-f]{64}):([0-9a-f]{128})")
SIGNATURE_BYTES = len("graft-ed25519:") + 64 + len(":") + 128

_DIGEST = re.compile(r"[0-9a-f]{64}")
_STORED, _DEFLATED = 0, 8

_CENTRAL = struct.Struct("<4s6H3I5H2I")
_CENTRAL_FIELDS = (
    "signature", "version made by", "version", "flags", "method", "time", "date", "CRC-32", "deflated size", "size",
    "length of the name", "length of the extra field", "length of the comment", "disk", "internal attributes", "attributes",
    "offset",
)  # fmt: skip
_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_FIELDS = (
    "signature", "version", "flags", "method", "time", "date", "CRC-32", "deflated size", "size", "length of the name",
    "length of the extra field",
)  # fmt: skip
#: The end of the central directory: signature, disk numbers, entries, their size in bytes and offset, length of the comment.
_END = struct.Struct("<4s4H2IH")
#: In bytes.
_MAX_COMMENT = (1 << 16) - 1
#: What a zip64 archive has in front of that.
_ZIP64_LOCATOR, _ZIP64_LOCATOR_BYTES = b"PK\6\7", 20

_VERSION, _UNIX, _DATE, _ATTRIBUTES = 20, 3 << 8, 1 << 5 | 1, 0o600 << 16


class Container(NamedTuple):
    """What is in a bundle: the manifest as it is written, and the artifacts by digest."""

    manifest: bytes
    artifacts: dict[str, bytes]


class _Entry(NamedTuple):
    """What decides the headers of an entry; sizes and offset in bytes."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def end(self) -> int:
        return self.offset + _LOCAL.size + len(self.name) + self.packed


def _local_header(entry: _Entry) -> tuple:
    """By `_LOCAL_FIELDS`."""
    name, method, crc, packed, size, _ = entry
    return b"PK\3\4", _VERSION, 0, method, 0, _DATE, crc, packed, size, len(name), 0


def _central_header(entry: _Entry) -> tuple:
    """By `_CENTRAL_FIELDS`."""
    name, method, crc, packed, size, offset = entry
    return (
        b"PK\1\2", _UNIX | _VERSION, _VERSION, 0, method, 0, _DATE, crc, packed, size, len(name), 0, 0, 0, 0, _ATTRIBUTES, offset,
    )  # fmt: skip


# -- Writing


def write(container: Container) -> bytes:
    """The bytes of a bundle: the same for the same content and zlib. Raises `BundleError` if it would break a rule."""
    contents = [(MANIFEST, container.manifest), *sorted(container.artifacts.items())]
    if len(contents) > MAX_ENTRIES:
        _refuse("zip", f"it has {len(contents)} entries, and a bundle has at most {MAX_ENTRIES}")
    _check_names([name for name, _ in contents])
    _check_sizes((name, len(content)) for name, content in contents)
    parts: list[bytes] = []
    entries: list[_Entry] = []
    for name, content in contents:
        method, packed = _deflated(content)
        offset = entries[-1].end if entries else 0
        entries.append(_Entry(name, method, zlib.crc32(content), len(packed), len(content), offset))
        parts += [_LOCAL.pack(*_local_header(entries[-1])), name.encode(), packed]
    directory = b"".join(_CENTRAL.pack(*_central_header(entry)) + entry.name.encode() for entry in entries)
    end = _END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), entries[-1].end, 0)
    data = b"".join([*parts, directory, end])
    # What cannot be read is not written.
    if read(data) != container:
        raise AssertionError("a bundle does not read as it was written")
    return data


def _deflated(content: bytes) -> tuple[int, bytes]:
    """The method by which an entry with *content* is written, and its data."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = stream.compress(content) + stream.flush()
    if len(deflated) < len(content) <= MAX_RATIO * len(deflated):
        return _DEFLATED, deflated
    return _STORED, content


# -- Reading


def read(data: bytes) -> Container:
    """What is in the bundle *data*. Raises `BundleError` for the first rule that is broken."""
    if len(data) > MAX_FILE:
        _refuse("size", f"it has {len(data)} bytes, and a bundle has at most {MAX_FILE}")
    end = _find_end(data)
    headers = _directory(data, end)
    _check_comment(data[end + _END.size :])
    _check_names([name for name, _ in headers])
    entries = [_entry(name, header) for name, header in headers]
    _check_headers(entries, [header for _, header in headers], data)
    _check_gaps(entries, data, end)
    _check_bounds(entries)
    contents = {entry.name: _content(entry, data) for entry in entries}
    manifest = contents.pop(MANIFEST)
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != name:
            _refuse("artifact", f"the content of its entry {name} does not have the digest that it is named by")
    return Container(manifest, contents)


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)


def _find_end(data: bytes) -> int:
    """Where the end of the central directory begins, which a comment follows up to the end of the file."""
    lowest, highest = (max(0, len(data) - _END.size - longest) for longest in (_MAX_COMMENT, 0))
    at = data.rfind(b"PK\5\6", lowest, highest + 4) if len(data) >= _END.size else -1
    while at >= 0 and data[at + _END.size - 2 : at + _END.size] != (len(data) - at - _END.size).to_bytes(2, "little"):
        at = data.rfind(b"PK\5\6", lowest, at)
    if at < 0:
        _refuse("zip", "it does not end as a zip archive does; is it a bundle, and is it complete?")
    if data[max(0, at - _ZIP64_LOCATOR_BYTES) : at].startswith(_ZIP64_LOCATOR):
        _refuse("zip", "it is a zip64 archive, which a bundle must not be")
    return at


def _directory(data: bytes, end: int) -> list[tuple[str, tuple]]:
    """The names of the entries and their headers, by `_CENTRAL_FIELDS`, as they are in the central directory before *end*."""
    _, disk, first_disk, count, total, size, _, _ = _END.unpack_from(data, end)
    if disk or first_disk or count != total:
        _refuse("zip", "it is a part of a zip archive on several disks")
    if size > end:
        _refuse("zip", f"its central directory is said to have {size} bytes, and there are {end} in front of its end")
    headers: list[tuple[str, tuple]] = []
    at = end - size
    for _ in range(count):
        header = _CENTRAL.unpack_from(data, at) if at + _CENTRAL.size <= end else None
        if header is None or header[0] != b"PK\1\2":
            _refuse("zip", f"its central directory has {len(headers)} entries, where its end says {count}")
        at += _CENTRAL.size
        # Latin-1 gives every byte a character; what is not ASCII is refused as a name.
        headers.append((data[at : at + header[10]].decode("latin-1"), header))
        at += sum(header[10:13])
    if at != end:
        _refuse("zip", f"its central directory has not the {size} bytes that its end says")
    return headers


def _check_comment(comment: bytes) -> None:
    if comment and not SIGNATURE_PATTERN.fullmatch(comment):
        _refuse("comment", f"the archive has a comment of {len(comment)} bytes that is no signature")


def _check_names(names: list[str]) -> None:
    if not names or names[0] != MANIFEST:
        _refuse("name", f"its first entry is {_shown(names[0])}, not {MANIFEST!r}" if names else "it has no entries")
    previous = ""
    for name in names[1:]:
        if not _DIGEST.fullmatch(name):
            _refuse("name", f"it has an entry {_shown(name)}, which is neither the manifest nor named by a digest")
        if name <= previous:
            _refuse("name", f"its entry {name} is there twice" if name == previous else f"its entry {name} is not in its place")
        previous = name


def _shown(name: str) -> str:
    return ascii(name) if len(name) <= 80 else f"{name[:80]!a}…"


def _entry(name: str, header: tuple) -> _Entry:
    method, crc, packed, size, offset = header[4], *header[7:10], header[16]
    if method not in (_STORED, _DEFLATED):
        _refuse("method", f"its entry {name} is compressed by method {method}; allowed are 0 (stored) and 8 (deflated)")
    return _Entry(name, method, crc, packed, size, offset)


def _check_headers(entries: list[_Entry], headers: list[tuple], data: bytes) -> None:
    for entry, header in zip(entries, headers, strict=True):
        _check_fields("central", _CENTRAL_FIELDS, entry, header, _central_header(entry))
        start = entry.offset + _LOCAL.size
        name = data[start : start + len(entry.name)]
        if not data.startswith(b"PK\3\4", entry.offset) or len(name) < len(entry.name):
            _refuse("header", f"its entry {entry.name} has no local header at byte {entry.offset}")
        _check_fields("local", _LOCAL_FIELDS, entry, _LOCAL.unpack_from(data, entry.offset), _local_header(entry))
        if name != entry.name.encode():
            _refuse("header", f"its entry {entry.name} is called {_shown(name.decode('latin-1'))} in its local header")


def _check_fields(which: str, fields: Iterable[str], entry: _Entry, found: tuple, expected: tuple) -> None:
    for field, one, other in zip(fields, found, expected, strict=True):
        if one != other:
            _refuse("header", f"the {which} header of its entry {entry.name} has the {field} {one}, where it has to be {other}")


def _check_gaps(entries: list[_Entry], data: bytes, end: int) -> None:
    """Checks that there is nothing in the file but the *entries*, the directory and, at *end*, its end."""
    expected = 0
    for entry in entries:
        if entry.offset != expected:
            _refuse("gap", f"its entry {entry.name} is at byte {entry.offset}, not at {expected}, where the one before ends")
        expected = entry.end
    size, offset = _END.unpack_from(data, end)[5:7]
    if offset != expected or end - size != expected:
        _refuse("gap", f"its entries end at byte {expected}, its directory is at {end - size} and is said to be at {offset}")


def _check_sizes(sizes: Iterable[tuple[str, int]]) -> None:
    total = 0
    for name, size in sizes:
        most = MAX_MANIFEST if name == MANIFEST else MAX_ARTIFACT
        if size > most:
            _refuse("bound", f"its entry {name} has {size} bytes, more than {most}")
        total += size
    if total > MAX_TOTAL:
        _refuse("bound", f"its entries have {total} bytes together, more than {MAX_TOTAL}")


def _check_bounds(entries: list[_Entry]) -> None:
    _check_sizes((entry.name, entry.size) for entry in entries)
    for entry in entries:
        if entry.size > MAX_RATIO * entry.packed:
            _refuse("bound", f"its entry {entry.name} is deflated to less than 1/{MAX_RATIO} of its size")


def _content(entry: _Entry, data: bytes) -> bytes:
    """The content of an entry whose headers are checked."""
    content = data[entry.end - entry.packed : entry.end]
    if entry.method == _DEFLATED:
        content = _inflate(entry, content)
    if len(content) != entry.size:
        found = f"more than {entry.size}" if len(content) > entry.size else len(content)
        _refuse("length", f"its entry {entry.name} has {found} bytes, where its headers say {entry.size}")
    if zlib.crc32(content) != entry.crc:
        _refuse("length", f"the content of its entry {entry.name} does not have the CRC-32 that its headers say")
    return content


def _inflate(entry: _Entry, deflated: bytes) -> bytes:
    """What *deflated* holds, but at most a byte more than *entry* is to have."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(deflated, entry.size + 1)
    except zlib.error as error:
        _refuse("length", f"its entry {entry.name} cannot be inflated ({error})")
    if len(content) <= entry.size and not stream.eof:
        _refuse("length", f"its entry {entry.name} cannot be inflated (it is cut off)")
    if stream.unused_data:
        _refuse("length", f"its entry {entry.name} has {len(stream.unused_data)} bytes behind its deflated data")
    return content
