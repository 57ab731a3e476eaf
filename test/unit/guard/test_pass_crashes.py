# SPDX-License-Identifier: MIT
"""A pass that ends the process, or does not end: the next process compiles the kernel without it."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import deadly_pass
import pytest
from support import clean_environment, in_child, make_vector_add, search_path, warm_up_vector_add
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftWarning
from triton.backends.graft.guard import crashes, skips

PASS = "graft-version-tiles"
HASH = "5" * 64

#: Seconds; a process that takes longer never ends.
_PATIENCE = 120

#: Prints the key, the digest of the PTX, and whether tiles were versioned.
SCRIPT = """
import hashlib
import re
import triton
from support import make_vector_add, warm_up_vector_add
from triton.backends.graft.driver import Driver

triton.runtime.driver.set_active(Driver(target="cuda:90"))
compiled = warm_up_vector_add(make_vector_add())
ptx = re.sub(r"\\.(loc|file).*", "", compiled.asm["ptx"])
print(compiled.hash, hashlib.sha256(ptx.encode()).hexdigest(), "scf.if" in compiled.asm["ttir"])
"""

WARNING = re.compile(
    rf"GraftWarning: vector_add is compiled without {PASS}, which failed: (.*); graft-opt makes it again from (\S+\.mlir)$",
    re.M,
)


class Program:
    """A program that compiles a kernel, in processes with a deadly pass."""

    def __init__(self, folder, way, to="all", name=PASS):
        self.script, self.log = folder / "script.py", folder / "log"
        self.notes = folder / "cache" / "graft-crashes"
        self.script.write_text(SCRIPT)
        self.env = clean_environment(folder, DEADLY_PASS=name, DEADLY_WAY=way, DEADLY_TO=to, DEADLY_LOG=str(self.log))
        self.env["PYTHONPATH"] = search_path(deadly_pass.install(folder / "deadly"))

    def start(self, **extra):
        command = [sys.executable, str(self.script)]
        return subprocess.Popen(command, env={**self.env, **extra}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, **extra):
        """The exit status of a process, what it printed, and what it said of failing passes."""
        with self.start(**extra) as process:
            try:
                said, errors = process.communicate(timeout=_PATIENCE)
            finally:
                process.kill()
        return process.returncode, said.split(), WARNING.findall(errors)

    def ran(self):
        """Where the pass was begun, in this order."""
        return self.log.read_text().split()

    def die(self, signal):
        status, *_ = self.run()
        assert status == -signal


@pytest.fixture
def program(tmp_path):
    return lambda *args, **kwargs: Program(tmp_path, *args, **kwargs)


# -- Processes that die


@pytest.mark.parametrize("way", ["segmentation fault", "abort", "stack overflow"])
def test_the_next_process_compiles_without_the_pass_that_crashed(program, way):
    it = program(way)
    number = deadly_pass.WAYS[way][1]
    it.die(number)
    status, (_, _, is_versioned), said = it.run()
    assert (status, is_versioned) == (0, "False")
    ((how, path),) = said
    assert how == f"it ended a process, and another one when tried again ({number.name})"
    assert "tt.func public @vector_add" in Path(path).read_text()
    assert it.ran() == ["process", "child"]


def test_what_was_found_out_holds_for_processes_that_follow(program):
    it = program("abort")
    it.die(signal.SIGABRT)
    first, second = it.run(), it.run(TRITON_ALWAYS_COMPILE="1")
    assert first == second
    assert it.ran() == ["process", "child"]


def test_the_kernel_has_the_key_that_it_has_with_the_pass_and_the_code_that_it_has_without(program, activate):
    it = program("abort")
    it.die(signal.SIGABRT)
    _, (key, code, _), _ = it.run()
    activate(Driver(target="cuda:90"))
    assert warm_up_vector_add(make_vector_add()).hash == key, "found in the cache"
    without = warm_up_vector_add(make_vector_add(), skip_passes=PASS)
    assert hashlib.sha256(re.sub(r"\.(loc|file).*", "", without.asm["ptx"]).encode()).hexdigest() == code


def test_the_other_passes_run_all_the_same(program):
    it = program("abort", name="graft-split-masks")
    it.die(signal.SIGABRT)
    status, (_, _, is_versioned), _ = it.run()
    assert (status, is_versioned) == (0, "True")


def test_a_pass_that_does_not_end_is_left_out_when_its_process_was_killed(program):
    it = program("loop")
    with it.start() as process:
        while not it.log.exists():
            time.sleep(0.05)
        process.kill()
    status, (_, _, is_versioned), said = it.run()
    assert (status, is_versioned) == (0, "False")
    assert [how for how, _ in said] == ["it does not end"]


def test_a_process_that_was_killed_by_others_costs_no_pass(program):
    it = program("killed", to="first")
    it.die(signal.SIGKILL)
    status, (_, _, is_versioned), said = it.run(DEADLY_PASS="none")
    assert (status, is_versioned, said) == (0, "True", [])
    assert not list(it.notes.glob("*.note"))


def test_two_processes_that_end_in_a_pass_are_enough(program):
    """As where memory was damaged before: in a child all is well."""
    it = program("segmentation fault", to="first")
    it.die(signal.SIGSEGV)
    it.die(signal.SIGSEGV)
    status, (_, _, is_versioned), said = it.run()
    assert (status, is_versioned) == (0, "False")
    assert [how for how, _ in said] == ["two processes ended in it"]
    assert it.ran() == ["process", "child", "process"]


# -- Notes


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "cache" / "graft-crashes"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def tried(monkeypatch):
    """How often a child was asked, which comes to no grief."""
    asked = []
    monkeypatch.setattr(crashes, "_try", lambda *arguments: asked.append(arguments) or "")
    return asked


def crash(name=PASS):
    """What a process says of *name* that is about to compile."""
    with crashes.Watch(HASH) as watch:
        return watch.crash(name, name, lambda: "a file")


def leave_note(name=PASS, compilation=HASH):
    """Has a process die while the pass *name* runs."""

    def work():
        with crashes.Watch(compilation) as watch, watch.running(name):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work)[0] == -signal.SIGKILL


def test_a_note_of_a_dead_process_is_tried_once(folder, tried):
    leave_note()
    assert (crash(), crash()) == ("", "")
    assert tried == [("a file", PASS)]
    assert [path.name for path in folder.iterdir()] == [f"{HASH}.{PASS}"]


def test_a_note_about_another_kernel_stays_for_it(folder, tried):
    leave_note(compilation="6" * 64)
    assert crash() == ""
    assert not tried and len(list(folder.iterdir())) == 1


def test_a_note_of_a_pass_that_is_running_is_nobodys_business(folder, tried):
    """Be it in another thread of this process."""
    with crashes.Watch(HASH) as watch, watch.running(PASS):
        assert crash() == ""
    assert not tried and not list(folder.iterdir())


def test_the_end_of_a_forked_child_is_not_that_of_its_parent(folder, tried):
    with crashes.Watch(HASH) as watch, watch.running(PASS):
        assert in_child(crash) == (0, "")
        assert crash() == ""
    assert not tried and not list(folder.iterdir())


def test_a_pass_that_ended_is_not_blamed_for_what_follows(folder, tried):
    def work():
        with crashes.Watch(HASH) as watch:
            with watch.running(PASS):
                pass
            os.kill(os.getpid(), signal.SIGKILL)

    in_child(work)
    assert crash() == "" and not tried


def test_nothing_is_left_when_a_compilation_ends(folder, activate):
    activate(Driver(target="cuda:90"))
    warm_up_vector_add(make_vector_add())
    assert not list(folder.iterdir())


def test_without_a_digest_nothing_is_noted(tmp_path):
    with crashes.Watch("") as watch, watch.running(PASS):
        assert watch.crash(PASS, PASS, lambda: "a file") == ""
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("obstacle", ["file", "link", "read-only"])
def test_where_nothing_can_be_noted_kernels_compile(tmp_path, activate, monkeypatch, obstacle):
    place = tmp_path / "cache" / "graft-crashes"
    place.parent.mkdir()
    if obstacle == "file":
        place.write_text("")
    elif obstacle == "link":
        place.symlink_to(tmp_path / "nowhere" / "at all")
    else:
        monkeypatch.setattr(crashes, "_new_note", lambda *_: (_ for _ in ()).throw(PermissionError("read-only")))
    activate(Driver(target="cuda:90"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GraftWarning)
        assert "scf.if" in warm_up_vector_add(make_vector_add()).asm["ttir"]


HOSTILE = {
    "empty": b"",
    "another pass": b"canonicalize",
    "no text": bytes(range(128, 192)),
    "zeros": bytes(64),
    "long": PASS.encode() + b" " * 1000 + b"x" * (1 << 20),
    "a path": b"../../../etc/passwd",
}


@pytest.mark.parametrize("what", [*HOSTILE, "a folder", "a FIFO", "a link"])
def test_a_note_that_is_none_is_ignored(folder, tried, what, tmp_path):
    path = folder / f"{HASH}.{'a' * 16}.note"
    if what == "a folder":
        path.mkdir()
    elif what == "a FIFO":
        os.mkfifo(path)
    elif what == "a link":
        (tmp_path / "elsewhere").write_text(PASS)
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.write_bytes(HOSTILE[what])
    assert crash() == ""
    assert len(tried) == (what == "long"), "its beginning is a note"


@pytest.mark.parametrize("what", [b"", b"SIG", b"no end\n", b"once", b"\xff", b"it is all fine; rm -rf /", b"SIGSEGV" * 100])
def test_a_finding_that_is_none_is_ignored(folder, what):
    (folder / f"{HASH}.{PASS}").write_bytes(what)
    assert crash() == ""


@pytest.mark.parametrize("name", skips.switches())
def test_a_finding_is_of_one_pass(folder, name):
    (folder / f"{HASH}.{name}").write_bytes(b"SIGSEGV")
    assert [other for other in skips.switches() if crash(other)] == [name]


def test_the_folder_has_room_for_a_few_hundred_files_and_the_newest_stay(folder, tried):
    now = time.time()
    for number in range(300):
        path = folder / f"{number:064x}.{PASS}"
        path.write_text("SIGSEGV")
        os.utime(path, (now, now - 1000 + number))
    with crashes.Watch(HASH) as held, held.running(PASS):
        crash()
        assert len(list(folder.iterdir())) <= crashes._MOST
    assert (folder / f"{299:064x}.{PASS}").exists() and not (folder / f"{0:064x}.{PASS}").exists()


def test_a_program_that_has_python_inside_is_not_started_again(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/usr/bin/database")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("started"))
    assert crashes._try("a file", PASS) == ""


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (0, "ready\n", ""),
        (1, "ready\n", ""),
        (-signal.SIGSEGV, "ready\n", "SIGSEGV"),
        (-signal.SIGXCPU, "ready\n", "no end"),
        (-signal.SIGSEGV, "", ""),
        (-signal.SIGKILL, "ready\n", ""),
        (-signal.SIGINT, "ready\n", ""),
        (-40, "ready\n", ""),
    ],
)
def test_a_child_shows_a_crash_if_it_dies_of_itself_in_the_pass(monkeypatch, status, said, expected):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], status, said.encode()))
    assert crashes._try("a file", PASS) == expected
