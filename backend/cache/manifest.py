# SPDX-License-Identifier: MIT
"""Manifests: which TTIR a kernel had when its look-ups gave what they give now, so that the TTIR need not be made again.

A manifest is a file of the cache, named by what is known of a kernel without running the front end. It lists alternatives: a
read-set and the digest of the TTIR that came of it. It only ever saves work: one that is damaged, lost or overwritten by another
process costs making the TTIR, and what is in it can only name an entry whose other components are those of this process.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from triton import knobs
from triton.runtime.cache import _base32

from ..files import write_file
from .readset import Read

#: The folder of the cache in which manifests are.
FOLDER = "graft-manifests"

#: A kernel has one alternative for each state of the program that it met lately.
MAX_ALTERNATIVES = 16

#: How the name of a manifest ends.
SUFFIX = ".manifest"

_MAX_BYTES = 1 << 20

#: After how many seconds the time of a manifest that is read is renewed, by which the cache knows what was not used for long.
_RENEW = 300
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Alternative(NamedTuple):
    """One state of the program, and what came of it."""

    #: The digest of the TTIR.
    ttir: str
    reads: Sequence[Read]
    #: Globals that Triton compares at each launch: the number of the function whose global it is, and its name.
    used_globals: tuple[tuple[int, str], ...]


class Manifest:
    """The manifest *key*, a SHA-256 in hexadecimal digits, of the kernel *name*, in the cache or the cache folder *root*."""

    def __init__(self, key: str, name: str, root: str | None = None):
        self.key, self._file_name, self._root = key, f"{name[:150]}{SUFFIX}", root
        manager = knobs.cache.manager_class
        #: The user's own cache manager, if there is one.
        self._manager: Any = None if manager is None or root else manager(_base32(key))

    def load(self) -> list[Alternative]:
        """Its alternatives, the latest first; none if there is no manifest that can be read."""
        try:
            return _parse(self._read(), self.key)
        except (OSError, ValueError, TypeError, RecursionError):
            return []

    def add(self, *alternatives: Alternative) -> None:
        """Puts *alternatives* first. A cache that cannot be written is left as it is."""
        known = [[list(read) for read in alternative.reads] for alternative in alternatives]
        others = [other for other in self.load() if other.reads not in known]
        text = json.dumps([*alternatives, *others][:MAX_ALTERNATIVES], separators=(",", ":")).encode()
        data = digest_of(text, self.key) + b"\n" + text
        if len(data) <= _MAX_BYTES:
            with suppress(OSError):
                self._write(data)

    def _path(self) -> str:
        return f"{self._root or knobs.cache.dir}/{FOLDER}/{self.key[:2]}/{self.key}.{self._file_name}"

    def _read(self) -> bytes:
        path = self._path() if self._manager is None else self._manager.get_file(self._file_name)
        if path is None:
            raise FileNotFoundError(self._file_name)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            if time.time() - status.st_mtime > _RENEW:
                with suppress(OSError):
                    os.utime(fd)
            # All of it, or its digest will not fit. Python makes room for as much as it is told to read.
            return os.read(fd, min(status.st_size, _MAX_BYTES) + 1)
        finally:
            os.close(fd)

    def _write(self, data: bytes) -> None:
        if self._manager is not None:
            self._manager.put(data, self._file_name)
            return
        path = self._path()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, data)


def stored(root: str) -> Iterator[tuple[float, int, str]]:
    """The manifests in the cache folder *root*: when each was last used, its size in bytes, its path."""
    with suppress(OSError), os.scandir(os.path.join(root, FOLDER)) as folders:
        for folder in folders:
            with suppress(OSError), os.scandir(folder.path) as files:
                for file in files:
                    if file.name.endswith(SUFFIX) and not file.name.startswith("."):
                        status = file.stat(follow_symlinks=False)
                        yield status.st_mtime, status.st_size, file.path


def read_stored(root: str) -> Iterator[tuple[str, str, list[Alternative]]]:
    """The manifests in the cache folder *root* that can be read: key, name of the kernel, alternatives."""
    for _, _, path in sorted(stored(root), key=lambda found: found[2]):
        key, _, file_name = os.path.basename(path).partition(".")
        name = file_name.removesuffix(SUFFIX)
        if _DIGEST.fullmatch(key) and (alternatives := Manifest(key, name, root).load()):
            yield key, name, alternatives


def digest_of(text: bytes, key: str) -> bytes:
    """The digest of *text*, which is stored under *key*: what lies in another's place does not have it."""
    return hashlib.sha256(key.encode() + text).hexdigest().encode()


def _parse(data: bytes, key: str) -> list[Alternative]:
    """The alternatives in *data*. Raises `ValueError` or `TypeError` if it is not the manifest *key*."""
    head, _, body = data.partition(b"\n")
    if len(data) > _MAX_BYTES or digest_of(body, key) != head:
        raise ValueError("damaged")
    content = json.loads(body.decode())
    if type(content) is not list or len(content) > MAX_ALTERNATIVES:
        raise ValueError("no alternatives")
    return [alternative_of(*item) for item in content]


def alternative_of(ttir: str, reads: list, used_globals: list) -> Alternative:
    """The alternative with these members as JSON has them. Raises `ValueError` or `TypeError` if they are not such."""
    if type(ttir) is not str or not _DIGEST.fullmatch(ttir):
        raise ValueError(ttir)
    if type(reads) is not list or not _are_reads(reads):
        raise ValueError("no read-set")
    if type(used_globals) is not list or not all(map(_is_used_global, used_globals)):
        raise ValueError("no globals")
    # The reads stay lists: of several alternatives, most are not what is looked for.
    return Alternative(ttir, reads, tuple((number, name) for number, name in used_globals))


def _are_reads(items: list) -> bool:
    for item in items:
        if type(item) is not list or len(item) != 3:
            return False
        base, name, found = item
        if type(name) is not str or type(found) is not str or (type(base) is not int and type(base) is not str):
            return False
    return True


def _is_used_global(item: Any) -> bool:
    return type(item) is list and len(item) == 2 and type(item[0]) is int and item[0] >= 0 and type(item[1]) is str
