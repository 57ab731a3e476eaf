# SPDX-License-Identifier: MIT
"""The container of a bundle: a zip archive of which every byte is accounted for (rules 1 to 10 of docs/bundle-format.md)."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
import zlib
from typing import NamedTuple, NoReturn

from .errors import BundleError

MANIFEST = "manifest.json"

#: In bytes.
MAX_FILE, MAX_ENTRY, MAX_TOTAL = 1 << 30, 256 << 20, 2 << 30
#: No entry is deflated to less than this part of its size.
MAX_RATIO = 64

#: A signature, at the very end of the file; `signing` has what it means.
SIGNATURE_PATTERN = re.compile(rb"graft-ed25519:([0-9a-f]{64}):([0-9a-f]{128})")
SIGNATURE_BYTES = len("graft-ed25519:") + 64 + len(":") + 128

_DIGEST = re.compile(r"[0-9a-f]{64}")
#: The end of the central directory: signature, disk numbers, entries, their size in bytes and offset, length of the comment.
_END = struct.Struct("<4s4H2IH")
#: The fixed part of a header in the central directory, in bytes.
_CENTRAL_HEADER_BYTES = 46


class Container(NamedTuple):
    """What is in a bundle: the manifest as it is written, and the artifacts by digest."""

    manifest: bytes
    artifacts: dict[str, bytes]


# -- Writing


def write(container: Container) -> bytes:
    """The bytes of a bundle: the same for the same content and zlib. Raises `BundleError` if it would be too large."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in ((MANIFEST, container.manifest), *sorted(container.artifacts.items())):
            archive.writestr(_header(name, _method(data)), data, compresslevel=9)
    data = stream.getvalue()
    # What cannot be read is not written.
    if read(data) != container:
        raise AssertionError("a bundle does not read as it was written")
    return data


def _method(data: bytes) -> int:
    deflated = len(zlib.compress(data, 9))
    worth_it = deflated < len(data) and len(data) <= deflated * (MAX_RATIO - 1)
    return zipfile.ZIP_DEFLATED if worth_it else zipfile.ZIP_STORED


def _header(name: str, method: int) -> zipfile.ZipInfo:
    """The header of the entry *name*, with every field set that does not depend on its content."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = method
    info.create_system = 3  # Unix
    info.external_attr = 0o600 << 16
    return info


# -- Reading


def read(data: bytes) -> Container:
    """What is in the bundle *data*. Raises `BundleError` for the first rule that is broken."""
    if len(data) > MAX_FILE:
        _refuse("size", f"it has {len(data)} bytes, and a bundle has at most {MAX_FILE}")
    archive = _open(data)
    infos = archive.infolist()
    _check_comment(archive.comment)
    _check_names([info.filename for info in infos])
    offset = 0
    for info in infos:
        offset = _check_header(info, data, offset)
    _check_end(infos, data, offset, archive.comment)
    _check_bounds(infos)
    entries = {info.filename: _content(info, data) for info in infos}
    manifest = entries.pop(MANIFEST)
    for name, content in entries.items():
        if hashlib.sha256(content).hexdigest() != name:
            _refuse("artifact", f"the content of entry {name} does not have the digest that it is named by")
    return Container(manifest, entries)


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)


def _open(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # it raises more than BadZipFile: whatever it is, this is no archive
        _refuse(
            "zip", f"it is no zip archive that can be read ({error or type(error).__name__}); is it a bundle, and all of it?"
        )


def _check_comment(comment: bytes) -> None:
    if comment and not SIGNATURE_PATTERN.fullmatch(comment):
        _refuse("comment", f"the archive has a comment of {len(comment)} bytes that is no signature")


def _check_names(names: list[str]) -> None:
    if not names or names[0] != MANIFEST:
        _refuse("name", f"its first entry is {names[0]!r}, not {MANIFEST!r}" if names else "it has no entries")
    previous = ""
    for name in names[1:]:
        if not _DIGEST.fullmatch(name):
            _refuse("name", f"it has an entry {name!r}, which is neither the manifest nor named by a digest")
        if name <= previous:
            _refuse("name", f"its entry {name} is there twice or not in its place")
        previous = name


def _check_header(info: zipfile.ZipInfo, data: bytes, offset: int) -> int:
    """Checks the headers of an entry that has to be at *offset*; returns where it ends."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        _refuse(
            "method", f"its entry {info.filename} is compressed by method {info.compress_type}; allowed are stored and deflated"
        )
    expected = _header(info.filename, info.compress_type)
    expected.CRC, expected.file_size, expected.compress_size = info.CRC, info.file_size, info.compress_size
    header = expected.FileHeader(zip64=False) if max(info.file_size, info.compress_size) <= MAX_TOTAL else b""
    fields = ("date_time", "create_system", "create_version", "extract_version", "reserved", "flag_bits", "volume",
              "internal_attr", "external_attr", "extra", "comment", "orig_filename")  # fmt: skip
    if any(getattr(info, field) != getattr(expected, field) for field in fields):
        _refuse("header", f"the headers of its entry {info.filename} have a field that bundles do not use")
    if info.header_offset != offset:
        _refuse("gap", f"its entry {info.filename} begins at byte {info.header_offset}, not where the one before ends")
    if data[offset : offset + len(header)] != header:
        _refuse("header", f"the two headers of its entry {info.filename} differ, or have a field that bundles do not use")
    return offset + len(header) + info.compress_size


def _check_end(infos: list[zipfile.ZipInfo], data: bytes, offset: int, comment: bytes) -> None:
    """Checks that nothing but the central directory and its end lies behind *offset*."""
    size = sum(_CENTRAL_HEADER_BYTES + len(info.filename) for info in infos)
    end = _END.pack(b"PK\5\6", 0, 0, len(infos), len(infos), size, offset, len(comment)) if len(infos) < 1 << 16 else b""
    if data[offset + size :] != end + comment:
        _refuse("gap", "there are bytes that belong to no entry, or the end of its directory says other than the directory")


def _check_bounds(infos: list[zipfile.ZipInfo]) -> None:
    for info in infos:
        if info.file_size > MAX_ENTRY:
            _refuse("bound", f"its entry {info.filename} has {info.file_size} bytes, more than {MAX_ENTRY}")
        if info.file_size > MAX_RATIO * info.compress_size:
            _refuse("bound", f"its entry {info.filename} is deflated to less than 1/{MAX_RATIO} of its size")
    total = sum(info.file_size for info in infos)
    if total > MAX_TOTAL:
        _refuse("bound", f"its entries have {total} bytes together, more than {MAX_TOTAL}")


def _content(info: zipfile.ZipInfo, data: bytes) -> bytes:
    """The content of an entry whose headers are checked."""
    start = info.header_offset + len(info.FileHeader(zip64=False))
    content = data[start : start + info.compress_size]
    if info.compress_type == zipfile.ZIP_DEFLATED:
        content = _inflate(info, content)
    if len(content) != info.file_size:
        _refuse("length", f"its entry {info.filename} has {len(content)} bytes, where its headers say {info.file_size}")
    if zlib.crc32(content) != info.CRC:
        _refuse("length", f"the content of its entry {info.filename} does not have the CRC-32 that its headers say")
    return content


def _inflate(info: zipfile.ZipInfo, deflated: bytes) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(deflated, info.file_size + 1)
    except zlib.error as error:
        _refuse("length", f"its entry {info.filename} cannot be inflated ({error})")
    if not stream.eof or stream.unused_data:
        _refuse("length", f"its entry {info.filename} does not end where its headers say")
    return content
