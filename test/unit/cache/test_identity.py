# SPDX-License-Identifier: MIT
"""The identity of the compiler: whatever may change the code changes it, and nothing else does."""

import array
import base64
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
import types
import zipfile
from pathlib import Path

import pytest
import triton
from support import ROOT, in_child, output_of
from triton import knobs
from triton._C import libtriton
from triton.backends.graft import plugin
from triton.backends.graft.cache import identity, started

DIGEST = re.compile(r"[0-9a-f]{64}")
TRITON = Path(triton.__file__).parent
PACKAGE = Path(plugin.__file__).parent
EXTENSION = TRITON / "plugins" / "libTritonPluginsTestLib.so"


def load(name):
    """A script of cmake/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "cmake" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


known_builds, source_digest = load("known_builds"), load("source_digest")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def digest_of(path):
    """The digest of a file with no memory of it."""
    return sha256(Path(path).read_bytes())


def flip(path, at=-1):
    """Changes one byte of the file, or puts one into an empty one."""
    content = bytearray(path.read_bytes() or b"\0")
    content[at] ^= 1
    path.write_bytes(content)


def change_in_place(path, content):
    """Writes *content*, no longer or shorter than what was there, and sets the old time stamps again."""
    before = path.stat()
    assert before.st_size == len(content)
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def new_process(monkeypatch):
    """Forgets what is known of files; a function that does so again."""

    def forget():
        monkeypatch.setattr(identity, "_memo", identity.Memo())
        identity._fixed.cache_clear()

    forget()
    yield forget
    identity._fixed.cache_clear()


@pytest.fixture(autouse=True)
def nothing_has_changed(monkeypatch):
    """Whoever has just edited a file of ours may run these tests; those on changes set the moment of the import themselves."""
    monkeypatch.setattr(started, "STARTED", float("inf"))
    identity._fixed.cache_clear()
    yield
    identity._fixed.cache_clear()


@pytest.fixture
def patient(monkeypatch):
    """Lets files count as settled soon; a function that waits that long."""
    monkeypatch.setattr(identity, "SETTLED", 0.01)
    return lambda: time.sleep(0.04)


@pytest.fixture
def reads(monkeypatch, new_process):
    """The names of the files that are read to make their digest."""
    names = []

    def read(file):
        names.append(Path(file.name).name)
        return sha256(file.read())

    monkeypatch.setattr(identity, "_sha256", read)
    return names


@pytest.fixture
def a_file(tmp_path, patient):
    """A file that was left alone for a while."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    patient()
    return path


@pytest.fixture
def memo_file():
    return Path(knobs.cache.dir) / identity.Memo.FILE


# -- Digests of files


def test_the_digest_is_the_sha256_of_the_content(a_file):
    assert identity.file_digest(a_file) == identity.file_digest(str(a_file)) == sha256(b"abc")


def test_a_file_that_is_left_alone_is_read_once(a_file, reads):
    assert identity.file_digest(a_file) == identity.file_digest(a_file)
    assert reads == ["file"]


def test_the_next_process_does_not_read_it(a_file, reads, new_process):
    first = identity.file_digest(a_file)
    new_process()
    assert identity.file_digest(a_file) == first
    assert reads == ["file"]


@pytest.mark.parametrize("again", [False, True], ids=["the same process", "the next process"])
def test_a_change_is_seen_that_keeps_size_and_time_stamp(a_file, reads, new_process, patient, again):
    identity.file_digest(a_file)
    change_in_place(a_file, b"xyz")
    patient()
    if again:
        new_process()
    assert identity.file_digest(a_file) == sha256(b"xyz")
    assert reads == ["file", "file"]


def test_another_file_in_its_place_is_seen(a_file, reads):
    identity.file_digest(a_file)
    other = a_file.with_name("other")
    other.write_bytes(b"xyz")
    os.utime(other, ns=(a_file.stat().st_atime_ns, a_file.stat().st_mtime_ns))
    other.replace(a_file)
    assert identity.file_digest(a_file) == sha256(b"xyz")


def test_a_file_that_has_just_changed_is_read_each_time(tmp_path, reads, memo_file):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert identity.file_digest(path) == identity.file_digest(path)
    assert reads == ["file", "file"]
    assert not memo_file.exists()


def test_a_file_with_a_time_stamp_in_the_future_is_read_once(a_file, reads, patient):
    os.utime(a_file, (time.time() + 1000,) * 2)
    patient()
    assert identity.file_digest(a_file) == identity.file_digest(a_file)
    assert reads == ["file"]


def test_a_file_that_changes_while_it_is_read_is_read_again(a_file, patient, reads, monkeypatch):
    count = identity._sha256

    def read(file):
        digest = count(file)
        change_in_place(a_file, b"xyz")
        monkeypatch.setattr(identity, "SETTLED", -1)  # for all that the times say
        return digest

    monkeypatch.setattr(identity, "_sha256", read)
    assert identity.file_digest(a_file) == sha256(b"abc")
    monkeypatch.setattr(identity, "_sha256", count)
    assert identity.file_digest(a_file) == sha256(b"xyz")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        identity.file_digest(tmp_path / "missing")


def test_a_file_that_has_gone_is_an_error(a_file):
    identity.file_digest(a_file)
    a_file.unlink()
    with pytest.raises(FileNotFoundError):
        identity.file_digest(a_file)


def test_a_folder_is_an_error(tmp_path):
    with pytest.raises(IsADirectoryError):
        identity.file_digest(tmp_path)


def test_an_image_without_times_of_change_is_trusted_within_a_process_only(a_file, patient, reads, new_process, monkeypatch):
    monkeypatch.setattr(identity, "_keeps_times", lambda path, status: path != str(a_file))
    other = a_file.with_name("other")
    other.write_bytes(b"xyz")
    patient()
    for _ in range(2):
        assert [identity.file_digest(path) for path in (a_file, other)] == [sha256(b"abc"), sha256(b"xyz")]
    assert reads == ["file", "other"]
    new_process()
    for path in (a_file, other):
        identity.file_digest(path)
    assert reads == ["file", "other", "file"]


@pytest.mark.parametrize(
    ("ctime", "flags", "keeps"), [(10**9 + 1, os.ST_RDONLY, True), (10**9, 0, True), (10**9, os.ST_RDONLY, False)]
)
def test_only_a_read_only_folder_with_whole_seconds_counts_as_an_image(monkeypatch, ctime, flags, keeps):
    monkeypatch.setattr(os, "statvfs", lambda path: types.SimpleNamespace(f_flag=flags))
    assert identity._keeps_times("/", types.SimpleNamespace(st_ctime_ns=ctime)) is keeps


# -- The file that processes share

FALSE_DIGEST = "f" * 64


def memo_of(path, **changes):
    """What the shared file would hold for *path*, with a false digest that shows whether it was believed."""
    status = path.stat()
    entry = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, FALSE_DIGEST]
    return {"version": 1, "files": {f"sha256 {path}": entry}, **changes}


def replaced(index, value):
    """Changes the number or the digest of the entry of `memo_of`."""

    def change(content):
        (entry,) = content["files"].values()
        entry[index] = value(entry[index])
        return json.dumps(content)

    return change


def beside(index, value):
    """Adds an entry with that number or digest changed, of another file: it spoils the whole."""

    def add(content):
        (entry,) = content["files"].values()
        other = [value(item) if i == index else item for i, item in enumerate(entry)]
        content["files"]["sha256 /other"] = other
        return json.dumps(content)

    return add


DAMAGED = {
    "empty": lambda content: "",
    "cut off": lambda content: json.dumps(content)[:-1],
    "not JSON": lambda content: "graft",
    "not text": lambda content: b"\xff\xfe\x00",
    "nested too deeply": lambda content: "[" * 100_000,
    "a number too long": lambda content: json.dumps(content).replace('"version": 1', '"version": ' + "1" * 5000),
    "a list": lambda content: json.dumps([content]),
    "another version": lambda content: json.dumps({**content, "version": 2}),
    "no version": lambda content: json.dumps({"files": content["files"]}),
    "something more": lambda content: json.dumps({**content, "more": 1}),
    "files as a list": lambda content: json.dumps({**content, "files": list(content["files"])}),
    "an entry too many": lambda content: json.dumps(
        {**content, "files": {**{str(i): next(iter(content["files"].values())) for i in range(4096)}, **content["files"]}}
    ),
    "too large": lambda content: json.dumps(content) + " " * (4 << 20),
    "a short entry": lambda content: json.dumps({**content, "files": {**content["files"], "other": [1, 2, 3, 4, "a" * 64]}}),
    "an entry that is a text": lambda content: json.dumps({**content, "files": {**content["files"], "other": "123456"}}),
    "a fraction": beside(2, float),
    "a truth value": beside(0, bool),
    "a number as a text": beside(1, str),
    "no digest": beside(5, lambda _: None),
    "a short digest": beside(5, lambda digest: digest[1:]),
    "a long digest": beside(5, lambda digest: digest + "\n"),
    "capital digits": beside(5, str.upper),
    "another fact": beside(5, lambda digest: f"release:{digest}"),
}


def write_memo(memo_file, content):
    memo_file.parent.mkdir(exist_ok=True)
    memo_file.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_what_the_shared_file_says_is_believed(a_file, memo_file, new_process):
    """The opposite of what follows: without damage, the false digest is taken."""
    write_memo(memo_file, json.dumps(memo_of(a_file)))
    assert identity.file_digest(a_file) == FALSE_DIGEST


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_shared_file_is_ignored_and_replaced(a_file, memo_file, reads, new_process, damage):
    write_memo(memo_file, damage(memo_of(a_file)))
    assert identity.file_digest(a_file) == sha256(b"abc")
    new_process()
    assert identity.file_digest(a_file) == sha256(b"abc")
    assert reads == ["file"]


@pytest.mark.parametrize("index", range(5), ids=["device", "inode", "size", "mtime", "ctime"])
def test_each_number_has_to_agree(a_file, memo_file, new_process, index):
    write_memo(memo_file, replaced(index, lambda number: number + 1)(memo_of(a_file)))
    assert identity.file_digest(a_file) == sha256(b"abc")


def test_two_processes_at_once_lose_nothing(tmp_path, a_file, patient, memo_file):
    other = tmp_path / "other"
    other.write_bytes(b"xyz")
    patient()
    one, two = identity.Memo(), identity.Memo()
    for memo, path in ((one, a_file), (two, other)):
        memo.get("sha256", str(path), identity._sha256)
    one.save()
    two.save()
    assert set(json.loads(memo_file.read_text())["files"]) == {f"sha256 {a_file}", f"sha256 {other}"}


def test_what_is_known_follows_to_another_cache_folder(a_file, reads, new_process, tmp_path, monkeypatch):
    identity.file_digest(a_file)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "second"))
    identity.file_digest(a_file)
    new_process()
    identity.file_digest(a_file)
    assert reads == ["file"]


def test_a_process_that_finds_nothing_new_writes_nothing(a_file, new_process, memo_file):
    identity.file_digest(a_file)
    before = memo_file.stat()
    new_process()
    identity.file_digest(a_file)
    assert memo_file.stat().st_ino == before.st_ino


def test_a_folder_that_cannot_be_written_is_no_error(a_file, new_process, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(a_file / "cache"))
    assert identity.file_digest(a_file) == sha256(b"abc")


@pytest.mark.parametrize("function", ["replace", "makedirs"])
def test_a_failure_to_write_leaves_nothing_behind(a_file, new_process, memo_file, monkeypatch, function):
    memo_file.parent.mkdir()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    assert identity.file_digest(a_file) == sha256(b"abc")
    assert list(memo_file.parent.iterdir()) == []


def test_the_shared_file_keeps_the_newest_entries_within_a_bound(tmp_path, patient, memo_file, monkeypatch, new_process):
    files = [tmp_path / f"file{i}" for i in range(5)]
    for i, path in enumerate(files):
        path.write_text(str(i))
    patient()
    monkeypatch.setattr(identity.Memo, "MAX_ENTRIES", 3)
    for path in files:
        identity.file_digest(path)
    assert list(json.loads(memo_file.read_text())["files"]) == [f"sha256 {path}" for path in files[2:]]
    bound = memo_file.stat().st_size - 1
    monkeypatch.setattr(identity.Memo, "MAX_BYTES", bound)
    change_in_place(files[0], b"x")
    patient()
    identity.file_digest(files[0])
    assert memo_file.stat().st_size <= bound
    assert list(json.loads(memo_file.read_text())["files"])[-1] == f"sha256 {files[0]}"


# -- Python


@pytest.fixture(scope="module")
def installed_tree(tmp_path_factory):
    """Triton's Python files and ours as they are installed, without what is large."""
    folder = tmp_path_factory.mktemp("tree")
    only_python = shutil.ignore_patterns("_C", "include", "bin", "lib", "plugins", "__pycache__", "*.so", "*.c", "*.bc")
    shutil.copytree(TRITON, folder / "triton", ignore=only_python)
    shutil.copytree(PACKAGE, folder / "graft", ignore=only_python)
    return folder


@pytest.fixture
def tree(installed_tree, tmp_path):
    """A copy of both to change."""
    return shutil.copytree(installed_tree, tmp_path / "tree")


def digest_of_tree(tree, package="graft", digest=digest_of):
    return identity.files_digest(identity.python_files(str(tree / "triton"), str(tree / package)), digest)


def test_any_byte_of_any_python_file_that_takes_part_counts(tree):
    files = identity.python_files(str(tree / "triton"), str(tree / "graft"))
    digests = {path: digest_of(path) for _, path in files}
    whole = identity.files_digest(files, digests.get)
    seen = {whole}
    for _, path in files:
        content = Path(path).read_bytes()
        flip(Path(path))
        seen.add(digest_of_tree(tree, digest=lambda each, path=path: digest_of(each) if each == path else digests[each]))
        Path(path).write_bytes(content)
    assert len(files) > 90
    assert len(seen) == len(files) + 1
    assert digest_of_tree(tree) == whole


@pytest.mark.parametrize(
    "name",
    [
        "triton/compiler/code_generator.py", "triton/language/semantic.py", "triton/language/extra/cuda/libdevice.py",
        "triton/experimental/gluon/_runtime.py", "triton/experimental/gluon/language/nvidia/hopper/tma.py",
        "triton/backends/compiler.py", "triton/backends/nvidia/compiler.py", "triton/runtime/jit.py", "triton/knobs.py",
        "triton/_instrumentation.py", "graft/compiler.py", "graft/plugin.py", "graft/settings.py", "graft/cache/identity.py", "graft/cache/key.py",
        "graft/guard/verdict.py", "graft/runtime/cubin.py", "graft/wings.py",
    ],
)  # fmt: skip
def test_what_certainly_takes_part_does(tree, name):
    before = digest_of_tree(tree)
    flip(tree / name)
    assert digest_of_tree(tree) != before


def test_what_has_no_part_does_not_count(tree):
    before = digest_of_tree(tree)
    for name in (
        "triton/testing.py",
        "triton/runtime/autotuner.py",
        "graft/tools/cli.py",
        "graft/bench/suite/rows.py",
        "graft/cache/store.py",
    ):
        flip(tree / name)
    (tree / "triton/language/__pycache__").mkdir()
    (tree / "triton/language/__pycache__/core.cpython-311.pyc").write_bytes(b"bytecode")
    (tree / "triton/language/.#core.py").symlink_to("nobody@nowhere")
    (tree / "triton/language/.core.py").touch()
    (tree / "triton/language/gone.py").symlink_to("nowhere")
    (tree / "triton/backends/nvidia/lib").mkdir()
    (tree / "triton/backends/nvidia/lib/fetched.py").touch()
    (tree / "graft/launch/_launcher.cpython-311-x86_64-linux-gnu.so").write_bytes(b"library")
    assert digest_of_tree(tree) == before


@pytest.mark.parametrize("name", ["triton/language/new.py", "triton/compiler/code_generator.pyc", "triton/compiler/compiler.so",
                                  "triton/backends/other/compiler.py", "graft/new.py", "graft/cache/new.py", "graft/new/new.py"])  # fmt: skip
def test_a_new_file_counts(tree, name):
    before = digest_of_tree(tree)
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).touch()
    assert digest_of_tree(tree) != before


def test_a_name_counts(tree):
    before = digest_of_tree(tree)
    (tree / "triton/language/math.py").rename(tree / "triton/language/maths.py")
    renamed = digest_of_tree(tree)
    (tree / "triton/language/maths.py").unlink()
    assert len({before, renamed, digest_of_tree(tree)}) == 3


def test_two_files_that_trade_their_contents_count(tree):
    before = digest_of_tree(tree)
    one, two = tree / "triton/language/math.py", tree / "triton/language/random.py"
    contents = one.read_bytes(), two.read_bytes()
    two.write_bytes(contents[0])
    one.write_bytes(contents[1])
    assert digest_of_tree(tree) != before


def test_a_missing_folder_is_an_error(tree):
    shutil.rmtree(tree / "triton/language")
    with pytest.raises(FileNotFoundError):
        digest_of_tree(tree)


def test_folder_time_stamps_permissions_and_order_do_not_count(tree, tmp_path, monkeypatch):
    before = digest_of_tree(tree)
    moved = tree.rename(tmp_path / "elsewhere")
    for path in moved.rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    scandir = os.scandir

    class Reversed:
        def __init__(self, folder):
            with scandir(folder) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert digest_of_tree(moved) == before


def test_a_folder_that_is_linked_into_place_is_the_same(tree):
    """So a source build has its backends and `language/extra/cuda`."""
    before = digest_of_tree(tree)
    for name in ("triton/backends/nvidia", "triton/language/extra/cuda"):
        (tree / name).rename(tree / name.replace("/", "-"))
        (tree / name).symlink_to(tree / name.replace("/", "-"))
    assert digest_of_tree(tree) == before


def test_our_package_counts_the_same_inside_tritons(tree):
    before = digest_of_tree(tree)
    shutil.copytree(tree / "graft", tree / "triton/backends/graft")
    assert digest_of_tree(tree) == before
    assert digest_of_tree(tree, "triton/backends/graft") == before


def test_links_upwards_end(tree):
    (tree / "triton/language/loop").symlink_to(tree / "triton")
    assert DIGEST.fullmatch(digest_of_tree(tree))


def test_every_bystander_exists():
    assert [
        name for name in identity.BYSTANDERS if (PACKAGE / name).is_dir() != name.endswith("/") or not (PACKAGE / name).exists()
    ] == []


def test_every_module_that_compiling_imports_takes_part_or_is_known_not_to(tmp_path):
    code = """
import json, sys
import triton
from support import make_vector_add, warm_up_vector_add
from triton.backends.graft.cache import identity
from triton.backends.graft.driver import Driver
import triton.experimental.gluon.language
triton.runtime.driver.set_active(Driver(target="cuda:90"))
warm_up_vector_add(make_vector_add())
import os
taking_part = {path for _, path in identity.python_files(os.path.dirname(triton.__file__), os.path.dirname(sys.modules["triton.backends.graft"].__file__))}
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name.partition(".")[0] == "triton"}
print(json.dumps([name for name, path in files.items() if path and path not in taking_part]))
"""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'test' / 'unit')!r})\n{code}"
    others = {name for name in json.loads(output_of(code, tmp_path)) if not name.startswith("triton.backends.graft.")}
    assert others == {
        "triton._C.libtriton", "triton.runtime", "triton.runtime._allocation", "triton.runtime._async_compile",
        "triton.runtime.autotuner", "triton.runtime.build", "triton.runtime.cache", "triton.runtime.driver", "triton.runtime.errors",
        "triton.testing", "triton.tools", "triton.tools.disasm", "triton.tools.tensor_descriptor", "triton.experimental",
    }  # fmt: skip


def test_a_file_that_changes_during_the_run_is_this_processs_own(a_file, patient, monkeypatch):
    monkeypatch.setattr(started, "STARTED", time.time())
    assert identity._loaded(str(a_file)) == sha256(b"abc")
    time.sleep(0.02)  # the clock of files goes in steps
    change_in_place(a_file, b"xyz")
    own = identity._loaded(str(a_file))
    assert re.fullmatch(rf"changed-during-run:[0-9a-f]{{32}}-{os.getpid()}", own)
    assert identity._loaded(str(a_file)) == own
    change_in_place(a_file, b"abc")
    assert identity._loaded(str(a_file)) == own


def test_a_file_that_changed_just_before_the_process_began_counts_by_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.touch()
    monkeypatch.setattr(started, "STARTED", time.time() + 1)
    assert identity._loaded(str(path)) == sha256(b"")
    assert identity.unsettled()[str(path)] == "changed just now"
    monkeypatch.setattr(started, "STARTED", path.stat().st_ctime)
    assert identity._loaded(str(path)).startswith("changed-during-run:")


def test_a_file_that_is_dated_tomorrow_counts_by_content(a_file, patient, monkeypatch):
    tomorrow = time.time() + 86400
    os.utime(a_file, (tomorrow, tomorrow))
    monkeypatch.setattr(started, "STARTED", time.time() + 1)
    assert identity._loaded(str(a_file)) == sha256(b"abc")


def test_a_file_that_is_gone_is_this_processs_own(tmp_path):
    assert identity._loaded(str(tmp_path / "gone")).startswith("unreadable:")


def test_no_two_processes_share_a_changed_part(tmp_path, new_process, monkeypatch):
    monkeypatch.setattr(started, "STARTED", 0.0)
    ours = identity.compiler()
    code = "import json; from triton.backends.graft.cache import identity, started\nstarted.STARTED = 0.0\nprint(json.dumps(identity.compiler()))"
    other = json.loads(output_of(code, tmp_path))
    _, forked = in_child(lambda: identity._unique("changed-during-run"))
    for name in ("triton", "python", "passes"):
        assert ours[name].startswith("changed-during-run:")
        assert len({ours[name], other[name], forked}) == 3


# -- Triton's binary half


def test_the_table_has_the_builds_of_the_release():
    table = json.loads((PACKAGE / "cache" / "known_builds.json").read_text())
    assert {entry["version"] for entry in table.values()} == set(known_builds.RELEASES)
    assert all(DIGEST.fullmatch(digest) for digest in table)
    assert {re.search(r"(x86_64|aarch64)\.whl$", entry["wheel"]).group(1) for entry in table.values()} == {"x86_64", "aarch64"}


def test_every_build_of_a_release_is_one_identity():
    table = json.loads((PACKAGE / "cache" / "known_builds.json").read_text())
    assert {identity.build_of(digest) for digest in table} == {"release:3.9.0"}


def test_the_installed_wheel_is_recognised():
    wheel = importlib.metadata.distribution("triton").read_text("WHEEL") or ""
    tags = "-".join(dict.fromkeys(re.findall(r"^Tag: (\S+?-\S+?)-", wheel, re.M)))
    table = json.loads((PACKAGE / "cache" / "known_builds.json").read_text())
    if not any(f"-{tags}-" in entry["wheel"] for entry in table.values()):
        pytest.skip("this Triton is not a released wheel")
    assert identity.compiler()["triton"] == f"release:{triton.__version__}"


def test_an_unknown_libtriton_counts_as_its_bytes(tmp_path, new_process, monkeypatch):
    library = tmp_path / "libtriton.so"
    library.write_bytes(b"another build")
    monkeypatch.setattr(libtriton, "__file__", str(library))
    assert identity.compiler()["triton"] == f"bytes:{sha256(b'another build')}"


def test_without_the_table_every_libtriton_counts_as_its_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "__file__", str(tmp_path / "identity.py"))
    identity._known_builds.cache_clear()
    assert identity.build_of("a" * 64) == f"bytes:{'a' * 64}"
    identity._known_builds.cache_clear()


def test_a_source_build_is_named_by_its_sources(new_process, monkeypatch):
    monkeypatch.setattr(libtriton, "graft", types.SimpleNamespace(source_digest="a" * 64), raising=False)
    parts = identity.compiler()
    assert (parts["triton"], parts["passes"]) == (f"source:{'a' * 64}", "built-in")


@pytest.mark.parametrize("stamp", ["", "a" * 63, "a" * 64 + "\n", None])
def test_a_source_build_without_a_stamp_counts_as_its_bytes(new_process, monkeypatch, tmp_path, stamp):
    library = tmp_path / "libtriton.so"
    library.write_bytes(b"a source build")
    monkeypatch.setattr(libtriton, "__file__", str(library))
    monkeypatch.setattr(libtriton, "graft", types.SimpleNamespace(source_digest=stamp), raising=False)
    assert identity.compiler()["triton"] == f"bytes:{sha256(b'a source build')}"


def wheel_of(folder, name, content, recorded=None):
    """A wheel with a libtriton.so of that content, and what RECORD says of it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded or content).digest()).decode().rstrip("=")
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(known_builds.MEMBER, content)
        archive.writestr("triton-3.9.0.dist-info/RECORD", f"{known_builds.MEMBER},sha256={digest},{len(content)}\n")
    return path


def test_the_table_is_made_out_of_wheels_sorted_by_name(tmp_path):
    wheels = [wheel_of(tmp_path, f"triton-3.9.0-cp{n}-cp{n}-any.whl", str(n).encode()) for n in (312, 311)]
    assert list(known_builds.table_of(wheels).items()) == [
        (sha256(str(n).encode()), {"version": "3.9.0", "wheel": f"triton-3.9.0-cp{n}-cp{n}-any.whl"}) for n in (311, 312)
    ]


def test_a_wheel_whose_record_disagrees_is_refused(tmp_path):
    wheel = wheel_of(tmp_path, "triton-3.9.0-cp311-cp311-any.whl", b"one", recorded=b"another")
    with pytest.raises(
        known_builds.KnownBuildsError, match=rf"^{wheel.name}: triton/_C/libtriton.so is sha256=.*, but its RECORD says"
    ):
        known_builds.table_of([wheel])


def test_two_releases_with_one_library_are_refused(tmp_path):
    wheels = [wheel_of(tmp_path, f"triton-3.9.{n}-cp311-cp311-any.whl", b"same") for n in (0, 1)]
    with pytest.raises(known_builds.KnownBuildsError) as caught:
        known_builds.table_of(wheels)
    assert str(caught.value) == f"{wheels[1].name} has the same libtriton.so as {wheels[0].name}"


# -- Our passes


@pytest.fixture
def library(tmp_path, monkeypatch, new_process):
    """Makes a file the pass library; a function that writes it and gives the part."""
    path = tmp_path / "libgraft_passes.so"
    monkeypatch.setattr(plugin, "LIBRARY", path)

    def part(content):
        path.write_bytes(content)
        return identity.compiler()["passes"]

    return part


def marker(digit):
    return b"GRAFT-SOURCE-DIGEST:" + digit * 64 + b"\0"


def test_the_library_that_is_installed_has_a_stamp():
    assert re.fullmatch(r"source:[0-9a-f]{64}", identity.compiler()["passes"])


def test_the_stamp_stands_for_the_library(library):
    assert library(b"\x7fELF" + marker(b"a") + b"code") == library(b"other" + marker(b"a")) == f"source:{'a' * 64}"
    assert library(b"\x7fELF" + marker(b"b")) == f"source:{'b' * 64}"


@pytest.mark.parametrize(
    "content",
    [b"", b"no stamp", marker(b"a") + marker(b"b"), marker(b"A"), marker(b"a")[:-1], marker(b"a")[:-2] + b"\0"],
    ids=["an empty file", "no stamp", "two stamps", "capital digits", "no end", "too short"],
)
def test_a_library_without_one_clear_stamp_counts_as_its_bytes(library, content):
    assert library(content) == f"bytes:{sha256(content)}"


def test_the_stamp_is_read_once(library, patient, new_process, monkeypatch):
    library(marker(b"a"))
    patient()
    identity.compiler()
    monkeypatch.setattr(identity, "_stamp", None)
    new_process()
    assert identity.compiler()["passes"] == f"source:{'a' * 64}"


def test_no_library_is_no_passes(library, tmp_path):
    assert identity.compiler()["passes"] == "none"


def test_a_library_that_turns_out_not_to_load_is_no_passes(library, monkeypatch):
    assert library(marker(b"a")) != "none"
    monkeypatch.setattr(plugin, "failed", lambda: True)
    assert identity.compiler()["passes"] == "none"


def test_the_passes_have_failed_only_once_they_were_tried(tmp_path):
    code = """
from pathlib import Path
from triton.backends.graft import plugin
plugin.LIBRARY = Path("missing")
print(plugin.failed(), plugin.available(), plugin.failed())
"""
    assert output_of(code, tmp_path) == "False False True\n"
    assert output_of(code.replace('Path("missing")', "plugin.LIBRARY"), tmp_path) == "False True False\n"


# -- The stamp of the sources


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources") / "graft"
    ignored = shutil.ignore_patterns("__pycache__", "*.so", ".*", "build", "*.egg-info")
    return shutil.copytree(ROOT, folder, ignore=ignored)


@pytest.fixture
def sources(source_tree, tmp_path):
    return shutil.copytree(source_tree, tmp_path / "graft")


def stamp_of(root):
    return source_digest.pass_sources(root).digest()


def test_any_byte_of_any_source_of_the_passes_counts(sources):
    files = source_digest.pass_sources(sources).files
    seen = {stamp_of(sources)}
    for path in files.values():
        flip(path)
        seen.add(stamp_of(sources))
        flip(path)
    assert len(seen) == len(files) + 1
    assert {"graft/lib/Transforms/Sites.cpp", "graft/include/graft/Transforms/Sites.h", "graft/CMakeLists.txt"} <= set(files)
    assert any(name.endswith(".td") for name in files)


def test_every_source_that_the_build_compiles_is_stamped():
    stamped = set(source_digest.pass_sources().files.values())
    for pattern in ("lib/Analysis/**/*", "lib/Transforms/**/*", "include/graft/**/*", "python/src/*"):
        assert {path for path in ROOT.glob(pattern) if path.is_file() and not path.name.startswith(".")} <= stamped


NO_PART = ("lib/Launcher/Plan.cpp", "docs/passes.md", "backend/compiler.py", "cmake/Launcher.cmake")


@pytest.mark.parametrize("name", [name for name in NO_PART if (ROOT / name).is_file()])
def test_what_the_passes_are_not_made_of_is_not_stamped(sources, name):
    before = stamp_of(sources)
    flip(sources / name)
    assert stamp_of(sources) == before


def test_a_new_or_renamed_source_counts(sources):
    before = stamp_of(sources)
    new = sources / "lib" / "Transforms" / "New.cpp"
    new.touch()
    with_new = stamp_of(sources)
    new.rename(new.with_name("Newer.cpp"))
    assert len({before, with_new, stamp_of(sources)}) == 3


def test_folder_time_stamps_permissions_and_backups_of_sources_do_not_count(sources, tmp_path, monkeypatch):
    before = stamp_of(sources)
    moved = sources.rename(tmp_path / "elsewhere")
    for path in moved.rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    for name in (".Plan.cpp.swp", "Plan.cpp~", "#Plan.cpp#", ".hidden"):
        (moved / "lib" / "Analysis" / name).touch()
    (moved / "lib" / "Analysis" / "gone.cpp").symlink_to("nowhere")
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(iterdir(path), reverse=True))
    assert stamp_of(moved) == before


@pytest.fixture
def triton_tree(tmp_path):
    """As much of Triton's sources as has to be told apart, with a second plugin."""
    root = tmp_path / "triton-source"
    names = (
        "CMakeLists.txt", "cmake/llvm-hash.txt", "include/triton/A.h", "lib/Dialect/A.cpp", "python/src/main.cc",
        "third_party/nvidia/lib/B.cpp", "third_party/nvidia/CMakeLists.txt", "third_party/proton/Dialect/C.td",
        "third_party/nvidia/backend/compiler.py", "third_party/nvidia/language/cuda/utils.py", "third_party/nvidia/backend/bin/ptxas",
        "python/triton/language/core.py", "test/a.mlir",
    )  # fmt: skip
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    plugin = tmp_path / "plugin"
    for name in ("backend/name.conf", "lib/D.cpp", "build/D.o.txt", "my.egg-info/PKG-INFO"):
        (plugin / name).parent.mkdir(parents=True, exist_ok=True)
        (plugin / name).write_text("other\n")
    return root, plugin


def whole_of(root, plugin, *settings):
    return source_digest.triton_sources(root, [plugin, ROOT]).digest(settings)


@pytest.mark.parametrize(
    "name",
    [
        "CMakeLists.txt", "cmake/llvm-hash.txt", "include/triton/A.h", "lib/Dialect/A.cpp", "python/src/main.cc",
        "third_party/nvidia/lib/B.cpp", "third_party/nvidia/CMakeLists.txt", "third_party/proton/Dialect/C.td",
        "../plugin/lib/D.cpp", "../plugin/backend/name.conf",
    ],
)  # fmt: skip
def test_any_source_of_triton_or_a_plugin_counts_in_a_source_build(triton_tree, name):
    root, plugin = triton_tree
    before = whole_of(root, plugin)
    flip(root / name, 0)
    assert whole_of(root, plugin) != before


def test_our_own_sources_and_the_settings_count_in_a_source_build(triton_tree, sources):
    root, plugin = triton_tree
    ours = [plugin, sources]
    before = source_digest.triton_sources(root, ours, sources).digest()
    flip(sources / "lib" / "Transforms" / "Sites.cpp")
    after = source_digest.triton_sources(root, ours, sources)
    assert len({before, after.digest(), after.digest(["build_type=Release"]), after.digest(["build_type=Debug"])}) == 4


@pytest.mark.parametrize(
    "name",
    [
        "third_party/nvidia/backend/compiler.py", "third_party/nvidia/language/cuda/utils.py", "third_party/nvidia/backend/bin/ptxas",
        "python/triton/language/core.py", "test/a.mlir", "../plugin/build/D.o.txt", "../plugin/my.egg-info/PKG-INFO",
    ],
)  # fmt: skip
def test_what_libtriton_is_not_made_of_does_not_count_in_a_source_build(triton_tree, name):
    root, plugin = triton_tree
    before = whole_of(root, plugin)
    flip(root / name)
    assert whole_of(root, plugin) == before


PIN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("package", "origin", "pinned"),
    [
        ("llvm-01234567-ubuntu-x64-1", "https://example.org/llvm-01234567-ubuntu-x64-1.tar.gz", True),
        ("llvm-01234567-ubuntu-x64-1", "https://example.org/llvm-76543210-ubuntu-x64-1.tar.gz", False),
        ("llvm-01234567-mine", None, False),
        ("llvm-76543210-ubuntu-x64", "https://example.org/llvm-76543210-ubuntu-x64.tar.gz", False),
    ],
)
@pytest.mark.parametrize("pin", ["llvm-hash.txt", "llvm-info.json", None])
def test_only_the_llvm_that_triton_pins_and_fetches_is_known(tmp_path, package, origin, pinned, pin):
    (tmp_path / "cmake").mkdir()
    if pin:
        text = f"{PIN}\n" if pin.endswith(".txt") else json.dumps({"llvm_hash": PIN})
        (tmp_path / "cmake" / pin).write_text(text)
    library = tmp_path / package / "lib"
    library.mkdir(parents=True)
    if origin:
        (library.parent / "version.txt").write_text(origin)
    link = tmp_path / "llvm-link"
    link.symlink_to(library.parent)
    assert source_digest.has_pinned_llvm(tmp_path, link / "lib") is (pinned and pin is not None)


def test_the_build_tool_gets_the_name_of_everything_that_was_read(sources):
    part = source_digest.pass_sources(sources)
    text = source_digest.depfile("out.h", [part])
    assert text.startswith("out.h: ")
    assert text.endswith("\n")
    names = {line.strip(" \\") for line in text.removeprefix("out.h:").splitlines()}
    assert names == {str(path) for path in [*part.files.values(), *part.folders]}
    assert str(sources / "lib" / "Transforms") in names


def test_names_are_written_as_the_build_tool_reads_them():
    part = source_digest.Sources()
    part.files["x"] = Path("/a b/$c#d")
    assert source_digest.depfile("out.h", [part]) == "out.h: /a\\ b/$$c\\#d\n"


# -- What others add


def test_nothing_is_added_to_begin_with():
    parts = identity.compiler()
    assert (parts["plugins"], parts["instrumentation"]) == ("", "")


@pytest.mark.parametrize(("variable", "kind"), [("LLVM_PASS_PLUGIN_PATH", "llvm"), ("TRITON_PLUGIN_PATHS", "extension")])
def test_a_plugin_of_the_environment_counts_by_content(a_file, tmp_path, patient, monkeypatch, variable, kind):
    copy = shutil.copy(a_file, tmp_path / "copy")
    texts = []
    for path in (a_file, copy):
        monkeypatch.setenv(variable, str(path))
        texts.append(identity.compiler()["plugins"])
    assert texts == [f"{kind}:{sha256(b'abc')}"] * 2
    change_in_place(Path(copy), b"xyz")
    assert identity.compiler()["plugins"] == f"{kind}:{sha256(b'xyz')}"


def test_several_plugins_of_the_environment_count_in_any_order(a_file, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.write_bytes(b"xyz")
    texts = set()
    for paths in ((a_file, other), (other, a_file)):
        monkeypatch.setenv("TRITON_PLUGIN_PATHS", ":".join(map(str, paths)))
        texts.add(identity.compiler()["plugins"])
    assert texts == {" ".join(sorted(f"extension:{sha256(content)}" for content in (b"abc", b"xyz")))}


@pytest.mark.parametrize("variable", ["LLVM_PASS_PLUGIN_PATH", "TRITON_PLUGIN_PATHS"])
def test_a_plugin_that_cannot_be_found_is_this_processs_own(monkeypatch, variable):
    monkeypatch.setenv(variable, "libsomewhere.so")
    assert re.search(rf":unreadable:[0-9a-f]{{32}}-{os.getpid()}$", identity.compiler()["plugins"])


LOADING = """
import json, sys
from triton._C import libtriton
from triton.backends.graft.cache import identity, started
from triton.backends.graft import plugin
started.STARTED = float("inf")
before = identity.compiler()["plugins"]
plugin.available()  # ours is an extension too
ours = identity.compiler()["plugins"]
libtriton.passes.plugin.extend_with(EXTENSION)
print(json.dumps([before, ours, identity.compiler()["plugins"]]))
"""


def test_an_extension_that_is_loaded_counts_by_content(tmp_path):
    if not EXTENSION.is_file():
        pytest.skip("this Triton comes without the example of an extension")
    texts = []
    for name, more in (("one", b""), ("two", b""), ("three", b"\0")):
        path = tmp_path / name / EXTENSION.name
        path.parent.mkdir()
        path.write_bytes(EXTENSION.read_bytes() + more)
        texts.append(json.loads(output_of(LOADING.replace("EXTENSION", repr(str(path))), tmp_path)))
    plain = f"extension:{digest_of(EXTENSION)}"
    assert texts[:2] == [["", "", plain]] * 2
    assert texts[2] == ["", "", f"extension:{sha256(EXTENSION.read_bytes() + bytes(1))}"]


def test_an_extension_that_was_replaced_since_is_this_processs_own(tmp_path):
    if not EXTENSION.is_file():
        pytest.skip("this Triton comes without the example of an extension")
    path = tmp_path / EXTENSION.name
    shutil.copy(EXTENSION, path)
    change = f"import shutil, os; shutil.copy({str(path)!r}, 'new'); os.replace('new', {str(path)!r})\nprint(json.dumps([before"
    code = LOADING.replace("EXTENSION", repr(str(path))).replace("print(json.dumps([before", change)
    assert re.fullmatch(
        r"extension:\w+:[0-9a-f]{32}-\d+", json.loads(output_of(f"import os; os.chdir({str(tmp_path)!r})\n{code}", tmp_path))[2]
    )


CALLBACK = "def callback(*args):\n    pass\n\n\ndef closure():\n    x = 1\n    return lambda *args: x\n"


@pytest.fixture
def register(monkeypatch):
    """Registers a callback for as long as the test runs, and gives the part."""
    registered = {}
    monkeypatch.setattr("triton._instrumentation._callbacks", registered)

    def register(callback, point="ttgpuir-to-llvmir"):
        registered[point, "nvidia"] = callback
        return identity.compiler()["instrumentation"]

    return register


@pytest.fixture
def a_module(tmp_path, monkeypatch):
    """A module with a callback, imported a while ago."""
    (tmp_path / "callbacks_of_a_test.py").write_text(CALLBACK)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("callbacks_of_a_test")
    del sys.modules["callbacks_of_a_test"]


def test_a_callback_counts_by_place_name_and_content(register, a_module):
    file = sha256(CALLBACK.encode())
    assert register(a_module.callback) == f"ttgpuir-to-llvmir/nvidia=callbacks_of_a_test:callback@{file}"
    assert register(a_module.callback, "llvmir-to-llvm") == (
        f"llvmir-to-llvm/nvidia=callbacks_of_a_test:callback@{file} ttgpuir-to-llvmir/nvidia=callbacks_of_a_test:callback@{file}"
    )
    flip(Path(a_module.__file__))
    assert file not in register(a_module.callback)


def test_a_callback_of_tritons_counts_as_part_of_it(register):
    callback = libtriton.proton.load_dialects
    assert register(callback) == f"ttgpuir-to-llvmir/nvidia={callback.__module__}:{callback.__qualname__}"
    assert callback.__module__.startswith("triton._C.libtriton.")


@pytest.mark.parametrize("kind", ["a closure", "a bound method", "an object", "typed in"])
def test_a_callback_whose_state_is_not_known_is_this_processs_own(register, a_module, kind):
    namespace = {}
    exec("def typed(*args): pass", namespace)
    callback = {
        "a closure": a_module.closure(),
        "a bound method": types.MethodType(a_module.callback, a_module),
        "an object": type("Callable", (), {"__call__": lambda self, *args: None})(),
        "typed in": namespace["typed"],
    }[kind]
    assert re.search(rf"@(state|unreadable):[0-9a-f]{{32}}-{os.getpid()}$", register(callback))


# -- Tools


def test_the_tool_is_the_one_that_triton_would_take_for_the_target(monkeypatch):
    monkeypatch.delenv("TRITON_PTXAS_PATH", raising=False)
    monkeypatch.delenv("TRITON_PTXAS_BLACKWELL_PATH", raising=False)
    folder = TRITON / "backends" / "nvidia" / "bin"
    for arch, name in ((75, "ptxas"), (89, "ptxas"), (90, "ptxas-blackwell"), (120, "ptxas-blackwell")):
        assert identity.tools(arch) == {"ptxas": identity.file_digest(folder / name)}


def test_no_tool_is_run(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    identity.tools(80)
    identity.tools(90)


@pytest.mark.parametrize(("arch", "knob"), [(80, "ptxas"), (90, "ptxas_blackwell")])
@pytest.mark.parametrize("by", ["environment", "knob", "knob before environment"])
def test_a_tool_of_the_users_counts_beside_tritons_own(a_file, monkeypatch, arch, knob, by):
    variable = f"TRITON_{knob.upper()}_PATH"
    monkeypatch.delenv(variable, raising=False)
    own = identity.tools(arch)["ptxas"]
    if by == "environment":
        monkeypatch.setenv(variable, str(a_file))
    else:
        monkeypatch.setitem(vars(knobs.nvidia), knob, str(a_file))
    if by == "knob before environment":
        monkeypatch.setenv(variable, "/elsewhere")
    assert identity.tools(arch)["ptxas"] == f"{sha256(b'abc')} {own}"
    change_in_place(a_file, b"xyz")
    assert identity.tools(arch)["ptxas"] == f"{sha256(b'xyz')} {own}"


def test_a_tool_counts_by_content_and_not_by_path(tmp_path, monkeypatch):
    own = identity.tools(80)
    copy = shutil.copy(TRITON / "backends" / "nvidia" / "bin" / "ptxas", tmp_path / "mine")
    monkeypatch.setenv("TRITON_PTXAS_PATH", str(copy))
    assert identity.tools(80) == own


def test_a_tool_that_is_not_there_is_left_out(monkeypatch):
    own = identity.tools(80)
    for path in ("/not/there", "not-on-path", ""):
        monkeypatch.setenv("TRITON_PTXAS_PATH", path)
        assert identity.tools(80) == own


def test_a_tool_without_a_folder_is_searched_for(a_file, monkeypatch):
    a_file.chmod(0o755)
    monkeypatch.setenv("PATH", str(a_file.parent))
    monkeypatch.setenv("TRITON_PTXAS_PATH", a_file.name)
    assert identity.tools(80)["ptxas"].startswith(sha256(b"abc"))


# -- The machine's own arithmetic

#: A kernel whose constant is folded, and what names the machine's arithmetic.
FOLDED = """
import hashlib
import triton, triton.language as tl
from triton.backends.graft.cache import identity
from triton.backends.graft.driver import Driver

triton.runtime.driver.set_active(Driver(target="cuda:90"))

@triton.jit
def kernel(p):
    tl.store(p, tl.exp(tl.full((), 0.1, tl.float32)))

compiled = kernel.warmup(triton.MockTensor(tl.float32), grid=(1,))
print(identity.compiler()["arithmetic"], hashlib.sha256(compiled.asm["cubin"]).hexdigest(), compiled.hash)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_machine_whose_library_gives_other_constants_has_another_key(tmp_path):
    """The cubin is another one, so a cache that the two share has to keep both."""
    source, library = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text("float expf(float x) { return x < 0.2f ? 1.25f : 7.0f; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-fno-builtin", str(source), "-o", str(library)], check=True)
    own, again = (output_of(FOLDED, tmp_path).split() for _ in range(2))
    other = output_of(FOLDED, tmp_path, LD_PRELOAD=str(library)).split()
    assert own == again
    assert all(a != b for a, b in zip(own, other, strict=True))


@pytest.mark.skipif(" fma " not in Path("/proc/cpuinfo").read_text(), reason="needs a processor with FMA")
def test_a_processor_for_which_the_library_has_other_code_has_another_key(tmp_path):
    code = "from triton.backends.graft.cache import identity\nprint(identity.compiler()['arithmetic'])"
    own = output_of(code, tmp_path)
    other = output_of(code, tmp_path, GLIBC_TUNABLES="glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX2_Usable")
    assert own != other


def test_the_sample_of_the_arithmetic_is_of_numbers_for_which_the_functions_have_values(monkeypatch):
    seen, make = [], array.array
    monkeypatch.setattr(identity.array, "array", lambda kind, values: seen.extend(values) or make(kind, values))
    identity._arithmetic.__wrapped__()
    assert len(seen) == 2 * 20 * len(identity._SAMPLED)
    assert not any(map(math.isnan, seen))


# -- The whole


def test_the_parts_have_names_and_texts():
    parts = identity.compiler()
    assert list(parts) == ["triton", "host", "arithmetic", "python", "passes", "plugins", "instrumentation"]
    assert all(isinstance(text, str) for text in parts.values())
    assert parts["host"] == f"linux-{os.uname().machine}"


PRINT = """
import json
from triton.backends.graft.cache import identity, started
started.STARTED = float("inf")
print(json.dumps([identity.compiler(), identity.tools(90)]))
"""


def test_another_process_folder_cache_and_hash_seed_change_nothing(tmp_path):
    texts = set()
    for seed in ("0", "1", "random"):
        folder = tmp_path / seed
        folder.mkdir()
        texts.add(output_of(f"import os; os.chdir({str(folder)!r})\n{PRINT}", folder, PYTHONHASHSEED=seed))
    assert texts == {json.dumps([identity.compiler(), identity.tools(90)]) + "\n"}


def test_a_process_with_a_warm_cache_hashes_no_file(tmp_path):
    first = output_of(PRINT, tmp_path)
    code = PRINT.replace("print(", "identity._sha256 = identity._stamp = None\nprint(", 1)
    assert output_of(code, tmp_path) == first


def test_a_later_import_is_looked_at(new_process, monkeypatch):
    before = identity.compiler()
    monkeypatch.setattr(started, "STARTED", 0.0)
    assert identity.compiler()["python"] == before["python"]
    monkeypatch.setitem(sys.modules, "a_new_module", types.ModuleType("a_new_module"))
    assert identity.compiler()["python"].startswith("changed-during-run:")
