# SPDX-License-Identifier: MIT
"""Reading and writing bundles by address: files, what is none, file systems of fsspec, and writing that is interrupted."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import ROOT
from triton.backends.graft import files
from triton.backends.graft.bundle import writing
from triton.backends.graft.runtime import container, format, reading
from triton.backends.graft.runtime.errors import BundleError
from triton.backends.graft.runtime.format import Bundle


def bundle_of(name):
    """A bundle of an autotuner without winners, whose kernel is called *name*."""
    tuner = {"module": "m", "name": name, "target": "cuda:90", "arg_names": [], "keys": [], "pre_hook": False, "winners": []}
    tables = {table: {} for table in ("producers", "code", "kernels", "manifests")}
    return Bundle({**tables, "targets": {"cuda:90": {"options": {}}}, "variants": [], "tuners": [tuner]}, {})


ONE, OTHER = bundle_of("one"), bundle_of("other")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kernels.graft"


def refusal(function, *arguments):
    """The rule and the message of the error that *function* raises."""
    with pytest.raises(BundleError) as caught:
        function(*arguments)
    return caught.value.rule, str(caught.value).removesuffix(f" (rule {caught.value.rule} of the bundle format)")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# -- Files


def test_a_bundle_is_read_as_it_was_written(file):
    writing.write(str(file), ONE)
    writing.write(file, OTHER)
    assert reading.read(str(file)) == reading.read(file) == OTHER
    assert names(file.parent) == ["kernels.graft"]


def test_a_written_bundle_has_the_mode_that_files_have(file):
    before = os.umask(0o027)
    try:
        writing.write(file, ONE)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_link_to_a_bundle_stays_one_when_the_bundle_is_replaced(file):
    (file.parent / "store").mkdir()
    file.symlink_to("store/v1.graft")
    writing.write(file, ONE)
    assert (os.readlink(file), reading.read(file.parent / "store" / "v1.graft")) == ("store/v1.graft", ONE)


def test_a_missing_file_is_an_error_that_is_a_missing_file_to_python_too(file):
    with pytest.raises(FileNotFoundError) as caught:
        reading.read(file)
    assert (type(caught.value), caught.value.rule) == (reading.MissingBundleError, "address")
    assert str(caught.value) == f"{file}: it cannot be read, because there is no such file"


def test_a_bundle_in_a_folder_that_is_not_there_is_an_error(file):
    address = file / "kernels.graft"
    assert refusal(writing.write, address, ONE) == (
        "address",
        f"{address}: it cannot be written, because there is no such folder",
    )


def test_a_folder_is_no_bundle(tmp_path):
    assert refusal(reading.read, tmp_path) == ("address", f"{tmp_path}: it cannot be read (Is a directory)")
    message = f"{tmp_path}: it exists and is not a regular file, which a bundle does not replace"
    assert refusal(writing.write, tmp_path, ONE) == ("address", message)


def test_a_fifo_is_refused_without_waiting_for_its_other_end(file):
    os.mkfifo(file)
    assert refusal(reading.read, file) == ("address", f"{file}: it is not a regular file")
    assert refusal(writing.write, file, ONE)[0] == "address"
    assert file.is_fifo()


def test_a_device_is_no_bundle():
    assert refusal(reading.read, "/dev/zero") == ("address", "/dev/zero: it is not a regular file")


def test_a_file_that_is_too_large_is_not_read_to_its_end(file, monkeypatch):
    monkeypatch.setattr(container, "MAX_FILE", 1000)
    monkeypatch.setattr(reading, "_PART", 100)
    file.write_bytes(bytes(1000))
    assert reading.read_bytes(file) == bytes(1000)
    file.write_bytes(bytes(1001))
    message = f"{file}: it has more than 1000 bytes, the most that a bundle has"
    assert refusal(reading.read_bytes, file) == ("size", message)


def test_a_broken_rule_is_said_with_the_address_in_front(file):
    data = bytearray(format.pack(ONE))
    data[-1] = 1
    file.write_bytes(data)
    rule, message = refusal(reading.read, file)
    assert (rule, message) == ("zip", f"{file}: it does not end as a zip archive does; is it a bundle, and is it complete?")


def test_a_bundle_that_breaks_a_rule_is_not_written(file):
    writing.write(file, ONE)
    broken = Bundle({**ONE.content, "tuners": []}, {})
    assert refusal(writing.write, file, broken) == ("reference", f"{file}: cuda:90 of targets belongs to nothing")
    assert (reading.read(file), names(file.parent)) == (ONE, ["kernels.graft"])


def test_a_bundle_that_is_replaced_while_it_is_read_is_read_as_it_was(file, monkeypatch):
    writing.write(file, ONE)
    read_all = reading._read_all

    def replace_first(stream):
        first = stream.read(100)
        writing.write_bytes(file, format.pack(OTHER))
        stream.seek(0)
        return first + read_all(stream)[100:]

    monkeypatch.setattr(reading, "_read_all", replace_first)
    assert reading.read(file) == ONE
    monkeypatch.undo()
    assert reading.read(file) == OTHER


# -- Writing that does not come to its end


def test_what_is_written_is_on_the_disk_before_it_has_its_name(file, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(files.os, name, lambda *of, name=name, real=real: (calls.append(name), real(*of)))
    writing.write(file, ONE)
    assert calls == ["fsync", "replace"]


@contextmanager
def as_nobody():
    """Without the rights of root, which has every right on every file."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_written_to_keeps_the_old_bundle():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kernels.graft")
        writing.write(file, ONE)
        os.chmod(folder, 0o555)
        with as_nobody():
            assert refusal(writing.write, file, OTHER) == ("address", f"{file}: it cannot be written (Permission denied)")
            assert reading.read(file) == ONE
        assert names(Path(folder)) == ["kernels.graft"]


def test_a_bundle_that_may_not_be_read_is_an_error():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kernels.graft")
        writing.write(file, ONE)
        os.chmod(folder, 0o755)
        file.chmod(0)
        with as_nobody():
            assert refusal(reading.read, file) == ("address", f"{file}: it cannot be read (Permission denied)")


@pytest.fixture
def run_static(tmp_path):
    """Starts Python with `reading` and `writing` of a copy that knows no Triton, and *code*."""
    package = tmp_path / "python" / "alone"
    shutil.copytree(ROOT / "backend" / "runtime", package / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "bundle").mkdir()
    for name in ("errors.py", "files.py", "bundle/writing.py"):
        shutil.copy(ROOT / "backend" / name, package / name)
    before = f"import sys\nsys.path.insert(0, {str(tmp_path / 'python')!r})\nfrom alone.bundle import writing\nfrom alone.runtime import reading\n"
    return lambda code: subprocess.Popen([sys.executable, "-c", before + code], stdout=subprocess.PIPE, text=True)


def test_a_disk_that_is_full_keeps_the_old_bundle(run_static, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "kernels.graft"
    writing.write(file, ONE)
    process = run_static(f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    writing.write_bytes({str(file)!r}, bytes(10000))
except ValueError as error:
    print(error)
""")
    assert process.communicate()[0] == f"{file}: it cannot be written (File too large)\n"
    assert (reading.read(file), names(folder)) == (ONE, ["kernels.graft"])


def test_a_process_that_is_killed_while_it_writes_leaves_one_bundle_or_the_other(run_static, tmp_path):
    # So even that it is stored, and so large that it is hit while it writes.
    one, other = (bundle_of(name * 3_000_000) for name in "12")
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "kernels.graft"
    writing.write(tmp_path / "1", one)
    writing.write(tmp_path / "2", other)
    writing.write(file, one)
    generator = random.Random(11)
    for _ in range(6):
        process = run_static(f"""
data = [reading.read_bytes({str(tmp_path)!r} + "/" + name) for name in "12"]
print("ready", flush=True)
while True:
    for each in data:
        writing.write_bytes({str(file)!r}, each)
""")
        with process:
            assert process.stdout.readline() == "ready\n"
            try:
                process.wait(generator.uniform(0, 0.05))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert reading.read(file) in (one, other)


# -- Other file systems


@pytest.fixture
def fsspec():
    fsspec = pytest.importorskip("fsspec")
    yield fsspec
    fsspec.filesystem("memory").store.clear()


def attic(fsspec, **methods):
    """Makes attic:// a file system that does not show files whole and has these *methods*; returns what is in it."""
    from fsspec.implementations.memory import MemoryFileSystem

    store = {}
    own = {"protocol": "attic", "store": store, "pseudo_dirs": [""], "cachable": False}
    fsspec.register_implementation("attic", type("Attic", (MemoryFileSystem,), {**own, **methods}), clobber=True)
    return store


def fail(self, *arguments, **keywords):
    raise PermissionError("Access Denied")


def test_a_bundle_is_read_from_another_file_system_as_it_was_written_there(fsspec):
    writing.write("memory://folder/kernels.graft", ONE)
    writing.write("memory://folder/kernels.graft", OTHER)
    assert reading.read("memory://folder/kernels.graft") == OTHER
    assert list(fsspec.filesystem("memory").store) == ["/folder/kernels.graft"]


def test_a_url_of_a_file_is_that_file(fsspec, file):
    writing.write(f"file://{file}", ONE)
    assert reading.read(file) == reading.read(f"file://{file}") == ONE
    assert names(file.parent) == ["kernels.graft"]
    assert refusal(writing.write, f"file://{file.parent}", ONE)[0] == "address"


def test_a_file_system_that_shows_parts_of_files_gets_a_bundle_under_another_name_first(fsspec):
    written = []

    def pipe_file(self, path, value, **keywords):
        written.append(path)
        fsspec.get_filesystem_class("memory").pipe_file(self, path, value, **keywords)

    store = attic(fsspec, pipe_file=pipe_file)
    writing.write("attic://kernels.graft", ONE)
    writing.write("attic://kernels.graft", OTHER)
    assert reading.read("attic://kernels.graft") == OTHER
    assert (list(store), len(set(written)), store.keys() & set(written)) == (["attic://kernels.graft"], 2, set())


@pytest.mark.parametrize("name", ["pipe_file", "mv"])
def test_a_file_system_that_refuses_a_bundle_keeps_the_old_one(name, fsspec):
    store = attic(fsspec)
    writing.write("attic://kernels.graft", ONE)
    old = dict(store)
    store = attic(fsspec, **{name: fail})
    store.update(old)
    assert refusal(writing.write, "attic://kernels.graft", OTHER) == (
        "address",
        "attic://kernels.graft: it cannot be written (Access Denied)",
    )
    assert (reading.read("attic://kernels.graft"), list(store)) == (ONE, ["attic://kernels.graft"])


def test_errors_that_only_a_file_system_knows_are_errors_of_bundles(fsspec):
    class NoCredentialsError(Exception):
        pass

    def fail(self, *arguments, **keywords):
        raise NoCredentialsError("unable to locate credentials")

    attic(fsspec, open=fail)
    message = "attic://kernels.graft: it cannot be read (unable to locate credentials)"
    assert refusal(reading.read, "attic://kernels.graft") == ("address", message)


def test_a_file_that_is_missing_elsewhere_is_one_that_is_missing(fsspec):
    with pytest.raises(FileNotFoundError, match=r"^memory://nowhere\.graft: it cannot be read, because there is no such file"):
        reading.read("memory://nowhere.graft")


def test_why_a_file_is_missing_is_said_if_the_file_system_knows(fsspec):
    def fail(self, *arguments, **keywords):
        raise FileNotFoundError("attic://kernels.graft") from ConnectionError("the attic is locked")

    attic(fsspec, open=fail)
    message = "attic://kernels.graft: it cannot be read, because there is no such file (the attic is locked)"
    assert refusal(reading.read, "attic://kernels.graft") == ("address", message)


def test_a_file_that_is_too_large_is_not_read_to_its_end_elsewhere(fsspec, monkeypatch):
    fsspec.filesystem("memory").pipe_file("/large.graft", bytes(2000))
    monkeypatch.setattr(container, "MAX_FILE", 1000)
    message = "memory://large.graft: it has more than 1000 bytes, the most that a bundle has"
    assert refusal(reading.read, "memory://large.graft") == ("size", message)


def test_a_broken_bundle_elsewhere_is_said_with_its_address(fsspec):
    fsspec.filesystem("memory").pipe_file("/broken.graft", b"abc")
    rule, message = refusal(reading.read, "memory://broken.graft")
    assert (rule, message.partition(": ")[0]) == ("zip", "memory://broken.graft")


def test_a_file_system_that_nobody_knows_is_an_error(fsspec):
    message = "nobody://kernels.graft: it cannot be read (Protocol not known: nobody)"
    assert refusal(reading.read, "nobody://kernels.graft") == ("address", message)


def test_a_file_system_whose_package_is_missing_is_an_error_that_names_it(fsspec):
    fsspec.register_implementation("cellar", "no_such_package.Cellar", clobber=True, errtxt="Install cellarfs to access Cellar")
    message = "a package is missing to reach it (Install cellarfs to access Cellar)"
    assert refusal(reading.read, "cellar://kernels.graft") == (
        "address",
        f"cellar://kernels.graft: {message}; fsspec itself comes with: pip install 'triton-graft[remote]'",
    )


def test_without_fsspec_a_url_is_an_error_that_says_what_to_install_and_a_path_is_none(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    for act, arguments in ((reading.read, ()), (writing.write, (ONE,))):
        rule, message = refusal(act, "s3://bucket/kernels.graft", *arguments)
        assert (rule, message) == (
            "address",
            "s3://bucket/kernels.graft: a package is missing to reach it (import of fsspec.core halted; None in sys.modules); "
            "fsspec itself comes with: pip install 'triton-graft[remote]'",
        )
    writing.write(file, ONE)
    assert reading.read(file) == ONE


def test_a_path_that_is_no_text_is_never_a_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("memory:").mkdir()
    writing.write(Path("memory://kernels.graft"), ONE)
    assert names(tmp_path / "memory:") == ["kernels.graft"]


def test_neither_fsspec_nor_cryptography_is_imported_for_a_file(run_static, file):
    writing.write(file, ONE)
    process = run_static(f"""
writing.write({str(file)!r}, reading.read({str(file)!r}))
print(sorted(sys.modules.keys() & {{"cryptography", "fsspec", "triton"}}))
""")
    assert process.communicate()[0] == "[]\n"
