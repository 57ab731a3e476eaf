# SPDX-License-Identifier: MIT
"""`bench key --entries N`: what a cache of N entries costs who publishes one more, and the thread that evicts half of them.

The entries are hard links to the files of few, but for the group file, which is each one's own. Each has a manifest.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable

from triton import knobs

from ..cache import manifest, store
from . import machines

_STAGES = ("source", "ttir", "ttgir", "llir", "ptx", "cubin", "json")
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

#: How much a file may have that an entry has one of, in bytes; most of what is evicted are names.
_SIZE = 4096

#: How many entries share files; file systems have limits.
_LINKS = 50_000


def run(count: int, folder: str | None = None) -> str:
    """The text of what *count* entries cost, made in a new folder in *folder*. Raises `OSError` if they cannot be made."""
    root = tempfile.mkdtemp(prefix="triton-graft-", dir=folder)
    try:
        with knobs.cache.scope():
            knobs.cache.dir = root
            total = _fill(root, count)
            lines = [_line("first publish of a process", lambda: _publish(count, limit=2 * total))]
            lines.append(_line("its thread, which finds nothing to evict", _wait))
            lines.append(_line("evicting half", lambda: store._evict(root, total // 2, "")))
    finally:
        shutil.rmtree(root)
    facts = ", ".join(f"{name} {value}" for name, value in machines.Machine().facts().items())
    return "\n".join([facts, "", f"{f'{count} entries':48} {'clock, s':>12} {'CPU, s':>12}", *lines])


def _line(name: str, work: Callable[[], object]) -> str:
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return f"{name:48} {time.perf_counter() - clock:12.4f} {time.process_time() - cpu:12.4f}"


def _key(number: int) -> str:
    return "".join(_DIGITS[number >> 5 * place & 31] for place in range(6)).ljust(52, "A")


def _publish(number: int, limit: int | None = None) -> None:
    """Publishes an entry as `triton.compile` does it."""
    manager = store.CacheManager(_key(number))
    manager._limit = limit
    manager.put_group("k.json", {f"k.{stage}": manager.put(bytes(_SIZE), f"k.{stage}") for stage in _STAGES})


def _wait() -> None:
    for thread in threading.enumerate():
        if thread.name == store.THREAD:
            thread.join()


def _fill(root: str, count: int) -> int:
    """Makes *count* entries that were used an hour ago and earlier; returns how many bytes they have."""
    before = time.time() - 3600 - count
    for number in range(count):
        folder = os.path.join(root, _key(number))
        if number % _LINKS == 0:
            _publish(number)
            first = folder
            links = [name for name in os.listdir(first) if not name.startswith(store._GROUP)]
            (stamp,) = set(os.listdir(first)) - set(links)
        else:
            os.mkdir(folder)
            for name in links:
                os.link(os.path.join(first, name), os.path.join(folder, name))
            shutil.copyfile(os.path.join(first, stamp), os.path.join(folder, stamp))
        os.utime(os.path.join(folder, stamp), (before + number,) * 2)
        manifest.Manifest(f"{number:064x}"[::-1], "k").add()
    for last_used, (_, _, path) in enumerate(manifest.stored(root)):
        os.utime(path, (before + last_used,) * 2)
    os.unlink(os.path.join(root, store._CLEANED))
    store._allowances.pop(root, None)
    entry = store._entry(first)
    return count * (entry[1] if entry else 0) + sum(size for _, size, _ in manifest.stored(root))
