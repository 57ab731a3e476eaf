# SPDX-License-Identifier: MIT
"""The cache manager: entries move, are whole or not there, and nothing that happens to them or to the disk stops a program."""

import collections
import ctypes
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import triton
from support import in_child, make_vector_add, output_of, vector_add_source, warm_up_vector_add
from triton.backends.graft.cache import explain, store
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import CacheMissError, GraftWarning, OptionError
from triton.compiler.errors import CompileTimeAssertionFailure
from triton.runtime.cache import FileCacheManager, get_cache_manager

KEY = "A" * 51 + "Q"
GROUP = "__grp__k.json"

#: What a compilation of a kernel `k` might put, in its order.
FILES = {"k.source": "src\n", "k.ttir": "module {}\n", "k.cubin": b"\x7fELF" + bytes(range(256)) * 4, "k.json": '{"n": 1}'}


@pytest.fixture
def root():
    return Path(triton.knobs.cache.dir)


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    """The folder that private folders are made in."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(store, "_private_roots", {})
    monkeypatch.setattr(store, "_not_kept", set())
    return folder


@pytest.fixture
def hits(activate, monkeypatch):
    """Whether each compilation was a hit."""
    activate(Driver(target="cuda:90"))
    seen = []
    monkeypatch.setattr(triton.knobs.compilation, "listener", lambda cache_hit, **_: seen.append(cache_hit))
    return seen


def publish(files=FILES, key=KEY, **components):
    """Puts *files* as `triton.compile` does; returns its group."""
    manager = store.CacheManager(key, about=store.About(components))
    group = {name: manager.put(data, name) for name, data in files.items()}
    manager.put_group("k.json", group)
    return group


def find(key=KEY):
    """What a reader reads of the group: the bytes of its files by name, or None for a miss."""
    group = store.CacheManager(key).get_group("k.json")
    return group and {name: Path(path).read_bytes() for name, path in group.items()}


def entries_in(root):
    """The folders of kernels; beside them the cache has files that are not ours to look at."""
    return [path for path in root.iterdir() if len(path.name) == len(KEY)]


def as_bytes(files):
    return {name: data if isinstance(data, bytes) else data.encode() for name, data in files.items()}


def key_number(number):
    """The *number*-th of many keys."""
    return store.triton_cache._base32(hashlib.sha256(str(number).encode()).hexdigest())


def warned_by(work):
    """What *work* returns, and the texts of our warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = work()
    return result, [str(warning.message) for warning in caught if issubclass(warning.category, GraftWarning)]


def damage_text(path, what):
    return f"triton-graft does not use a damaged cache entry and compiles again: {path} {what}"


# -- Round trips


def test_a_kernel_is_compiled_once_and_then_found(hits):
    compiled, found = (warm_up_vector_add(make_vector_add()) for _ in range(2))
    assert hits == [False, True]
    assert list(found.asm) == list(compiled.asm) == ["source", "ttir", "ttgir", "llir", "ptx", "cubin"]
    assert dict(found.asm) == dict(compiled.asm)
    assert found.metadata == compiled.metadata


def test_the_compiled_kernel_is_read_from_the_published_entry(hits, root):
    """Triton 3.9 goes on with the very dict that it gave to put_group."""
    compiled = warm_up_vector_add(make_vector_add())
    (entry,) = entries_in(root)
    assert {Path(path).parent for path in compiled.metadata_group.values()} == {entry}
    assert sorted(path.name for path in entry.iterdir()) == sorted(
        [*compiled.metadata_group, *(f"__{kind}__vector_add.json" for kind in ("grp", "key", "variant"))]
    )


def test_a_group_has_the_order_and_the_bytes_that_were_put(root):
    group = publish()
    assert group == {name: str(root / KEY / name) for name in FILES}
    assert list(find().items()) == list(as_bytes(FILES).items())


def test_the_group_file_is_canonical_and_has_no_path(root):
    publish(b="2", a="1")
    text = (root / KEY / GROUP).read_bytes()
    content = json.loads(text)
    assert content.pop("digest") == hashlib.sha256(KEY.encode() + text.partition(b",")[2]).hexdigest()
    described = [
        [name, hashlib.sha256(data).hexdigest(), len(data), list(store._written(os.stat(root / KEY / name)))]
        for name, data in as_bytes(FILES).items()
    ]
    beside = sum(path.stat().st_size for path in (root / KEY).iterdir() if path.name != GROUP)
    assert content == {"version": 2, "size": beside, "files": described}
    assert json.loads((root / KEY / "__key__k.json").read_text()) == {"a": "1", "b": "2"}
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode()
    assert str(root).encode() not in text


def test_nothing_is_visible_before_the_group_is_put(root):
    manager = store.CacheManager(KEY)
    path = manager.put(b"text", "k.ttir")
    assert Path(path).read_bytes() == b"text"
    assert manager.get_file("k.ttir") == path
    assert store.CacheManager(KEY).get_file("k.ttir") is None
    assert not (root / KEY).exists()


def test_a_file_put_twice_has_the_later_bytes():
    manager = store.CacheManager(KEY)
    group = {"k.json": manager.put("1", "k.json")}
    group["k.json"] = manager.put("2", "k.json")
    manager.put_group("k.json", group)
    assert find() == {"k.json": b"2"}


def test_get_file_follows_what_was_put_and_found():
    manager = store.CacheManager(KEY)
    group = {name: manager.put(data, name) for name, data in FILES.items()}
    manager.put_group("k.json", group)
    assert manager.get_file("k.cubin") == group["k.cubin"]
    reader = store.CacheManager(KEY)
    reader.get_group("k.json")
    assert reader.get_file("k.cubin") == group["k.cubin"]
    assert reader.get_file("k.sass") is None


def test_locations_can_be_taken_from_a_stage(hits, monkeypatch, capfd):
    """USE_IR_LOC makes Triton ask for a file between put and put_group."""
    monkeypatch.setenv("USE_IR_LOC", "ttir")
    warm_up_vector_add(make_vector_add())
    assert "Creating new locations for" in capfd.readouterr().out


def test_a_compilation_that_fails_leaves_nothing(hits, root):
    @triton.jit
    def refuse(out):
        triton.language.static_assert(False)

    with pytest.raises(CompileTimeAssertionFailure):
        refuse.warmup(triton.MockTensor("fp32"), grid=(1,))
    manager = store.CacheManager(KEY)
    manager.put(b"text", "k.ttir")
    assert len(list(root.glob("tmp.*"))) == 1
    del manager
    assert list(root.glob("tmp.*")) == entries_in(root) == []


def test_looking_for_a_group_makes_no_folder(root):
    assert find() is None
    assert not root.exists()


def test_always_compiling_gives_what_was_compiled(hits, monkeypatch):
    first = warm_up_vector_add(make_vector_add())
    monkeypatch.setenv("TRITON_ALWAYS_COMPILE", "1")
    again = warm_up_vector_add(make_vector_add())
    assert hits == [False, False]
    assert again.metadata_group == first.metadata_group


def test_an_intact_entry_stays_and_a_compilation_that_differs_goes_on_with_its_own(root, private):
    publish()
    group, said = warned_by(lambda: publish({**FILES, "k.cubin": b"overridden"}))
    assert Path(group["k.cubin"]).read_bytes() == b"overridden"
    assert all(Path(path).is_relative_to(private) for path in group.values())
    assert find() == as_bytes(FILES)
    assert (os.listdir(root), said) == ([KEY], [])


def test_a_group_without_its_own_file_is_refused():
    manager = store.CacheManager(KEY)
    manager.put(b"text", "k.ttir")
    with pytest.raises(ValueError) as caught:
        manager.put_group("k.json", {})
    assert str(caught.value) == "'k.json' has to be one of the files of its group: k.ttir"


@pytest.mark.parametrize("name", ["", ".", "..", "../k", "/k", "a/b", "a\0b", "k" * 256])
def test_a_name_that_leaves_the_entry_is_refused(name, root):
    with pytest.raises(ValueError) as caught:
        store.CacheManager(KEY).put(b"text", name)
    assert str(caught.value) == f"{name!r} cannot be the name of a file in a cache entry"
    assert not root.exists()


def test_an_entry_is_as_readable_as_the_umask_allows(root):
    old = os.umask(0o022)
    try:
        publish()
    finally:
        os.umask(old)
    assert stat.S_IMODE((root / KEY).stat().st_mode) == 0o755
    assert stat.S_IMODE((root / KEY / GROUP).stat().st_mode) == 0o644


# -- Which manager


def test_a_manager_of_the_user_is_used_as_it_is(monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_MANAGER", "triton.runtime.cache:FileCacheManager")
    manager = store.get_cache_manager("00" * 32)
    assert type(manager) is FileCacheManager
    assert manager.key == get_cache_manager("00" * 32).key


def test_otherwise_it_is_ours():
    manager = store.get_cache_manager("00" * 32, store.About({"ttir": "1"}))
    assert type(manager) is store.CacheManager
    assert manager.about.components == {"ttir": "1"}
    assert manager.key == get_cache_manager("00" * 32).key


def test_no_cache_folder_at_all_is_triton_s_error(monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", "")
    with pytest.raises(RuntimeError) as caught:
        store.CacheManager(KEY)
    assert str(caught.value) == "Could not create or locate cache dir"


def test_an_entry_of_triton_s_own_manager_is_a_silent_miss_and_then_replaced(root):
    theirs = FileCacheManager(KEY)
    theirs.put_group("k.json", {name: theirs.put(data, name) for name, data in FILES.items()})
    assert warned_by(find) == (None, [])
    publish()
    assert find() == as_bytes(FILES)


# -- Entries that move


@pytest.mark.parametrize("keep", [True, False], ids=["copied", "moved"])
def test_an_entry_works_elsewhere_and_reads_nothing_from_its_old_place(hits, root, tmp_path, monkeypatch, keep):
    warm_up_vector_add(make_vector_add())
    new = tmp_path / "elsewhere" / "cache"
    shutil.copytree(root, new)
    if not keep:
        shutil.rmtree(root)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(new))
    found = warm_up_vector_add(make_vector_add())
    assert hits == [False, True]
    assert {Path(path).parent.parent for path in found.metadata_group.values()} == {new}
    if not keep:
        assert not root.exists()


def test_a_relative_cache_folder_is_that_of_the_beginning(tmp_path, monkeypatch):
    """The program may change its directory while it compiles."""
    monkeypatch.setenv("TRITON_CACHE_DIR", "here")
    monkeypatch.chdir(tmp_path)
    manager = store.CacheManager(KEY)
    group = {"k.json": manager.put("1", "k.json")}
    monkeypatch.chdir("/")
    manager.put_group("k.json", group)
    assert group == {"k.json": str(tmp_path / "here" / KEY / "k.json")}
    assert Path(group["k.json"]).read_text() == "1"


def test_a_link_to_the_cache_folder_is_followed(root, tmp_path, monkeypatch):
    publish()
    link = tmp_path / "link"
    link.symlink_to(root)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(link))
    assert find() == as_bytes(FILES)


def test_inductor_takes_an_entry_along_and_writes_it_elsewhere(tmp_path):
    """Its TritonBundler reads every file in the folder of a kernel and writes them to another cache."""
    pytest.importorskip("torch")
    code = """
import os
import triton
from torch._inductor.triton_bundler import TritonBundler
from triton.backends.graft.driver import Driver
from support import make_vector_add, warm_up_vector_add

triton.runtime.driver.set_active(Driver(target="cuda:90"))
triton.knobs.compilation.listener = lambda cache_hit, **_: print(cache_hit)
compiled = warm_up_vector_add(make_vector_add())
(key,) = (name for name in os.listdir(os.environ["TRITON_CACHE_DIR"]) if len(name) == 52)
TritonBundler.begin_compile()
TritonBundler.put(key, 0)
bundle, _ = TritonBundler.collect()
os.environ["TRITON_CACHE_DIR"] += ".new"
TritonBundler.read_and_emit(bundle)
print(warm_up_vector_add(make_vector_add()).asm == compiled.asm)
"""
    assert output_of(code, tmp_path).splitlines() == ["False", "True", "True"]


# -- Damage


def flip(data, generator):
    position = generator.randrange(len(data))
    return data[:position] + bytes([data[position] ^ 1 << generator.randrange(8)]) + data[position + 1 :]


def truncate(data, generator):
    return data[: generator.randrange(len(data))]


def lengthen(data, generator):
    return data + generator.randbytes(generator.randrange(1, 9))


@pytest.mark.parametrize("damage", [flip, truncate, lengthen])
@pytest.mark.parametrize("name", [*FILES, GROUP])
def test_a_damaged_file_is_a_miss_with_a_warning_and_is_then_replaced(root, name, damage):
    for seed in range(20):
        publish(component="a text")
        path = root / KEY / name
        path.write_bytes(damage(path.read_bytes(), random.Random(seed)))
        found, said = warned_by(find)
        assert found is None, f"seed {seed}"
        assert [text.startswith(damage_text(path, "")) for text in said] == [True], f"seed {seed}: {said}"
        publish(component="a text")
        assert warned_by(find) == (as_bytes(FILES), []), f"seed {seed}"
    assert os.listdir(root) == [KEY]


@pytest.mark.parametrize("name", list(FILES))
def test_a_missing_file_is_a_miss_with_a_warning(root, name):
    publish()
    (root / KEY / name).unlink()
    said = damage_text(root / KEY / name, "cannot be read (No such file or directory)")
    assert warned_by(find) == (None, [said])


def test_a_missing_group_file_is_a_silent_miss_and_the_entry_is_then_completed(root):
    publish()
    (root / KEY / GROUP).unlink()
    assert warned_by(find) == (None, [])
    publish()
    assert find() == as_bytes(FILES)


def test_a_kernel_with_a_damaged_cubin_is_compiled_again(hits, root):
    compiled = warm_up_vector_add(make_vector_add())
    (cubin,) = root.glob("*/*.cubin")
    cubin.write_bytes(cubin.read_bytes()[:-1] + b"\xff")
    with pytest.warns(GraftWarning, match="vector_add.cubin does not have the digest that its group names"):
        again = warm_up_vector_add(make_vector_add())
    found = warm_up_vector_add(make_vector_add())
    assert hits == [False, False, True]
    assert dict(again.asm) == dict(found.asm) == dict(compiled.asm)


def as_folder(path):
    path.mkdir()
    (path / "x").write_text("x")


def as_fifo(path):
    os.mkfifo(path)


def as_link(path):
    outside = path.parents[2] / "outside"
    outside.write_bytes(as_bytes(FILES).get(path.name, b"{}"))
    path.symlink_to(outside)


def as_dangling_link(path):
    path.symlink_to("nowhere")


LOOP = "cannot be read (Too many levels of symbolic links)"
EMPTY = {"k.cubin": "does not have the digest that its group names", GROUP: "does not have the digest that it names"}
OTHERS = {as_folder: "is not a file", as_fifo: "is not a file", as_link: LOOP, as_dangling_link: LOOP, Path.touch: None}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", ["k.cubin", GROUP])
def test_something_else_in_place_of_a_file_is_a_miss_and_is_then_replaced(root, name, other):
    publish()
    path = root / KEY / name
    path.unlink()
    other(path)
    assert warned_by(find) == (None, [damage_text(path, OTHERS[other] or EMPTY[name])])
    publish()
    assert find() == as_bytes(FILES)
    assert path.is_file() and not path.is_symlink()
    assert os.listdir(root) == [KEY]


@pytest.mark.parametrize("other", ["file", "link", "empty folder"])
def test_something_else_in_place_of_an_entry_is_replaced_and_a_link_is_not_followed(root, tmp_path, other):
    outside = tmp_path / "outside"
    outside.mkdir()
    root.mkdir()
    path = root / KEY
    {"file": path.touch, "link": lambda: path.symlink_to(outside), "empty folder": path.mkdir}[other]()
    assert find_quietly() is None
    publish()
    assert find() == as_bytes(FILES)
    assert os.listdir(outside) == []
    assert os.listdir(root) == [KEY]


def find_quietly():
    return warned_by(find)[0]


def test_an_entry_that_is_a_link_is_a_miss(root, tmp_path):
    """It could lead anywhere; a link to the whole cache is the user's."""
    publish()
    (root / KEY).rename(tmp_path / "entry")
    (root / KEY).symlink_to(tmp_path / "entry")
    assert warned_by(find) == (None, [damage_text(f"{root / KEY}/", "cannot be read (Not a directory)")])


def test_a_folder_that_is_removed_while_compiling_costs_nothing(root, private):
    manager = store.CacheManager(KEY)
    group = {name: manager.put(data, name) for name, data in FILES.items()}
    shutil.rmtree(root)
    _, said = warned_by(lambda: manager.put_group("k.json", group))
    assert {name: Path(path).read_bytes() for name, path in group.items()} == as_bytes(FILES)
    assert all(Path(path).is_relative_to(private) for path in group.values())
    assert len(said) == 1


def raising(error, work, times=1):
    """*work*, which raises *error* the first *times* that it is called."""
    left = iter([error] * times)

    def wrapped(*args, **kwargs):
        if (now := next(left, None)) is not None:
            raise now
        return work(*args, **kwargs)

    return wrapped


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ESTALE])
def test_an_entry_that_goes_away_on_a_network_file_system_is_a_silent_miss(monkeypatch, number):
    publish()
    monkeypatch.setattr(store.os, "open", raising(OSError(number, os.strerror(number)), os.open))
    assert warned_by(find) == (None, [])


def test_what_looks_damaged_is_read_again_before_anything_is_said(monkeypatch):
    """A writer may have repaired it in between."""
    publish()
    monkeypatch.setattr(store, "_check", raising(store._DamagedError("k.cubin", "is damaged"), store._check))
    assert warned_by(find) == (as_bytes(FILES), [])


def test_an_entry_that_cannot_be_read_is_a_miss_with_a_warning(root, monkeypatch):
    publish()
    monkeypatch.setattr(store.os, "open", raising(OSError(errno.EIO, "Input/output error"), os.open, times=2))
    assert warned_by(find) == (None, [damage_text(f"{root / KEY}/", "cannot be read (Input/output error)")])


def test_a_text_that_nobody_has_touched_is_not_read_again_and_what_runs_is(root, monkeypatch):
    publish()
    read = []
    original = store._read
    monkeypatch.setattr(store, "_read", lambda name, *args, **kwargs: read.append(name) or original(name, *args, **kwargs))
    find()
    assert sorted(read) == sorted([GROUP, *(name for name in FILES if name.endswith((".cubin", ".json")))])
    read.clear()
    os.utime(root / KEY / "k.ttir")
    find()
    assert "k.ttir" in read


# -- Hostile group files


def group_text(change):
    """A group file for `FILES`, after *change*, with a right digest."""
    files = [[name, hashlib.sha256(data).hexdigest(), len(data), []] for name, data in as_bytes(FILES).items()]
    content = {"files": files, "size": 1000, "version": 2}
    content = change(content) or content
    return with_digest(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()[1:])


def with_digest(rest):
    return b'{"digest":"' + hashlib.sha256(KEY.encode() + rest).hexdigest().encode() + b'",' + rest


def set_first(**fields):
    """Changes what is said of the first file."""

    def change(content):
        for name, value in fields.items():
            content["files"][0][("name", "sha256", "size", "written").index(name)] = value

    return change


OUTSIDE = "names a file outside of the entry, or one twice"
FIELDS = "describes a file by other than name, digest, size and when it was written"
HOSTILE = {
    "a path upwards": (group_text(set_first(name="../secret")), OUTSIDE),
    "an absolute path": (group_text(set_first(name="/etc/passwd")), OUTSIDE),
    "a folder": (group_text(set_first(name="..")), OUTSIDE),
    "a zero byte": (group_text(set_first(name="a\0b")), OUTSIDE),
    "a name twice": (group_text(set_first(name="k.json")), OUTSIDE),
    "the group file itself": (group_text(set_first(name=GROUP)), OUTSIDE),
    "a size of the whole that is a fraction": (group_text(lambda c: c.update(size=4.0)), "has a size that is not a number of bytes"),
    "a negative size of the whole": (group_text(lambda c: c.update(size=-1)), "has a size that is not a number of bytes"),
    "no size of the whole": (group_text(lambda c: c.pop("size") and None), "is not of version 2 of the format"),
    "a number as a name": (group_text(set_first(name=1)), OUTSIDE),
    "a digest that is too short": (group_text(set_first(sha256="00")), "has a digest that is not one"),
    "a digest in upper case": (group_text(set_first(sha256="A" * 64)), "has a digest that is not one"),
    "no digest": (group_text(lambda c: c["files"][0].pop(1) and None), FIELDS),
    "a file that is a text": (group_text(lambda c: c["files"].append("k")), FIELDS),
    "a huge size": (group_text(set_first(size=1 << 62)), "has a size that is not a number of bytes"),
    "a negative size": (group_text(set_first(size=-1)), "has a size that is not a number of bytes"),
    "a size that is a truth value": (group_text(set_first(size=True)), "has a size that is not a number of bytes"),
    "a size that is a fraction": (group_text(set_first(size=4.0)), "has a size that is not a number of bytes"),
    "too many files": (group_text(lambda c: c["files"].extend([{}] * 65)), "has no list of files, or too long a one"),
    "files as a dict": (group_text(lambda c: c.update(files={})), "has no list of files, or too long a one"),
    "a time that is a number": (group_text(set_first(written=1)), "does not say when a file was written"),
    "another version": (group_text(lambda c: c.update(version=1)), "is not of version 2 of the format"),
    "one more field": (group_text(lambda c: c.update(more=1)), "is not of version 2 of the format"),
    "no files": (group_text(lambda c: c.update(files=[])), "does not list k.json"),
    "a number of many digits": (with_digest(b'"files":' + b"9" * 5000 + b"}"), "is not JSON"),
    "deep nesting": (with_digest(b'"files":' + b"[" * 200_000 + b"}"), "is not JSON"),
    "no JSON": (with_digest(b"files"), "is not JSON"),
    "bytes that are no text": (with_digest(b'"\xff\xfe":1}'), "is not JSON"),
    "a wrong digest": (b'{"digest":"' + b"0" * 64 + b'","files":[]}', "does not have the digest that it names"),
    "more bytes than allowed": (b" " * ((1 << 20) + 1), "has 1048577 bytes, more than 1048576"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_group_file_is_a_miss_that_says_what_is_wrong(root, case):
    publish()
    (root / "secret").write_bytes(as_bytes(FILES)["k.source"])
    text, what = HOSTILE[case]
    (root / KEY / GROUP).write_bytes(text)
    assert warned_by(find) == (None, [damage_text(root / KEY / GROUP, what)])


def test_a_group_file_made_by_hand_is_read_if_it_is_right(root):
    """So that the cases above are refused for the reason that they give."""
    publish()
    (root / KEY / GROUP).write_bytes(group_text(lambda content: None))
    assert find() == as_bytes(FILES)


def test_a_name_that_no_file_can_have_is_a_miss(root):
    publish()
    (root / KEY / GROUP).write_bytes(group_text(set_first(name="\ud800")))
    assert find_quietly() is None


# -- Folders that cannot be written


def in_mount_namespace(work, *mounts):
    """Runs *work* in a child that sees *mounts*: arguments of mount(8)."""

    def child():
        if ctypes.CDLL(None, use_errno=True).unshare(0x20000):  # CLONE_NEWNS
            return "cannot mount"
        for arguments in (["--make-rprivate", "/"], *mounts):
            if subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode:
                return "cannot mount"
        return work()

    status, text = in_child(child)
    if text == "cannot mount":
        pytest.skip("needs to mount file systems in a namespace of its own: run as root")
    assert status == 0
    return text


def test_a_read_only_folder_serves_hits_and_misses_go_on(hits, root, private):
    compiled = warm_up_vector_add(make_vector_add())

    def work():
        hit = warm_up_vector_add(make_vector_add())
        assert dict(hit.asm) == dict(compiled.asm)
        missed, said = warned_by(lambda: [warm_up_vector_add(make_vector_add(), block=block) for block in (512, 1024)])
        assert all(Path(path).is_relative_to(private) for kernel in missed for path in kernel.metadata_group.values())
        assert [kernel.asm["cubin"][:4] for kernel in missed] == [b"\x7fELF"] * 2
        return hits, said

    said = (
        f"triton-graft cannot write to the cache folder {root} (Read-only file system); kernels work, but what this process "
        "compiles is lost when it ends. Make the folder writable, or set TRITON_CACHE_DIR to one that is."
    )
    bind = ["--bind", root, root], ["-o", "remount,bind,ro", root]
    assert in_mount_namespace(work, *bind) == str(([False, True, False, False], [said]))


def test_a_full_disk_loses_the_entry_and_nothing_else(hits, root, private):
    root.mkdir()

    def work():
        compiled, said = warned_by(lambda: warm_up_vector_add(make_vector_add()))
        assert "No space left on device" in said[0] and len(said) == 1
        assert set(compiled.asm) == {"source", "ttir", "ttgir", "llir", "ptx", "cubin"}
        return entries_in(root)

    assert in_mount_namespace(work, ["-t", "tmpfs", "-o", "size=12k", "none", root]) == "[]"


@pytest.mark.parametrize("after", range(6))
def test_a_write_that_fails_anywhere_loses_the_entry_and_nothing_else(root, private, monkeypatch, after):
    """Four files, the group file and the rename."""
    left = iter([None] * after)

    def fail_if_none_is_left(work):
        def wrapped(path, *args):
            if str(path).startswith(str(root)) and next(left, "full") == "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            return work(path, *args)

        return wrapped

    monkeypatch.setattr(store, "open", fail_if_none_is_left(open), raising=False)
    monkeypatch.setattr(store.os, "rename", fail_if_none_is_left(os.rename))
    group, said = warned_by(publish)
    assert {name: Path(path).read_bytes() for name, path in group.items()} == as_bytes(FILES)
    assert all(Path(path).is_relative_to(private) for path in group.values())
    assert len(said) == 1
    assert (os.listdir(root), find()) == ([], None)


def test_a_cache_folder_that_cannot_be_made_warns_once(tmp_path, monkeypatch, private):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "file" / "cache"))
    groups, said = warned_by(lambda: [publish(key=key_number(number)) for number in range(3)])
    assert {name: Path(path).read_bytes() for name, path in groups[2].items()} == as_bytes(FILES)
    assert len(said) == 1 and "(Not a directory)" in said[0]


def test_an_error_is_raised_only_if_no_folder_at_all_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: os.mkdir(tmp_path / "file" / "x"))
    with pytest.raises(NotADirectoryError):
        warned_by(publish)


def test_without_a_temporary_folder_the_memory_of_the_machine_is_used(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    group, _ = warned_by(publish)
    folder = Path(group["k.json"]).parents[1]
    try:
        assert folder.parent == Path("/dev/shm")
        assert {name: Path(path).read_bytes() for name, path in group.items()} == as_bytes(FILES)
    finally:
        shutil.rmtree(folder)


def test_private_files_live_until_their_process_ends_and_forked_children_leave_them(tmp_path):
    code = f"""
import os, sys, warnings
from pathlib import Path
from triton.backends.graft.cache import explain, store
warnings.simplefilter("ignore")
manager = store.CacheManager("{KEY}")
path = Path(manager.put(b"text", "k.json"))
manager.put_group("k.json", {{"k.json": str(path)}})
del manager
if (child := os.fork()) == 0:
    sys.exit()
os.waitpid(child, 0)
print(path.read_text(), path, flush=True)
"""
    (tmp_path / "file").touch()
    text, path = output_of(code, tmp_path, TRITON_CACHE_DIR=str(tmp_path / "file" / "cache"), TMPDIR=str(tmp_path)).split()
    assert text == "text"
    assert path.startswith(f"{tmp_path}/triton-graft-")
    assert list(tmp_path.glob("triton-graft-*")) == []


def test_a_forked_child_leaves_its_parent_s_unpublished_files():
    manager = store.CacheManager(KEY)
    path = Path(manager.put(b"text", "k.json"))

    def child():
        nonlocal manager
        del manager

    assert in_child(child) == (0, "None")
    assert path.read_bytes() == b"text"


# -- Processes that die, and many at once


def own_files(number):
    """Files that tell, each, who wrote them."""
    return {name: f"{number} {name}\n".encode() * (1 + number % 40) for name in FILES}


def assert_of_one_writer(files):
    assert len({data.split()[0] for data in files.values()}) == 1, files
    assert files == own_files(int(files["k.json"].split()[0]))


@pytest.mark.parametrize("is_damaged", [False, True])
def test_writers_that_are_killed_leave_entries_that_are_whole_or_a_miss(root, is_damaged):
    """Without damage before, there is none after, and nothing to warn of."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    for turn in range(40):
        child = Fork(lambda turn=turn: write_for_ever(root, 1000 * turn, is_damaged))
        time.sleep(generator.uniform(0, 0.03))
        child.kill()
        for entry in root.glob("[A-Z]*"):
            found, said = warned_by(lambda key=entry.name: find(key))
            assert is_damaged or (found is not None and said == [])
            if found is not None:
                assert_of_one_writer(found)
            shutil.rmtree(entry)


def write_for_ever(root, first, is_damaged):
    warnings.simplefilter("ignore")
    for number in range(first, 1 << 32):
        publish(own_files(number), key_number(number))
        if is_damaged:
            (root / key_number(number) / "k.ttir").write_bytes(b"damaged")
            publish(own_files(number), key_number(number))


@pytest.mark.parametrize("is_damaged", [False, True])
def test_64_writers_of_one_entry_and_a_reader_never_see_an_error_or_a_mixture(root, is_damaged):
    """Writers of a new entry differ; those that repair one have the same bytes, as compilers under one key."""
    warnings.simplefilter("ignore")
    if is_damaged:
        publish(own_files(0))
        (root / KEY / "k.cubin").write_bytes(b"damaged")
    forks = [Fork(lambda process=process: write_in_threads(process, is_damaged)) for process in range(8)]
    while any(fork.is_running() for fork in forks):
        found = find()
        if found is not None:
            assert_of_one_writer(found)
    assert [fork.status for fork in forks] == [0] * 8
    assert_of_one_writer(find())
    assert os.listdir(root) == [KEY]


def write_in_threads(process, is_damaged):
    """Writes the entry from eight threads, and checks that each can read what it has compiled."""

    def write(number):
        group = publish(own_files(0 if is_damaged else number))
        assert_of_one_writer({name: Path(path).read_bytes() for name, path in group.items()})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8 * process, 8 * process + 8)))


class Fork:
    """*work*, running in a child; its status is 0 if it did not raise."""

    def __init__(self, work):
        self.status = None
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                work()
                status = 0
            finally:
                traceback.print_exc()
                os._exit(status)

    def is_running(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is None

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def make_abandoned(root, age, pid):
    path = root / f"tmp.{pid}.{'0' * 32}"
    path.mkdir(parents=True)
    (path / "k.ttir").touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


DEAD = 4_194_305  # more than Linux allows


@pytest.mark.parametrize(
    ("age", "writer", "goes"), [(3500, "dead", False), (3700, "dead", True), (3700, "alive", False), (90_000, "alive", True)]
)
def test_the_folders_of_dead_writers_are_removed_after_an_hour(root, age, writer, goes):
    path = make_abandoned(root, age, DEAD if writer == "dead" else os.getpid())
    publish()
    assert path.exists() is not goes


def test_only_folders_of_ours_are_taken_for_abandoned(root, tmp_path):
    outside = tmp_path / "outside"
    make_abandoned(root, 10, DEAD)
    foreign = [root / "tmp.1", root / "tmp.pid_1_x", root / f"tmp.{DEAD}.{'0' * 31}"]
    for path in [outside, *foreign]:
        path.mkdir()
        (path / "x").touch()
        os.utime(path, (0, 0))
    link = root / f"tmp.{DEAD}.{'1' * 32}"
    link.symlink_to(outside)
    os.utime(link, (0, 0), follow_symlinks=False)
    publish()
    assert all((path / "x").exists() for path in [outside, link, *foreign])


# -- Eviction


def publish_aged(number, age, size=1000):
    """The folder of an entry of about *size* bytes that was last used *age* seconds ago."""
    group = publish({"k.cubin": bytes(size), "k.json": b"{}"}, key_number(number))
    folder = Path(group["k.json"]).parent
    os.utime(folder / GROUP, (time.time() - age,) * 2)
    return folder


def size_of(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_without_a_limit_nothing_goes(root):
    entries = [publish_aged(number, 10_000) for number in range(5)]
    publish()
    assert all(entry.exists() for entry in entries)


def test_the_entries_used_longest_ago_go_first(root, monkeypatch):
    ages = [5000, 9000, 7000, 8000, 6000]
    entries = [publish_aged(number, age) for number, age in enumerate(ages)]
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", str(4 * size_of(entries[0]) * 16 // 15))
    store._allowances.clear()
    last = publish_aged(5, 0)
    assert [entry.exists() for entry in [*entries, last]] == [True, False, True, False, True, True]
    assert sorted(os.listdir(root)) == sorted(entry.name for entry in [*entries, last] if entry.exists())


def test_a_process_that_goes_on_writing_stays_below_the_limit(root, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "20K")
    for number in range(60):
        publish_aged(number, 10_000 - number, size=random.Random(number).randrange(1200))
        assert sum(map(size_of, root.iterdir())) <= 20 << 10
    assert len(os.listdir(root)) > 5


def test_a_hit_counts_as_use(monkeypatch):
    entries = [publish_aged(number, 9000 - number) for number in range(3)]
    assert find(entries[0].name) is not None
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", str(3 * size_of(entries[0])))
    store._allowances.clear()
    last = publish_aged(3, 0)
    assert [entry.exists() for entry in [*entries, last]] == [True, False, False, True]


def test_a_hit_within_five_minutes_of_another_writes_nothing():
    entry = publish_aged(0, 200)
    before = (entry / GROUP).stat().st_mtime_ns
    find(entry.name)
    assert (entry / GROUP).stat().st_mtime_ns == before


def test_what_was_used_in_the_last_ten_minutes_stays(monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1")
    entries = [publish_aged(number, age) for number, age in enumerate([700, 500, 0])]
    store._allowances.clear()
    last = publish_aged(3, 0)
    assert [entry.exists() for entry in [*entries, last]] == [False, True, True, True]


def test_an_entry_that_is_used_while_others_are_removed_stays(monkeypatch):
    entries = [publish_aged(number, 9000 - number) for number in range(2)]
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1")
    store._allowances.clear()
    remove = store._set_aside
    monkeypatch.setattr(store, "_set_aside", lambda *args: (find(entries[1].name), remove(*args)))
    publish()
    assert [entry.exists() for entry in entries] == [False, True]


def test_what_was_just_written_stays_even_if_the_clocks_of_server_and_client_differ(root, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1")
    now = time.time
    monkeypatch.setattr(store.time, "time", lambda: now() + 3600)
    group = publish()
    assert Path(group["k.json"]).exists()
    publish(key=key_number(1))
    assert os.listdir(root) == [key_number(1)]


def test_an_entry_is_looked_at_through_its_group_file_and_removed_without_another_walk(root, monkeypatch):
    names = [f"k.{stage}" for stage in ("ttir", "ttgir", "llir", "ptx", "cubin", "json")]
    for number in range(20):
        group = publish(dict.fromkeys(names, b"{}" * 100), key_number(number))
        os.utime(Path(group["k.json"]).parent / GROUP, (time.time() - 9000 + number,) * 2)
    sizes = [size_said(folder) for folder in root.iterdir() if folder.is_dir()]
    assert sizes == [size_of(folder) for folder in root.iterdir() if folder.is_dir()]
    calls = collections.Counter()
    for name in ("listdir", "scandir", "lstat", "stat", "open", "unlink"):
        monkeypatch.setattr(store.os, name, counting(getattr(os, name), name, calls))
    store._evict(str(root), sum(sizes) // 2, "")
    gone = 20 - sum(store._KEY_PATTERN.fullmatch(name) is not None for name in os.listdir(root))
    assert gone == 10
    # Of each entry: a list of its files, and its group file. Of one that goes: its group file's time, its folder, and its nine files.
    assert calls["open"] <= 20 + gone and calls["listdir"] <= 20 + 1 and calls["lstat"] <= gone
    assert calls["unlink"] == 9 * gone and calls["stat"] == 0 and calls["scandir"] <= 2


def size_said(folder):
    return store._entry(str(folder))[1]


def counting(function, name, calls):
    def call(*args, **kwargs):
        calls[name] += 1
        return function(*args, **kwargs)

    return call


@pytest.mark.parametrize(
    ("end", "size"),
    [
        (b',"size":1000,"version":2}', 1000),
        (b',"size":999999999999999,"version":2}', 999999999999999),
        (b',"size":' + b"9" * 5000 + b',"version":2}', 0),
        (b',"size":-1,"version":2}', 0),
        (b',"size":', 0),
        (b"\xff", 0),
    ],
)
def test_a_group_file_that_lies_about_sizes_does_no_harm(root, end, size):
    folder = publish_aged(0, 9000)
    (folder / GROUP).write_bytes(b'{"digest":"' + end)
    assert size_said(folder) == size + (folder / GROUP).stat().st_size
    store._evict(str(root), 0, "")
    (folder / GROUP).write_bytes(b"")
    assert store._entry(str(folder)) is None


def test_what_came_into_an_entry_since_it_was_looked_at_goes_with_it(root, monkeypatch):
    folder = publish_aged(0, 9000)
    remove = store._set_aside
    monkeypatch.setattr(store, "_set_aside", lambda *args: ((folder / "new").write_bytes(b""), remove(*args)))
    store._evict(str(root), 0, "")
    assert os.listdir(root) == []


def test_a_group_file_of_others_beside_ours_does_not_keep_an_entry(root):
    folder = publish_aged(0, 9000)
    (folder / "__grp__theirs.json").write_bytes(b'{"child_paths": {}}')
    store._evict(str(root), 0, "")
    assert os.listdir(root) == []


def test_what_is_not_of_our_format_neither_counts_nor_goes(root, tmp_path, monkeypatch):
    theirs = FileCacheManager(key_number(100))
    theirs.put_group("k.json", {"k.json": theirs.put(b"{}" * 10_000, "k.json")})
    outside = tmp_path / "outside"
    shutil.copytree(publish_aged(101, 9000), outside)
    (root / key_number(102)).symlink_to(outside)
    shutil.copytree(outside, root / "notes")
    (root / key_number(103)).write_bytes(bytes(10_000))
    for path in [Path(theirs.cache_dir) / GROUP, outside / GROUP, root / "notes" / GROUP]:
        os.utime(path, (1, 1))
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1500")
    store._allowances.clear()
    publish_aged(0, 0)
    assert not (root / key_number(101)).exists()
    assert (Path(theirs.cache_dir) / GROUP).exists()
    assert all(map(os.path.lexists, [root / key_number(102), root / key_number(103), outside / GROUP, root / "notes" / GROUP]))


@pytest.mark.parametrize(("text", "value"), [("", None), ("1", 1), ("3K", 3072), ("2M", 2 << 20), ("10G", 10 << 30)])
def test_the_limit_is_a_number_of_bytes(monkeypatch, text, value):
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", text)
    assert store.limit_for_process() == value


@pytest.mark.parametrize("text", ["0", "-1", "1.5G", "10GB", "10 G", "k", "1k", "ten", " 1", "0x10", "1\n"])
def test_a_limit_that_makes_no_sense_is_refused(monkeypatch, text):
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", text)
    with pytest.raises(OptionError) as caught:
        store.CacheManager(KEY)
    assert str(caught.value) == (
        f"GRAFT_CACHE_LIMIT={text!r}: expected a positive integer number of bytes, or one followed by K, M or G for powers of "
        "1024; for example 10G"
    )


# -- A cache whose misses somebody wants to know of


def required(manager, text="missing"):
    """*manager* where a miss is an error with *text*."""

    def refuse():
        raise CacheMissError(text)

    return store.Watched(manager, refuse)


def test_a_required_kernel_that_is_not_there_is_an_error_with_the_explanation(root):
    with pytest.raises(CacheMissError, match="the ttir differs"):
        required(store.CacheManager(KEY), "the ttir differs").get_group("k.json")
    assert not root.exists()


def test_a_required_kernel_that_is_there_needs_no_explanation():
    publish()
    manager = required(store.CacheManager(KEY))
    assert manager.get_group("k.json") == store.CacheManager(KEY).get_group("k.json")


def test_a_required_kernel_that_is_damaged_is_missing(root):
    publish()
    (root / KEY / "k.cubin").write_bytes(b"")
    with pytest.warns(GraftWarning), pytest.raises(CacheMissError):
        required(store.CacheManager(KEY)).get_group("k.json")


def test_all_else_passes_through_to_a_manager_of_any_kind(root):
    """Also to one that the user wrote, with methods that we do not know."""
    theirs = FileCacheManager(KEY)
    manager = required(theirs)
    group = {name: manager.put(data, name) for name, data in FILES.items()}
    assert manager.put_group("k.json", group) == str(root / KEY / GROUP)
    assert manager.get_group("k.json") == theirs.get_group("k.json") == group
    assert manager.get_group("k.other") is None
    assert manager.get_file("k.cubin") == theirs.get_file("k.cubin")
    assert manager.has_file("k.cubin")
    with pytest.raises(CacheMissError):
        manager.get_group("l.json")


def test_triton_compile_raises_what_a_required_cache_raises(hits, monkeypatch):
    def get_cache_manager(hash):
        return required(store.get_cache_manager(hash), "not there")

    monkeypatch.setattr(sys.modules["triton.compiler.compiler"], "get_cache_manager", get_cache_manager)
    with pytest.raises(CacheMissError, match="not there"):
        triton.compile(vector_add_source(make_vector_add()))
    assert hits == []


# -- The nearest entry


def nearest(**components):
    found = explain.nearest(list(store.entries("k")), components)
    return found and (Path(found[0]).parent.name, found[1])


def test_the_nearest_entry_differs_in_the_fewest_components():
    publish(key=key_number(0), ttir="1", options="a", target="90")
    publish(key=key_number(1), ttir="1", options="b", target="90")
    publish(key=key_number(2), ttir="2", options="b", target="90")
    assert nearest(ttir="1", options="b", target="80") == (key_number(1), {"ttir": "1", "options": "b", "target": "90"})


def test_of_several_the_last_used_is_nearest():
    for number, age in enumerate([300, 100, 200]):
        group = publish(key=key_number(number), ttir="1", number=str(number))
        os.utime(Path(group["k.json"]).parent / GROUP, (time.time() - age,) * 2)
    assert nearest(ttir="1") == (key_number(1), {"ttir": "1", "number": "1"})


def test_nothing_is_near_in_an_empty_cache_or_of_another_kernel(root):
    assert nearest(ttir="1") is None
    assert not root.exists()
    publish(ttir="1")
    assert list(store.entries("other")) == []


def test_entries_that_cannot_be_read_are_not_near(root):
    publish(key=key_number(0), ttir="1")
    publish(key=key_number(1), ttir="2")
    (root / key_number(0) / "__key__k.json").write_bytes(b"{")
    publish(key=key_number(4), ttir="1")
    (root / key_number(4) / "__key__k.json").write_text('{"ttir": 1}')
    FileCacheManager(key_number(2)).put_group("k.json", {"k.json": "x"})
    (root / key_number(3) / GROUP).mkdir(parents=True)
    assert warned_by(lambda: nearest(ttir="1")) == ((key_number(1), {"ttir": "2"}), [])


# -- Looking after the cache

IS_DIRTY, IN_BACKGROUND = store._is_dirty, store._in_background


def test_one_process_in_an_hour_looks_at_the_whole_cache(root, monkeypatch):
    root.mkdir()
    assert [IS_DIRTY(str(root), limit) for limit in (None, None, 100, 100)] == [True, False, True, False]
    hour_ago = time.time() - 3601
    os.utime(root / "graft-cleaned", (hour_ago, hour_ago))
    assert IS_DIRTY(str(root), 100)


def test_a_launch_does_not_wait_for_the_cache_to_be_looked_after(root, monkeypatch):
    began, may_end = threading.Event(), threading.Event()

    def look_after(*_):
        began.set()
        assert may_end.wait(60)

    monkeypatch.setattr(store, "_in_background", IN_BACKGROUND)
    monkeypatch.setattr(store, "_look_after", look_after)
    publish()
    assert began.wait(60), "and it is published already"
    may_end.set()


def test_a_kernel_may_be_called_as_files_of_an_entry_are(root):
    names = ["__grp__x", "__key__x", "__variant__x"]
    for number, name in enumerate(names):
        manager = store.CacheManager(key_number(number))
        manager.put_group(f"{name}.json", {f"{name}.json": manager.put(b"{}", f"{name}.json")})
        assert store.CacheManager(key_number(number)).get_group(f"{name}.json")
    assert store.names() == names
