# SPDX-License-Identifier: MIT
"""Passes that end the process: the next one compiles the kernel without them.

Nothing can be done in a process that a pass has brought down, and little in one that waits for a pass without end. So what a pass
is at is said beforehand, in the folder `graft-crashes` of the cache:

- `<compilation>.<random>.note`, while passes of ours run over a kernel. *compilation* is the digest that names its cache entry;
  in the file stands the pass that is running. Who writes it holds a lock on it, of which the system lets go when the process
  ends, however it does, whatever its number is and wherever the file is seen from. So a note that nobody holds is of a dead process.
- `<compilation>.<pass>`, what was found out about such a note: a line that `_FINDING` describes.

A process that is about to run our passes over a kernel looks for notes of dead processes about the same compilation. It has the kernel
at hand, so nothing but the name of a pass is taken from a note, and checked. It runs the pass over the kernel in a child process with
limits. If the child comes to grief, the finding says so, and the pass is left out now and later: as the digest names everything that
the pass depends on, it could never have given a result. If it does not, somebody else ended the process, and the pass runs. But who
dies in the same pass over the same kernel twice need not show it in a child.

What cannot be written or locked is done without. LLVM could catch crashes in the process itself, but leaves by a jump: what the
pass had locked stays locked, and its signal handlers are those of all threads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import TracebackType

from triton import knobs

from ..files import write_file
from ..settings import PREFIX
from . import skips

#: In the folder of the cache.
_FOLDER = "graft-crashes"
_NOTE = ".note"

#: The most files in the folder. Where there are more, the older half goes.
_MOST = 256

_COMPILATION = re.compile("[0-9a-f]{64}")
#: The signals by which programs die of themselves; by others they are ended.
_CRASHES = tuple(signal.Signals[f"SIG{name}"] for name in ("SEGV", "BUS", "ILL", "FPE", "ABRT", "TRAP", "SYS"))
#: A signal, an end that did not come, a second death, or the note of the first that a child did not confirm.
_FINDING = re.compile(rf"{'|'.join(number.name for number in _CRASHES)}|no end|twice|once [0-9a-f]{{16}}{re.escape(_NOTE)}")
_ONCE = "once "
_MAX_BYTES = 64

#: What a child may take, of which the passes need a hundredth: seconds of CPU time, bytes, and seconds with its start.
CPU_SECONDS, MEMORY, _SECONDS = 30, 16 << 30, 180
#: What the child writes when all is ready for the pass.
READY = b"ready\n"

#: Not to hang on a FIFO, nor to follow a link.
_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Watch:
    """What is known of crashes of our passes over one kernel, and the note about the one that runs.

    *compilation* is the digest that names the kernel's cache entry; without one nothing is noted.
    """

    def __init__(self, compilation: str):
        self._compilation = compilation if _COMPILATION.fullmatch(compilation) else ""
        self._folder = os.path.join(os.path.abspath(knobs.cache.dir), _FOLDER) if knobs.cache.dir else ""
        self._note: tuple[str, int] | None = None
        #: The notes of dead processes, without the digest, by the pass that was running.
        self._dead: dict[str, list[str]] = {}
        self._found: dict[str, str] = {}

    def __enter__(self) -> Watch:
        if self._compilation and self._folder:
            with contextlib.suppress(OSError):
                os.makedirs(self._folder, exist_ok=True)
            names = _names(self._folder)
            for name in names:
                if name.startswith(self._compilation):
                    self._read(name, name[len(self._compilation) + 1 :])
            with contextlib.suppress(OSError):
                _make_room(self._folder, names)
                self._note = _new_note(self._folder, self._compilation)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._note is not None:
            path, fd = self._note
            with contextlib.suppress(OSError):
                os.unlink(path)
            os.close(fd)

    @contextlib.contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Notes the pass *name* while it runs."""
        self._write(name)
        try:
            yield
        finally:
            self._write("")

    def _write(self, name: str) -> None:
        if self._note is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._note[1], name.encode().ljust(_MAX_BYTES), 0)

    # -- What is known

    def crash(self, name: str, pipeline: str, reproducer: Callable[[], str | None]) -> str:
        """How the pass *name* is known to have crashed, as a part of a sentence; empty if it is not.

        If it is to be tried, that is with *pipeline*, which is the pass with its options, on the file that *reproducer* writes.
        """
        found = self._found.get(name, "")
        notes = self._dead.pop(name, [])
        if notes and (not found or found.startswith(_ONCE)):
            first = found or f"{_ONCE}{notes[0]}"
            is_first = all(f"{_ONCE}{note}" == first for note in notes)
            found = ("" if found else _try(reproducer(), pipeline)) or (first if is_first else "twice")
            self._found[name] = found
            with contextlib.suppress(OSError):
                write_file(os.path.join(self._folder, f"{self._compilation}.{name}"), found.encode())
        for note in notes:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, f"{self._compilation}.{note}"))
        return "" if found.startswith(_ONCE) else _as_text(found)

    def _read(self, name: str, kind: str) -> None:
        """Reads the file *name* of the folder, which is called *kind* behind the digest of this compilation, if it is as it should be."""
        is_note = kind.endswith(_NOTE)
        with contextlib.suppress(OSError, ValueError), _opened(os.path.join(self._folder, name), is_note) as fd:
            if is_note:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            text = os.read(fd, _MAX_BYTES).decode()
            if is_note:
                self._dead.setdefault(text.rstrip(), []).append(kind)
            elif kind in skips.switches() and _FINDING.fullmatch(text):
                self._found[kind] = text


def _as_text(found: str) -> str:
    if found in ("", "twice"):
        return found and "two processes ended in it"
    return "it does not end" if found == "no end" else f"it ended a process, and another one when tried again ({found})"


# -- Files


@contextlib.contextmanager
def _opened(path: str, to_write: bool) -> Iterator[int]:
    """A descriptor for the file *path*. Raises `OSError`."""
    fd = os.open(path, _OPEN | (os.O_RDWR if to_write else os.O_RDONLY))
    try:
        yield fd
    finally:
        os.close(fd)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _new_note(folder: str, compilation: str) -> tuple[str, int]:
    """The path of a new note and a descriptor that holds its lock. Raises `OSError`."""
    path = os.path.join(folder, f"{compilation}.{os.urandom(8).hex()}{_NOTE}")
    fd = os.open(path, _OPEN | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # a reader may have it for a moment
    except OSError:
        os.close(fd)
        os.unlink(path)
        raise
    return path, fd


def _make_room(folder: str, names: list[str]) -> None:
    """Removes the older half of the files *names* that nobody holds, if there are too many. Raises `OSError`."""
    if len(names) < _MOST:
        return
    paths = [os.path.join(folder, name) for name in names]
    for path in sorted(paths, key=_age, reverse=True)[: len(names) - _MOST // 2]:
        with contextlib.suppress(OSError), _opened(path, to_write=False) as fd:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)


def _age(path: str) -> float:
    try:
        return -os.lstat(path).st_mtime
    except OSError:
        return float("-inf")


# -- Trying again


def _try(path: str | None, pipeline: str) -> str:
    """How a child comes to grief that runs *pipeline* over the file *path*, as a finding; empty if it does not, or there is none."""
    if path is None or not re.fullmatch(r"python[0-9.]*", os.path.basename(sys.executable or "")):
        return ""  # a program that has Python inside is not to be started a second time
    command = [sys.executable, "-m", f"{__package__}.crash_child", path, pipeline]
    env = {name: value for name, value in os.environ.items() if name != PREFIX + "SITES"}
    try:
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS
        )
        status, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, said = -signal.SIGXCPU, late.stdout or b""
    except OSError:
        return ""
    if not said.endswith(READY):
        return ""
    if -status in _CRASHES:
        return signal.Signals(-status).name
    return "no end" if status == -signal.SIGXCPU else ""
