# SPDX-License-Identifier: MIT
"""The cache manager: entries that can be moved, are there as a whole or not at all, and are checked before use.

An entry is the folder `<knobs.cache.dir>/<KEY>/`, laid out flat as Triton does it, so that those who copy such folders
(PyTorch's Inductor) need not know of us. It holds the files of one compilation and a group file `__grp__<name>.json`, one line:

    {"digest":"<sha256 of KEY and what follows>","files":[["<name>","<sha256>",<size>,[<when written>]],..],"size":<n>,"version":2}

`files` are in the order of compilation, `size` is how many bytes the entry has besides its group file. No path is in there. Beside
it lie `__key__<name>.json`, the components of the cache key, and `__variant__<name>.json`, what the kernel was compiled from
(`Wing.describe`): nobody launches by these two, they are for `nearest` and for bundles.

- *Writing* goes to a private folder `tmp.<pid>.<random>` beside the entries, which becomes the entry by one rename. There
  are no locks, only rename and replace, so NFS will do. Where nothing can be written (read-only, full), the files stay in a
  temporary folder until the process ends, and the program goes on.
- *Reading* writes nothing but a time stamp, and takes nothing on trust: whatever is wrong with an entry makes it a miss, with
  a warning; the compilation that follows replaces it.
- *Eviction* (`GRAFT_CACHE_LIMIT`, off by default) removes the entries that were not used for longest. It counts and removes
  only entries of this format.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import glob
import hashlib
import heapq
import itertools
import json
import os
import re
import shutil
import stat
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from triton import knobs
from triton.runtime import cache as triton_cache

from ..errors import GraftWarning, OptionError
from ..files import write_file
from ..settings import PREFIX
from . import manifest, remote
from .manifest import digest_of

_VERSION = 2
_GROUP, _KEY, _VARIANT = "__grp__", "__key__", "__variant__"
_HEAD = b'{"digest":"'
#: How a group file of Triton's own managers begins; it has absolute paths.
_TRITONS_HEAD = b'{"child_paths"'

#: What a group file may ask of its reader: more is not from us.
_MAX_GROUP_BYTES = 1 << 20
_MAX_FILES = 64
_MAX_FILE_BYTES = 1 << 30

#: How the names of the files end that a kernel is launched from.
_RUN = (".cubin", ".json")

_PLAIN_PATTERN = re.compile(r"(?!\.\.?$)[^/\0]{1,255}", re.DOTALL)
_DIGEST_PATTERN = re.compile("[0-9a-f]{64}")
_KEY_PATTERN = re.compile(r"[A-Z2-7]{52}")
_STAGING_PATTERN = re.compile(r"tmp\.([0-9]{1,10})\.[0-9a-f]{32}")

#: In seconds. An entry used within `_IN_USE` is not evicted: who was just told of it may be about to open its files. Its time
#: stamp is renewed when older than `_RENEW`, well before that. Staging folders of dead processes are removed after
#: `_ABANDONED`; those that have the number of a living process, which may be another one, after `_FORGOTTEN`.
_IN_USE, _RENEW = 600, 300
_ABANDONED, _FORGOTTEN = 3600, 86400

#: How much `nearest` looks at: folders, and group files of the kernel that it asks about.
_MAX_FOLDERS, _MAX_CANDIDATES = 20000, 2000

#: What the errors of reading mean: not there (any more), which is no damage.
_ABSENT = (errno.ENOENT, errno.ESTALE)

_OPEN_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not to hang on a FIFO that has the name of a file.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _DamagedError(Exception):
    """The file *name* of an entry is not as it should be."""

    def __init__(self, name: str, what: object):
        super().__init__(name, what)
        self.name, self.what = name, what


class File(NamedTuple):
    """What a group file says of a file: its digest, its size in bytes, its inode and times when it was written."""

    digest: str
    size: int
    written: tuple[int, ...]


#: The files of a group by name.
Group = dict[str, File]


# -- Managers


def get_cache_manager(hash: str, about: About | None = None) -> triton_cache.CacheManager:
    """The manager for the cache key *hash*, in hexadecimal: the user's if there is one (`TRITON_CACHE_MANAGER`), or ours."""
    key = triton_cache._base32(hash)
    chosen = knobs.cache.manager_class
    return CacheManager(key, about=about) if chosen is None else remote.checked(chosen)(key)


def other_manager(make: Callable[[str], Any], hash: str) -> Any:
    """What *make*, which is Triton's, gives for *hash*, which is of no kernel; where it cannot write, ours, which warns and goes on."""
    chosen = knobs.cache.manager_class
    if chosen is triton_cache.RemoteCacheManager:
        return remote.RemoteCacheManager(triton_cache._base32(hash))
    try:
        return make(hash)
    except OSError:
        if chosen is not None:
            raise
        return CacheManager(triton_cache._base32(hash))


class About(NamedTuple):
    """What is stored with an entry besides its files: the components of its key, and what gives its variant.

    *first* may be a module with its text as it is before the first stage: that is what is put first.
    """

    components: dict[str, str]
    variant: Callable[[], Mapping[str, Any]] = dict
    first: tuple[Any, str] | None = None


class CacheManager(triton_cache.CacheManager):
    """Finds and stores the files of one compilation, as `triton.compile` asks for it: one manager for each compilation.

    *about* is what is stored with the entry.

    Raises `RuntimeError` if there is no cache folder and `OptionError` if `GRAFT_CACHE_LIMIT` is not allowed. What is found on
    disk, or that nothing can be written there, never raises.
    """

    def __init__(self, key: str, override: bool = False, dump: bool = False, *, about: About | None = None):
        root = knobs.cache.dir
        if not root:
            raise RuntimeError("Could not create or locate cache dir")  # as Triton says it
        self.key = key
        self.about = about or About({})
        self._first = self.about.first
        self._root = root if os.path.isabs(root) else os.path.abspath(root)
        self._folder = f"{self._root}/{key}"
        self._limit = limit_for_process()
        self._paths: dict[str, str] = {}

    @functools.cached_property
    def _writer(self) -> _Writer:
        return _Writer(self._root)

    def get_file(self, filename: str) -> str | None:
        """The path of a file that this manager was given or has found and checked as part of a group."""
        return self._writer.paths.get(filename) or self._paths.get(filename)

    def get_group(self, filename: str) -> dict[str, str] | None:
        """The paths of the files of the group *filename* by name, in the order of compilation, if all are intact.

        None, and a `GraftWarning` that names the file, if one is damaged; None if there is no such group.
        """
        try:
            group = _read_entry(self._folder, filename)
        except _DamagedError as damage:
            path = os.path.join(self._folder, damage.name)
            warnings.warn(
                f"triton-graft does not use a damaged cache entry and compiles again: {path} {damage.what}",
                GraftWarning,
                stacklevel=2,
            )
            return None
        if group is None:
            return None
        self._paths = {name: f"{self._folder}/{name}" for name in group}
        return self._paths.copy()

    def put(self, data: Any, filename: str, binary: bool = True) -> str:
        """Stores *data* (bytes, or anything that `str` makes text of) until `put_group`; the path is valid until then.

        Raises `ValueError` for a *filename* that is not a plain name, and `OSError` if not even a temporary folder can be
        written.
        """
        if not _is_plain(filename):
            raise ValueError(f"{filename!r} cannot be the name of a file in a cache entry")
        first, self._first = self._first, None
        text = first[1] if first and first[0] is data else None
        return self._writer.add(filename, data if isinstance(data, bytes) else (text or str(data)).encode())

    def put_group(self, filename: str, group: dict[str, str]) -> str:
        """Publishes what was put, as the group *filename*; returns where the group file belongs.

        *group*, the paths by name, is changed in place to where the files are now: `triton.compile` goes on to read them
        from there. An intact entry that is there already stays; if it has other bytes, this process goes on with its own.

        Raises `ValueError` if *filename* is not one of the files or another has a name of the entry's own, and `OSError` as `put` does.
        """
        data = self._writer.data
        if filename not in data:
            raise ValueError(f"{filename!r} has to be one of the files of its group: {', '.join(data) or 'none'}")
        clash = {prefix + filename for prefix in (_GROUP, _KEY, _VARIANT)} & data.keys()
        if clash:
            raise ValueError(
                f"{', '.join(sorted(clash))} cannot be a file of this group: the entry has its own file of this name"
            )
        writer, self._writer = self._writer, _Writer(self._root)
        if _publish(writer, self._folder, filename, self.about):
            self._paths = {name: os.path.join(self._folder, name) for name in data}
            _clean_up(self._root, self._limit, self._folder)
        else:
            self._paths = writer.paths
        group.update(self._paths)
        return os.path.join(os.path.dirname(self._paths[filename]), _GROUP + filename)


class Entry(NamedTuple):
    """An entry of the cache: the path of its group file, and the components of its key."""

    path: str
    components: dict[str, str]


def entries(name: str) -> Iterator[Entry]:
    """The entries of the kernel *name* in the cache, the last used first."""
    for path in _last_used_groups(os.path.abspath(knobs.cache.dir), f"{_GROUP}{name[:150]}.json"):
        if (components := _components(path)) is not None:
            yield Entry(path, components)


def described(entry: Entry) -> Any:
    """What `About.variant` gave for *entry*; None if it cannot be read."""
    return _beside(entry.path, _VARIANT)


def _components(group_file: str) -> dict[str, str] | None:
    """The components of the key of the entry that has *group_file*; None if they cannot be read."""
    components = _beside(group_file, _KEY)
    is_map = isinstance(components, dict) and all(isinstance(value, str) for value in components.values())
    return components if is_map else None


def _beside(group_file: str, prefix: str) -> Any:
    """What the JSON file says that begins with *prefix* and lies beside *group_file*; None if it cannot be read."""
    folder, name = os.path.split(group_file)
    try:
        return json.loads(_read(os.path.join(folder, prefix + name[len(_GROUP) :]), None, _MAX_GROUP_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def names() -> list[str]:
    """The names of the kernels in the cache."""
    folders = glob.iglob(os.path.join(glob.escape(knobs.cache.dir), "?" * 52, f"{_GROUP}*.json"))
    found = filter(_is_group_file, itertools.islice(folders, _MAX_FOLDERS))
    return sorted({os.path.basename(path)[len(_GROUP) : -len(".json")] for path in found})


def _is_group_file(path: str) -> bool:
    """Whether *path*, which is called as a group file, is one, and not a file of a kernel that is called so."""
    folder, name = os.path.split(path)
    return not os.path.lexists(os.path.join(folder, _GROUP + name))


class Stored(NamedTuple):
    """A whole entry."""

    #: What `CacheManager` calls the entry.
    key: str
    components: dict[str, str]
    #: What `About.variant` gave, as it is on disk.
    variant: Any
    #: The content of its files, by name.
    files: dict[str, bytes]


def stored(root: str) -> Iterator[Stored]:
    """The intact entries in the cache folder *root* that say what they were made from. Raises `OSError` if it cannot be listed.

    A damaged one is left out, with a `GraftWarning`.
    """
    with os.scandir(root) as found:
        folders = sorted(item.path for item in found if _KEY_PATTERN.fullmatch(item.name))
    for folder in folders:
        for group_file in filter(_is_group_file, sorted(glob.glob(os.path.join(glob.escape(folder), f"{_GROUP}*.json")))):
            try:
                entry = _stored(folder, group_file)
            except _DamagedError as damage:
                warnings.warn(
                    f"triton-graft leaves out a damaged cache entry: {os.path.join(folder, damage.name)} {damage.what}",
                    GraftWarning,
                    stacklevel=2,
                )
                continue
            if entry is not None:
                yield entry


def _stored(folder: str, group_file: str) -> Stored | None:
    """The entry that has *group_file*, or None if it is none of ours. Raises `_DamagedError`."""
    group = _read_entry(folder, os.path.basename(group_file)[len(_GROUP) :])
    components = _components(group_file)
    if group is None or components is None:
        return None
    try:
        fd = os.open(folder, _OPEN_FOLDER)
    except OSError as error:  # it was removed meanwhile
        raise _DamagedError("", _reason(error)) from None
    try:
        files = {name: _content(name, fd, file) for name, file in group.items()}
    finally:
        os.close(fd)
    return Stored(os.path.basename(folder), components, _beside(group_file, _VARIANT), files)


def store(root: str, entry: Stored, filename: str) -> str:
    """Makes *entry* an entry of the cache folder *root* with the group *filename*; returns "kept" if there is an intact one
    already, "replaced" if there was a damaged one, or "written". Raises `OSError`, and then has changed nothing there.
    """
    folder = os.path.join(os.path.abspath(root), entry.key)
    if _intact(folder, filename) is not None:
        return "kept"
    was_there = os.path.lexists(os.path.join(folder, _GROUP + filename))
    os.makedirs(root, exist_ok=True)
    writer = _Writer(os.path.abspath(root), may_retreat=False)
    try:
        for name, data in entry.files.items():
            writer.add(name, data)
        _publish(writer, folder, filename, About(entry.components, lambda: entry.variant))
    finally:
        writer.leave()
    return "replaced" if was_there else "written"


class Watched(triton_cache.CacheManager):
    """Tells *missed* of a compilation that *manager*, which may be the user's, does not have, and *found* of one that it has or
    gets, with the paths of its files; all else is up to *manager*."""

    def __init__(
        self,
        manager: triton_cache.CacheManager,
        missed: Callable[[], None],
        found: Callable[[dict[str, str]], None] = lambda group: None,
    ):
        self._manager, self._missed, self._found = manager, missed, found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def get_file(self, filename: str) -> str | None:
        return self._manager.get_file(filename)

    def get_group(self, filename: str) -> dict[str, str] | None:
        group = self._manager.get_group(filename)
        if group and filename in group:
            self._found(group)
        elif filename.endswith(".json"):
            self._missed()
        return group

    def put(self, data: Any, filename: str, binary: bool = True) -> str:
        return self._manager.put(data, filename, binary=binary)

    def put_group(self, filename: str, group: dict[str, str]) -> str:
        path = self._manager.put_group(filename, group)
        self._found(group)
        return path  # type: ignore[return-value, unused-ignore]


def requires_hits() -> bool:
    """Whether `GRAFT_CACHE` makes it an error that a kernel is not in the cache."""
    variable = PREFIX + "CACHE"
    text = os.environ.get(variable, "")
    if text not in ("", "require"):
        raise OptionError(variable, text, "require, or nothing")
    return bool(text)


def limit_for_process() -> int | None:
    """The number of bytes that `GRAFT_CACHE_LIMIT` allows our entries to have, or None. Raises `OptionError`."""
    variable = PREFIX + "CACHE_LIMIT"
    text = os.environ.get(variable)
    if not text:
        return None
    expected = "a positive integer number of bytes, or one followed by K, M or G for powers of 1024; for example 10G"
    match = re.fullmatch(r"([0-9]{1,18})([KMG]?)", text)
    if match is None or (number := int(match.group(1))) <= 0:
        raise OptionError(variable, text, expected)
    return number << {"": 0, "K": 10, "M": 20, "G": 30}[match.group(2)]


# -- The group file


def _format_group(group: Group, key: str, size: int) -> bytes:
    content = {"files": [[name, *file] for name, file in group.items()], "size": size, "version": _VERSION}
    rest = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()[1:]
    return _HEAD + digest_of(rest, key) + b'",' + rest


def _parse_group(text: bytes, key: str) -> Group | None:
    """What *text* says, the group file of the entry *key*, or None if it is a group file of Triton's. Raises `ValueError` that says what is wrong."""
    if text.startswith(_TRITONS_HEAD):
        return None
    digest, separator, rest = text[len(_HEAD) :].partition(b'",')
    if not text.startswith(_HEAD) or not separator or digest_of(rest, key) != digest:
        raise ValueError("does not have the digest that it names")
    try:
        content = json.loads("{" + rest.decode())
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(content, dict) or content.keys() != {"files", "size", "version"} or content["version"] != _VERSION:
        raise ValueError(f"is not of version {_VERSION} of the format")
    if type(content["size"]) is not int or content["size"] < 0:
        raise ValueError("has a size that is not a number of bytes")
    return _parse_files(content["files"])


def _parse_files(listed: Any) -> Group:
    """The files that a group file lists. Raises `ValueError`."""
    if type(listed) is not list or len(listed) > _MAX_FILES:
        raise ValueError("has no list of files, or too long a one")
    files: Group = {}
    for file in listed:
        if type(file) is not list or len(file) != 4:
            raise ValueError("describes a file by other than name, digest, size and when it was written")
        name, digest, size, written = file
        if not _is_plain(name) or name in files:
            raise ValueError("names a file outside of the entry, or one twice")
        if type(digest) is not str or not _DIGEST_PATTERN.fullmatch(digest):
            raise ValueError("has a digest that is not one")
        if type(size) is not int or not 0 <= size <= _MAX_FILE_BYTES:
            raise ValueError("has a size that is not a number of bytes")
        if type(written) is not list:
            raise ValueError("does not say when a file was written")
        files[name] = File(digest, size, tuple(written))
    return files


def _is_plain(name: Any) -> bool:
    """Whether *name* can only be a file in the folder of the entry, and not one of ours."""
    return isinstance(name, str) and _PLAIN_PATTERN.fullmatch(name) is not None


# -- Reading


def _read_entry(folder: str, filename: str) -> Group | None:
    """The group *filename* if all its files in *folder* are intact, None if there is none. Raises `_DamagedError`.

    What looks damaged is read again: it may have been replaced or removed meanwhile.
    """
    try:
        return _read_entry_once(folder, filename)
    except _DamagedError:
        return _read_entry_once(folder, filename)


def _read_entry_once(folder: str, filename: str) -> Group | None:
    try:
        fd = os.open(folder, _OPEN_FOLDER)
    except OSError as error:
        _refuse_unless_absent("", error)
        return None
    try:
        try:
            text = _read(_GROUP + filename, fd, _MAX_GROUP_BYTES, renew=True)
            group = _parse_group(text, os.path.basename(folder))
            if group is not None and filename not in group:
                raise ValueError(f"does not list {filename}")
            if group is not None and _GROUP + filename in group:
                raise ValueError("names a file outside of the entry, or one twice")
        except (OSError, ValueError) as error:
            _refuse_unless_absent(_GROUP + filename, error)
            return None
        for name, file in group.items() if group else ():
            _check(name, fd, file)
        return group
    finally:
        os.close(fd)


def _refuse_unless_absent(name: str, error: OSError | ValueError) -> None:
    """Raises `_DamagedError` unless *error*, in reading *name*, says that it is not there."""
    if not isinstance(error, OSError) or error.errno not in _ABSENT:
        raise _DamagedError(name, _reason(error)) from None


def _reason(error: OSError | ValueError) -> str:
    return f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)


def _check(name: str, folder: int, file: File) -> None:
    """Raises `_DamagedError` unless the file *name* is *file*."""
    try:
        if not name.endswith(_RUN) and _written(os.stat(name, dir_fd=folder, follow_symlinks=False)) == file.written:
            return
    except (OSError, ValueError) as error:
        raise _DamagedError(name, _reason(error)) from None
    _content(name, folder, file)


def _content(name: str, folder: int, file: File) -> bytes:
    """What the file *name* has. Raises `_DamagedError` unless that is *file*."""
    try:
        data = _read(name, folder, file.size)
    except (OSError, ValueError) as error:
        raise _DamagedError(name, _reason(error)) from None
    if hashlib.sha256(data).hexdigest() != file.digest:
        raise _DamagedError(name, "does not have the digest that its group names")
    return data


def _written(status: os.stat_result) -> tuple[int, ...]:
    """What is another number after anything is written to a file, or another file is put in its place."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(name: str, folder: int | None, most: int, renew: bool = False) -> bytes:
    """The content of the regular file *name*, which has at most *most* bytes. *renew*: record that it is used.

    Raises `OSError`, or `ValueError` that says what is wrong.
    """
    fd = os.open(name, _OPEN_FILE, dir_fd=folder)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a file")
        if status.st_size > most:
            raise ValueError(f"has {status.st_size} bytes, more than {most}")
        if renew and time.time() - status.st_mtime > _RENEW:
            _renew(fd)
        data = os.read(fd, status.st_size)
        while len(data) < status.st_size and (more := os.read(fd, status.st_size - len(data))):
            data += more  # a signal, or a network file system
        return data
    finally:
        os.close(fd)


def _renew(fd: int) -> None:
    """Gives the file the present time; a reader need not be able to."""
    with contextlib.suppress(OSError):
        os.utime(fd)


# -- Writing


class _Writer:
    """The files of one compilation before they are published, in a folder of their own.

    It is a folder beside the entries, or, once something could not be written there, one in `private_root`. What is in the
    files stays in memory too, so that a folder that fails, or that somebody removes, costs nothing.
    """

    def __init__(self, root: str, may_retreat: bool = True):
        self.root = root
        self.is_private = False
        self._may_retreat = may_retreat
        self.data: dict[str, bytes] = {}
        self.paths: dict[str, str] = {}
        self._folder: str | None = None
        self._cleanup: weakref.finalize | None = None

    @property
    def folder(self) -> str:
        """The folder, made when first asked for. Raises `OSError`."""
        if self._folder is None:
            self._folder = _new_folder(private_root() if self.is_private else self.root)
            self._cleanup = weakref.finalize(self, _remove_own, self._folder, os.getpid())
            if self.is_private:
                self._cleanup.detach()  # it goes with `private_root`
        return self._folder

    def add(self, name: str, data: bytes) -> str:
        """Writes a file and returns its path. Raises `OSError` if not even a private folder can be written."""
        self.data[name] = data
        try:
            self.paths[name] = self.write(name, data)
        except OSError as error:
            if self.is_private:
                raise
            self.retreat(error)
        return self.paths[name]

    def write(self, name: str, data: bytes) -> str:
        """Writes a file into the folder. Raises `OSError`."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            stream.write(data)
        return path

    def retreat(self, error: OSError | None) -> None:
        """Goes on in a folder that is private to the process and lives as long. *error*: what made it necessary.

        Raises *error* if there is no going on for this writer.
        """
        if not self._may_retreat:
            raise error or FileExistsError(errno.EEXIST, "there is another entry of this key", self.root)
        if error is not None:
            _warn_not_kept(self.root, error)
        self.leave()
        self.is_private = True
        self.paths = {name: self.write(name, data) for name, data in self.data.items()}

    def leave(self) -> None:
        """Removes the folder, if it is still there."""
        if self._cleanup is not None:
            self._cleanup()
        self._folder = self._cleanup = None


def _new_folder(parent: str) -> str:
    path = _new_name(parent)
    os.makedirs(path)
    return path


def _new_name(parent: str) -> str:
    """A path that nobody has, which `_remove_abandoned` knows as ours."""
    return os.path.join(parent, f"tmp.{os.getpid()}.{os.urandom(16).hex()}")


def _remove_own(folder: str, pid: int) -> None:
    """Removes *folder*, in the process *pid* that made it and not in its forked children."""
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


#: By process number, as forked children inherit it, and whether it is to be in memory.
_private_roots: dict[tuple[int, bool], str] = {}


def private_root(in_memory: bool = False) -> str:
    """A temporary folder of this process that is removed when it ends; *in_memory* if there is such a file system. Raises `OSError`."""
    place = os.getpid(), in_memory
    if place not in _private_roots:
        _private_roots[place] = _make_private_root("/dev/shm", None) if in_memory else _make_private_root(None, "/dev/shm")
        atexit.register(_remove_own, _private_roots[place], os.getpid())
    return _private_roots[place]


def _make_private_root(first: str | None, second: str | None) -> str:
    """A new folder in *first* or, if that cannot be, in *second*; None is where temporary files belong."""
    import tempfile

    try:
        return tempfile.mkdtemp(prefix="triton-graft-", dir=first)
    except OSError:
        return tempfile.mkdtemp(prefix="triton-graft-", dir=second)


_not_kept: set[str] = set()


def _warn_not_kept(root: str, error: OSError) -> None:
    if root not in _not_kept:
        _not_kept.add(root)
        warnings.warn(
            f"triton-graft cannot write to the cache folder {root} ({error.strerror}); kernels work, but what this process "
            "compiles is lost when it ends. Make the folder writable, or set TRITON_CACHE_DIR to one that is.",
            GraftWarning,
            stacklevel=2,
        )


def _publish(writer: _Writer, folder: str, filename: str, about: About) -> bool:
    """Makes what *writer* has the entry *folder*; returns whether its files are to be read there. Raises `OSError` as `add`."""
    if writer.is_private:
        return False
    try:
        group = _describe(writer)
        components = json.dumps(about.components, sort_keys=True).encode()
        variant = json.dumps(about.variant(), sort_keys=True).encode()
        size = sum(file.size for file in group.values()) + len(components) + len(variant)
        writer.write(_KEY + filename, components)
        writer.write(_VARIANT + filename, variant)
        writer.write(_GROUP + filename, _format_group(group, os.path.basename(folder), size))
        while not _rename_as_whole(writer.folder, folder):
            there = _intact(folder, filename)
            if there is not None and _has_same_bytes(there, group):
                break
            if there is not None:  # right for others, but not what was asked for here: an override, say
                writer.retreat(None)
                return False
            if os.path.isdir(folder) and not os.path.islink(folder):
                _replace_files(writer, folder, [*group, _KEY + filename, _VARIANT + filename, _GROUP + filename])
                break
            _set_aside(folder, writer.root)
    except OSError as error:
        if writer.is_private:
            raise
        writer.retreat(error)
        return False
    writer.leave()
    return True


def _describe(writer: _Writer) -> Group:
    """What *writer* has. Raises `OSError`."""
    return {
        name: File(hashlib.sha256(data).hexdigest(), len(data), _written(os.lstat(writer.paths[name])))
        for name, data in writer.data.items()
    }


def _has_same_bytes(there: Group, group: Group) -> bool:
    """Whether the files of *group* are among those *there*."""
    return all(name in there and there[name].digest == file.digest for name, file in group.items())


def _rename_as_whole(staged: str, folder: str) -> bool:
    """Gives *staged* the name *folder*, unless something else than an empty folder has it. Raises `OSError`."""
    try:
        os.rename(staged, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        return False
    return True


def _intact(folder: str, filename: str) -> Group | None:
    try:
        return _read_entry(folder, filename)
    except _DamagedError:
        return None


def _replace_files(writer: _Writer, folder: str, names: list[str]) -> None:
    """Replaces the files *names* of a damaged entry, one after the other; a reader takes none of it before all are there.

    The folder itself stays: another writer may have repaired it just now, and somebody may be reading it. Those who repair at
    the same time are taken to have the same bytes, as one key promises; if they do not, the result is damaged, and found to be
    so, but a reader who has just checked one's files may open the other's. Raises `OSError`.
    """
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            _set_aside(path, writer.root)
        os.replace(os.path.join(writer.folder, name), path)


def _set_aside(path: str, root: str, names: Sequence[str] = ()) -> None:
    """Removes *path*, whatever it is and if it is still there, at once for others. No link is followed. Raises `OSError`.

    *names*: what was in there not long ago, which saves looking.
    """
    aside = _new_name(root)
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return
    _remove(aside, names)


def _remove(path: str, names: Sequence[str] = ()) -> None:
    """Removes *path*, as an entry has files and no folders; anything else as `shutil` does it, which takes longer."""
    try:
        fd = os.open(path, _READ_FOLDER)
    except OSError:  # a link or a file, or no longer there
        with contextlib.suppress(OSError):
            os.unlink(path)
        return
    try:
        for name in names or os.listdir(fd):
            os.unlink(name, dir_fd=fd)
        os.rmdir(path)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(fd)


# -- Cleaning up


#: By cache folder: how many bytes this process may still publish before it looks at the folder again.
_allowances: dict[str, int] = {}

#: The file whose time says when some process last looked at the whole folder; in seconds, how long that is good for.
_CLEANED, _CLEAN = "graft-cleaned", 3600
#: How many seconds the end of a process waits for what it has begun.
_PATIENCE = 2


def _clean_up(root: str, limit: int | None, folder: str) -> None:
    """To be called when the entry *folder* was published, which stays.

    Looking at the whole cache takes time, so it is done in a thread, when no process did in the last hour and whenever this one has
    written a sixteenth of the limit. That much less than the limit is left, so that one process does not exceed it.
    """
    with contextlib.suppress(OSError):  # somebody else may be able to
        is_due = root not in _allowances and _is_dirty(root, limit)
        _allowances.setdefault(root, 0 if is_due else (limit or 0) // 16)
        if limit is not None:
            entry = _entry(folder)
            _allowances[root] -= entry[1] if entry else 0
            is_due = is_due or _allowances[root] <= 0
            _allowances[root] = limit // 16 if is_due else _allowances[root]
        if is_due:
            _in_background(lambda: _look_after(root, limit, folder), os.path.join(root, _CLEANED))


def _is_dirty(root: str, limit: int | None) -> bool:
    """Whether it is time to look at the whole of *root*, with *limit*. Says so to one process. Raises `OSError`."""
    path, said = os.path.join(root, _CLEANED), str(limit or "")
    with contextlib.suppress(OSError, ValueError):
        if time.time() - os.lstat(path).st_mtime < _CLEAN and _read(path, None, 64).decode() == said:
            return False
    write_file(path, said.encode())
    return True


#: The name of the thread that looks after the cache.
THREAD = "triton-graft cache"


def _in_background(work: Callable[[], None], mark: str) -> None:
    """Does *work* in a thread, for whose end the process waits a little; what is not done then is left to the next, without *mark*."""
    thread = threading.Thread(target=work, name=THREAD, daemon=True)
    thread.start()
    atexit.register(_end, thread, mark, os.getpid())


def _end(thread: threading.Thread, mark: str, pid: int) -> None:
    if os.getpid() != pid:
        return  # a forked child has no such thread
    thread.join(_PATIENCE)
    if thread.is_alive():
        with contextlib.suppress(OSError):
            os.unlink(mark)


def _look_after(root: str, limit: int | None, folder: str) -> None:
    with contextlib.suppress(OSError):
        _remove_abandoned(root)
        if limit is not None:
            _evict(root, limit - limit // 16, folder)


def _remove_abandoned(root: str) -> None:
    """Removes staging folders whose process is dead. Raises `OSError`."""
    with os.scandir(root) as found:
        for item in found:
            match = _STAGING_PATTERN.fullmatch(item.name)
            if match and item.is_dir(follow_symlinks=False):
                age = time.time() - item.stat(follow_symlinks=False).st_mtime
                if age > _FORGOTTEN or (age > _ABANDONED and not _is_running(int(match.group(1)))):
                    shutil.rmtree(item.path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    """Whether this machine has a process *pid*; on a network file system it may be another machine's."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


#: When an entry or a manifest was last used, its size in bytes, its path, and the names of an entry's files, with zeros between. There
#: are as many at once as entries: Python's collector goes through tuples of plain values only once.
_Entry = tuple[float, int, str, str]


def _evict(root: str, most: int, keep: str) -> None:
    """Removes the entries used longest ago until *most* bytes are left, but not *keep* and none in use. Raises `OSError`.

    Manifests count and go like entries; one that is missed costs making its kernel's TTIR.
    """
    with os.scandir(root) as found:
        entries = [entry for item in found if not item.is_symlink() and (entry := _entry(item.path))]
    entries += ((*facts, "") for facts in manifest.stored(root))
    entries.sort()
    total = sum(entry[1] for entry in entries)
    unused_since = time.time() - _IN_USE
    for last_used, size, path, files in entries:
        if total <= most or last_used > unused_since:
            break
        names = files.split("\0")
        stamps = [f"{path}/{name}" for name in names if name.startswith(_GROUP)] or [path]
        if path == keep or max([_time_of(stamp) or 0.0 for stamp in stamps]) != last_used:
            continue  # somebody has used it since it was looked at
        with contextlib.suppress(FileNotFoundError):
            _set_aside(path, root, names) if files else os.unlink(path)
        total -= size


def _entry(path: str) -> _Entry | None:
    """The entry at *path*, or None if it is none of ours. Its size is what its group files say, which takes one look in place of ten."""
    if not _KEY_PATTERN.fullmatch(os.path.basename(path)):
        return None
    try:
        names = os.listdir(path)
    except OSError:
        return None  # no folder, or removed meanwhile
    groups = {name: _read_group(f"{path}/{name}") for name in names if name.startswith(_GROUP)}
    ours = {name: group for name, group in groups.items() if group}
    if not ours:
        return None
    times, sizes = zip(*ours.values(), strict=True)
    # The times of somebody else's group file do not count; who removes the folder finds it.
    return max(times), sum(sizes), path, "\0".join(names if len(ours) == len(groups) else ours)


#: How a group file ends.
_END_PATTERN = re.compile(rb',"size":([0-9]{1,15}),"version":[0-9]+\}')


def _read_group(path: str) -> tuple[float, int] | None:
    """When the group file *path* was last used, and the bytes that the files of its entry have, with it; None if it is none of ours."""
    try:
        fd = os.open(path, _OPEN_FILE)
        try:
            status = os.fstat(fd)
            text = os.read(fd, min(status.st_size, _MAX_GROUP_BYTES)) if stat.S_ISREG(status.st_mode) else b""
        finally:
            os.close(fd)
    except OSError:
        return None
    if not text.startswith(_HEAD):
        return None
    said = _END_PATTERN.match(text, text.rfind(b',"size":'))
    return status.st_mtime, status.st_size + (int(said[1]) if said else 0)


# -- Looking for neighbours


def _last_used_groups(root: str, group_file: str) -> list[str]:
    """The paths of the group files of this name, the last used first; some of them if there are many."""
    found = []
    try:
        with os.scandir(root) as items:
            for item in itertools.islice(items, _MAX_FOLDERS):
                if _KEY_PATTERN.fullmatch(item.name) and (used := _time_of(os.path.join(item.path, group_file))):
                    found.append((used, os.path.join(item.path, group_file)))
    except OSError:
        return []
    return [path for _, path in heapq.nlargest(_MAX_CANDIDATES, found)]


def _time_of(path: str) -> float | None:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return None
