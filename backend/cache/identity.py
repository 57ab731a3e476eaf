# SPDX-License-Identifier: MIT
"""Who compiles: Triton, its Python half, our passes and whatever else takes part, each named by content.

`compiler()` gives the parts of the compiler's identity and `tools()` those of the programs it calls. They are independent
of the Python version, of the folders and of the time of the build, and where a part cannot be known it becomes a value
that no other process has: a kernel is then compiled once more, and never served wrongly.

Digests of files are remembered by `os.stat`, in the process and in `graft-files.json` in the cache folder, so that a new
process names a compiler of 500 MB by looking at some hundred file entries.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import functools
import hashlib
import itertools
import json
import mmap
import os
import re
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import triton
from triton import _instrumentation, knobs
from triton._C import libtriton

from .. import plugin
from ..files import write_file
from ..settings import NAME
from . import started

#: Seconds that a file must have been left alone before its entry says that its content is the same: clocks of file systems
#: are coarse, and two changes within one tick look like one (Git calls such files racy).
SETTLED = 2.0

# -- Digests of files


class _Fact(NamedTuple):
    """A short text made out of a file's bytes, and what `os.stat` said of the file when the text was its own."""

    text: str
    status: os.stat_result


class Memo:
    """Facts about the contents of files, remembered by what `os.stat` says of them, in the process and in one file.

    A fact is a short text made out of a file's bytes: its digest, or the digest that the build stamped into it. It holds as
    long as device, inode, size and both times are the same; the time of change is the kernel's and cannot be set back.
    """

    FILE = "graft-files.json"
    VERSION = 1
    MAX_ENTRIES = 4096
    MAX_BYTES = 4 << 20

    def __init__(self) -> None:
        self._facts: dict[str, list[Any]] = {}  # "<kind> <path>": the five numbers, then the fact
        self._local: set[str] = set()  # those that another process cannot rely on
        self._changes = 0
        self._saved: dict[str, int] = {}  # by folder, the number of changes its file has seen; read if present

    def get(self, kind: str, path: str, read: Callable[[BufferedReader], str]) -> _Fact:
        """What *read* makes of the file at *path*, which it gets open. Raises `OSError` if the file cannot be read."""
        path = path if path.startswith("/") else os.path.abspath(path)
        name = f"{kind} {path}"
        status = os.stat(path)
        numbers = _numbers(status)
        known = self._facts.get(name)
        if known is None or known[:5] != numbers:
            self._load(str(knobs.cache.dir))
            known = self._facts.get(name)
        if known is not None and known[:5] == numbers:
            return _Fact(known[5], status)
        began = time.time()
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            fact = read(file)
            after = os.fstat(file.fileno())
        numbers = _numbers(after)
        if numbers == _numbers(before) and _is_settled(after, began):
            self._facts.pop(name, None)  # the newest stand last
            self._facts[name] = [*numbers, fact]
            if _keeps_times(path, after):
                self._local.discard(name)
                self._changes += 1
            else:
                self._local.add(name)
        # Looked at last: a change while it was read shows.
        return _Fact(fact, os.stat(path))

    def save(self) -> None:
        """Writes what is new to the cache folder, beside what other processes have found out. Fails in silence."""
        folder = str(knobs.cache.dir)
        if not folder or self._saved.get(folder) == self._changes:
            return
        self._saved[folder] = self._changes
        merged = self._read(folder)
        for name, fact in list(self._facts.items()):
            merged.pop(name, None)
            if name not in self._local:
                merged[name] = fact
        names = list(merged)[-self.MAX_ENTRIES :]
        text = self._text({name: merged[name] for name in names})
        while len(text) > self.MAX_BYTES:
            names = names[len(names) // 2 + 1 :]
            text = self._text({name: merged[name] for name in names})
        with contextlib.suppress(OSError):  # a folder that is read-only or full costs time, nothing else
            os.makedirs(folder, exist_ok=True)
            write_file(os.path.join(folder, self.FILE), text.encode("ascii"))

    def _load(self, folder: str) -> None:
        """Reads the file in *folder*, once."""
        if folder in self._saved or not folder:
            return
        stored = self._read(folder)
        # What is known already was true more recently.
        self._facts = {**stored, **self._facts}
        self._saved[folder] = self._changes if len(stored) == len(self._facts) else -1

    @classmethod
    def _text(cls, facts: dict[str, list[Any]]) -> str:
        return json.dumps({"version": cls.VERSION, "files": facts}, separators=(",", ":"))

    @classmethod
    def _read(cls, folder: str) -> dict[str, list[Any]]:
        """The facts in *folder*'s file; none if it is missing or anything in it is not as `save` writes it."""
        try:
            with open(os.path.join(folder, cls.FILE), "rb") as file:
                data = file.read(cls.MAX_BYTES + 1)
            content = json.loads(data) if len(data) <= cls.MAX_BYTES else None
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(content, dict) or content.keys() != {"version", "files"} or content["version"] != cls.VERSION:
            return {}
        facts = content["files"]
        if not isinstance(facts, dict) or len(facts) > cls.MAX_ENTRIES or not all(map(_is_fact, facts.values())):
            return {}
        return facts


#: What a fact may look like: a digest, or one of the answers of `_stamp`.
_is_fact_text = re.compile(r"(?:source:|bytes:)?[0-9a-f]{64}").fullmatch


def _is_fact(entry: object) -> bool:
    if type(entry) is not list or len(entry) != 6:
        return False
    *numbers, fact = entry
    return all(type(number) is int for number in numbers) and type(fact) is str and _is_fact_text(fact) is not None


def _numbers(status: os.stat_result) -> list[int]:
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _is_settled(status: os.stat_result, moment: float) -> bool:
    """Whether the file was last changed clearly before *moment*, in seconds since 1970. Anybody can set the other time."""
    return status.st_ctime_ns < (moment - SETTLED) * 1e9


def _keeps_times(path: str, status: os.stat_result) -> bool:
    """Whether the time of change is one. Images such as squashfs have none and show what their maker wrote down instead."""
    return status.st_ctime_ns % 1_000_000_000 != 0 or not os.statvfs(path).f_flag & os.ST_RDONLY


_memo = Memo()


def _sha256(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _fact(path: str) -> _Fact:
    return _memo.get("sha256", path, _sha256)


def _digest(path: str) -> str:
    """As `file_digest`, but a digest that is new is not written down yet."""
    return _fact(path).text


def file_digest(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of the file's content, in hexadecimal digits.

    The file is looked at in every call, and read if it is not the one that was read before or if it changed less than two
    seconds before it was read. Raises `OSError` if it is missing or cannot be read.
    """
    digest = _memo.get("sha256", os.fspath(path), _sha256).text
    _memo.save()
    return digest


def _unique(reason: str) -> str:
    """A value that no other process has, for what cannot be known."""
    return f"{reason}:{_token}-{os.getpid()}"


_token = os.urandom(16).hex()


def _loaded(path: str, look: Callable[[str], _Fact] = _fact) -> str:
    """What *look* finds in a file that this process has loaded, or may have.

    A file that changed after the process began may not be what was loaded: the value is then this process's own. So it is if the
    file is gone. Other files count by content, whatever their times: one that changed just before is only read more often.
    """
    try:
        text, status = look(path)
    except OSError:
        return _unique("unreadable")
    now = time.time()
    if not _is_settled(status, now):
        _unsettled[path] = "changed in the future" if status.st_ctime > now else "changed just now"
    if started.STARTED <= status.st_ctime <= now:
        _unsettled[path] = "changed while this process ran, which shares nothing with others"
        return _unique("changed-during-run")
    return text


#: Files of the compiler whose times say that they may still be changing, and how so.
_unsettled: dict[str, str] = {}


def unsettled() -> dict[str, str]:
    """The files of the compiler that were not left alone before they were looked at, by path, and how so."""
    return dict(_unsettled)


# -- Python

#: Under `triton/`, what turns a kernel into TTIR and TTIR into a cubin: the front end, both languages (Proton's too), the
#: backends, and what they read settings with. Not the parts that choose options, name keys, build launchers or measure.
TRITON_FOLDERS = ("compiler", "experimental/gluon", "language")
TRITON_FILES = (
    "__init__.py", "_instrumentation.py", "_utils.py", "errors.py", "knobs.py", "profiler/language.py", "runtime/jit.py",
)  # fmt: skip

#: In this package, the folders and files that have no part in compiling. A new one takes part until it is named here.
BYSTANDERS = frozenset(
    (
        "__main__.py", "children.py", "console.py", "opt.py", "usage.py", "bench/", "bundle/", "conformance/", "inert/", "launch/", "template/", "tools/",
        "cache/cli.py", "cache/current_kernels.py", "cache/explain.py", "cache/remote.py", "cache/report.py", "cache/showing.py", "cache/store.py",
        "runtime/__init__.py", "runtime/container.py", "runtime/dispatch.py", "runtime/format.py", "runtime/lazy.py", "runtime/native.py",
        "runtime/reading.py", "runtime/signing.py", "runtime/static.py", "runtime/values.py",
    )
)  # fmt: skip

#: What Python imports: sources, and bytecode and extension modules that stand in their place.
_IMPORTED_SUFFIXES = (".py", ".pyc", ".so")


def _walk(folder: str, name: str, depth: int = -1, above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Name and path of what Python can import from *folder*, down to *depth* levels; names begin with *name*."""
    with os.scandir(folder) as entries:
        for entry in entries:
            inner = f"{name}/{entry.name}"
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.name.endswith(_IMPORTED_SUFFIXES):
                if entry.is_file():
                    yield inner, entry.path
            elif depth and entry.is_dir():
                links = above
                if entry.is_symlink():  # a source build links folders into place; a link upwards would never end
                    target = os.path.realpath(entry.path)
                    if target in above:
                        continue
                    links = (*above, target)
                yield from _walk(entry.path, inner, depth - 1, links)


def python_files(root: str, package: str) -> list[tuple[str, str]]:
    """Name and path of each Python file that takes part in compiling, sorted by name.

    *root* is the folder of the package `triton`, *package* ours; names are the same wherever the two are. Raises `OSError`
    if a folder is missing.
    """
    found = [(f"triton/{name}", path) for name in TRITON_FILES if os.path.exists(path := os.path.join(root, name))]
    for name in TRITON_FOLDERS:
        found += _walk(os.path.join(root, name), f"triton/{name}")
    # A backend that is a folder of `triton/backends` brings libraries and headers below it. Ours may be there or not.
    found += [item for item in _walk(os.path.join(root, "backends"), "triton/backends", 1)
              if not item[0].startswith(f"triton/backends/{NAME}/")]  # fmt: skip
    found += [item for item in _walk(package, NAME) if not _is_bystander(item[0]) and not item[0].endswith(".so")]
    return sorted(found)


def _is_bystander(name: str) -> bool:
    """Whether *name*, a file of this package as `python_files` calls it, has no part in compiling."""
    inner = name.removeprefix(f"{NAME}/")
    return inner in BYSTANDERS or f"{inner.partition('/')[0]}/" in BYSTANDERS


def files_digest(files: Iterable[tuple[str, str]], digest: Callable[[str], str] = _digest) -> str:
    """One digest of names and contents, given as name and path. What *digest* raises passes through."""
    whole = hashlib.sha256()
    for name, path in files:
        whole.update(f"{name}\0{digest(path)}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def _python() -> str:
    root, package = os.path.dirname(triton.__file__), os.path.dirname(plugin.__file__)
    changed: list[str] = []

    def digest(path: str) -> str:
        text = _loaded(path)
        if not _is_fact_text(text):
            changed.append(text)
        return text

    try:
        whole = files_digest(python_files(root, package), digest)
    except OSError:
        return _unique("unreadable")
    return changed[0] if changed else whole


# -- Triton's binary half


@functools.cache
def _known_builds() -> dict[str, str]:
    """The releases by the SHA-256 of their libtriton.so; see cmake/known_builds.py, which writes the table."""
    try:
        table = json.loads(Path(__file__).with_name("known_builds.json").read_bytes())
    except OSError:
        return {}
    return {digest: entry["version"] for digest, entry in table.items()}


def build_of(digest: str) -> str:
    """What the part `triton` says of a libtriton.so with that SHA-256: `release:<version>` or `bytes:<digest>`."""
    version = _known_builds().get(digest)
    return f"release:{version}" if version else f"bytes:{digest}"


def _triton() -> str:
    stamped = getattr(getattr(libtriton, NAME, None), "source_digest", "")
    if isinstance(stamped, str) and re.fullmatch(r"[0-9a-f]{64}", stamped):
        return f"source:{stamped}"
    text = _loaded(libtriton.__file__)
    return build_of(text) if _is_fact_text(text) else text


# -- Our passes

_MARKER = re.compile(rb"GRAFT-SOURCE-DIGEST:([0-9a-f]{64})\0")


def _stamp(file: BufferedReader) -> str:
    """The digest of the sources that the build stamped into a pass library, or that of its bytes if there is not just one."""
    if os.fstat(file.fileno()).st_size:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            stamps = set(_MARKER.findall(content))
        if len(stamps) == 1:
            return f"source:{stamps.pop().decode()}"
    return f"bytes:{_sha256(file)}"


def _passes() -> str:
    if hasattr(libtriton, NAME):
        return "built-in"
    # A library that turned out not to load here is not used: what this process compiles has seen no pass of ours.
    if plugin.failed():
        return "none"
    path = str(plugin.LIBRARY)
    text = _loaded(path, _stamped)
    return text if _is_fact_text(text) or os.path.exists(path) else "none"


def _stamped(path: str) -> _Fact:
    return _memo.get("stamp", path, _stamp)


# -- What others add


def _plugins() -> str:
    """Extensions of Triton and pass plugins of LLVM, by content; empty if there are none."""
    found = [f"llvm:{_named(path)}" for path in [libtriton.getenv("LLVM_PASS_PLUGIN_PATH")] if path]
    paths = {os.path.realpath(path) for path in (libtriton.getenv("TRITON_PLUGIN_PATHS") or "").split(":") if path}
    found += [f"extension:{_loaded(path)}" for path in paths]
    others = [name for name in vars(libtriton.passes.plugin) if name.startswith("add_") and name != f"add_{NAME}"]
    if others:
        # `extend_with` leaves no list of what it loaded, but what is mapped and has an extension's entry point is one.
        mapped = [item for item in _mapped_extensions() if item[0] not in paths]
        found += [f"extension:{_same_file(*item)}" for item in mapped]
        if not mapped and not paths:
            found.append(_unique(f"unknown {','.join(sorted(others))}"))
    return " ".join(sorted(found))


def _named(path: str) -> str:
    """The digest of a library that is loaded by this path; a bare name is searched for by the loader, so it is not known."""
    try:
        return _digest(path)
    except OSError:
        return _unique("unreadable")


def _same_file(path: str, inode: int) -> str:
    """The digest of the mapped library at *path*, if the file there is still the one that was mapped."""
    try:
        return _digest(path) if os.stat(path).st_ino == inode else _unique("replaced")
    except OSError:
        return _unique("unreadable")


def _mapped_extensions() -> list[tuple[str, int]]:
    """Path and inode of each library in this process, other than ours, that is an extension of Triton."""
    found = set()
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            _, permissions, _, _, inode, *path = line.rstrip("\n").split(None, 5)
            if "x" in permissions and path and path[0].startswith("/"):
                found.add((path[0], int(inode)))
    ours = {os.path.realpath(libtriton.__file__), os.path.realpath(plugin.LIBRARY)}
    return sorted(item for item in found if item[0] not in ours and _is_extension(*item))


@functools.cache
def _is_extension(path: str, inode: int) -> bool:
    """Whether the library mapped from *path* has an extension's entry point. One that is gone from there counts as one."""
    if path.endswith(" (deleted)"):
        return True
    try:
        library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
    except OSError:
        return False  # a program, or loaded for another namespace
    return hasattr(library, "tritonGetPluginInfo")


def _instrumentations() -> str:
    """What is registered to run between the stages: where, whose and its file by content; empty if nothing is."""
    registered = sorted(_instrumentation._callbacks.items())
    return " ".join(f"{point}/{backend}={_callback(callback)}" for (point, backend), callback in registered)


def _callback(callback: Callable[..., Any]) -> str:
    module = getattr(callback, "__module__", None) or ""
    name = f"{module}:{getattr(callback, '__qualname__', '')}"
    if module.startswith(libtriton.__name__ + ".") and not isinstance(callback, types.FunctionType):
        return name  # in libtriton, which is named as a whole
    # Proton's are closures over a mode, which is an option of the kernel. What others carry along is not known.
    is_triton = module.startswith("triton.")
    if not isinstance(callback, types.FunctionType) or (callback.__closure__ and not is_triton):
        return f"{name}@{_unique('state')}"
    return f"{name}@{_loaded(callback.__code__.co_filename)}"


# -- The machine's own arithmetic

#: Functions of the C library that `libtriton.so` calls, by which MLIR and LLVM fold constants: `tl.exp(0.1)` is another number
#: with another C library, or on a processor for which it has other code. Each has a variant for single precision.
_FOLDED = (
    [
        "atan",
        "atanh",
        "cbrt",
        "cos",
        "cosh",
        "erf",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log10",
        "log1p",
        "log2",
        "sin",
        "sinh",
        "tan",
        "tanh",
    ],
    ["atan2", "pow"],
)
#: Where they are sampled, as multiples of the golden ratio modulo 1, which are spread evenly: the first ones, and for each function
#: one where glibc's code for processors with FMA and its code for others differ in the last bit (about one in a thousand does, in
#: double precision; of 100,000 in single precision, none).
_SAMPLED = (
    *range(1, 33), 206, 234, 504, 663, 1106, 1335, 1620, 1687, 3046, 5103, 5380, 8307, 9261, 39126, 61350, 61683,
)  # fmt: skip


def _c_function(name: str) -> Any:
    """The function that libtriton's calls are bound to: the process's own first, which somebody may have preloaded."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except AttributeError:
        return getattr(ctypes.CDLL("libm.so.6"), name)


@functools.cache
def _arithmetic() -> str:
    """A digest of what these functions give for a sample of numbers, from 0 to 8, or to 1 where there is no more.

    By behaviour, so that another build of the same library is the same.
    """
    sample = [(number * 0.6180339887498949) % 1.0 for number in _SAMPLED]
    results: list[float] = []
    for arity, names in enumerate(_FOLDED, start=1):
        for name, kind in itertools.product(names, (ctypes.c_double, ctypes.c_float)):
            call = _c_function(name if kind is ctypes.c_double else f"{name}f")
            call.argtypes, call.restype = [kind] * arity, kind
            scale = 1.0 if name == "atanh" else 8.0
            results += [call(x * scale) if arity == 1 else call(x * scale, 1.7) for x in sample]
    return hashlib.sha256(array.array("d", results).tobytes()).hexdigest()


# -- The whole


@functools.lru_cache(maxsize=1)
def _fixed(modules: int) -> tuple[tuple[str, str], ...]:
    """The parts that are the same for the whole process, while it has that many modules."""
    return (
        ("triton", _triton()),
        ("host", f"{sys.platform}-{os.uname().machine}"),
        ("arithmetic", _arithmetic()),
        ("python", _python()),
    )


def compiler() -> dict[str, str]:
    """The parts of the compiler's identity: name to short text. Two processes with equal parts compile alike.

    - `triton`: `release:<version>` for the libtriton.so of any wheel of that release, `source:<digest>` for a build of ours
      from the sources with that digest, else `bytes:<SHA-256>`.
    - `host`: system and architecture. `arithmetic`: what the C library's functions give by which constants are folded.
    - `python`: Triton's Python files that take part in compiling, and ours, by name in the package and content.
    - `passes`: `source:<digest>` of our passes' sources, `built-in` if they are in libtriton, `bytes:<SHA-256>` for a library
      without a stamp, `none` without a usable one. A library that does not load is found out when it is loaded: ask again
      after `plugin.available()` before storing what was compiled.
    - `plugins`: extensions and pass plugins of others. `instrumentation`: callbacks between the stages.

    The last three are looked at in every call; the others again when modules have been imported since. Files that changed
    after the process began may differ from what is in memory: the part is then `changed-during-run:` and a value that no
    other process has, so nothing is shared.
    """
    parts = dict(_fixed(len(sys.modules)))
    parts["passes"] = _passes()
    parts["plugins"] = _plugins()
    parts["instrumentation"] = _instrumentations()
    _memo.save()
    return parts


def tools(arch: int) -> dict[str, str]:
    """The parts for the programs that compute capability *arch* (times ten) needs, looked at in every call.

    - `ptxas`: the digests of those that Triton would try, in its order: the one that the knob or its environment variable
      names, then its own. One that is missing is left out, as Triton leaves it out.
    """
    name = "ptxas" if arch < 90 else "ptxas_blackwell"
    knob = type(knobs.nvidia).__dict__[name]
    paths = [vars(knobs.nvidia).get(name, libtriton.getenv(knob.key)), knob.default_path]
    digests = []
    for path in paths:
        try:
            # Triton would look for a bare name on PATH.
            digests.append(_digest(path if os.sep in path else _which(path)) if path else None)
        except OSError:
            continue
    _memo.save()
    return {"ptxas": " ".join(dict.fromkeys(digest for digest in digests if digest)) or "none"}


def _which(name: str) -> str:
    """The program that *name* means on PATH. Raises `OSError` if there is none."""
    import shutil

    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(name)
    return found
