# SPDX-License-Identifier: MIT
"""Building bundles: a process for each target, and one file or none."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest
import triton
from support import clean_environment
from triton.backends.graft import bundle
from triton.backends.graft.bundle import building, progress
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import BundleError, OptionError
from triton.backends.graft.runtime import reading

KERNELS = """
    import os
    import triton
    import triton.language as tl
    from triton.backends.graft.bundle.ranges import Pointer, warmup

    @triton.jit
    def scale(x, n, BLOCK: tl.constexpr):
        offsets = tl.arange(0, BLOCK)
        tl.store(x + offsets, n, offsets < n)

    @triton.jit
    def fill(x, value):
        tl.store(x, value)

    def warm_up_all():
        print("on", os.environ["GRAFT_TARGET"])
        warmup(scale, x=Pointer("fp16", aligned=True), n=range(2, 1 << 20), BLOCK=64)
        fill.warmup(triton.MockTensor("fp32"), 1.5, grid=(1,))

    def warm_up_fill():
        fill.warmup(triton.MockTensor("fp32"), 1.5, grid=(1,))

    def nothing():
        pass

    def fail_on_80():
        warm_up_fill()
        if os.environ["GRAFT_TARGET"] == "cuda:80":
            raise ArithmeticError("this is what went wrong")
        wait()

    def die():
        os.kill(os.getpid(), 9)

    def wait():
        import time
        open(f"started-{os.getpid()}", "w").close()
        time.sleep(600)

    def alone():
        os.mkdir("lock")  # an error if it is there
        warm_up_fill()
        os.rmdir("lock")

    def look_at_the_environment():
        warm_up_fill()
        print(os.environ.get("GRAFT_TRACE"), os.environ["GRAFT_TARGET"])

    not_a_function = 5
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which has the kernels and nothing else."""
    place = tmp_path / "work"
    place.mkdir()
    (place / "my_kernels.py").write_text(textwrap.dedent(KERNELS))
    monkeypatch.chdir(place)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    yield place
    assert list((tmp_path / "temporary").iterdir()) == []


class Told:
    """What a build tells of its progress, by target."""

    def __init__(self):
        self.kernels, self.said = {}, {}

    def begin(self, target):
        self.kernels[target] = []

    def compiled(self, target, kernel):
        self.kernels[target].append(kernel)

    def end(self, target, said):
        self.said[target] = said


def files_of(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".graft")


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# -- What is built


def test_a_build_has_every_variant_for_every_target_and_all_of_them_are_hits(folder, hits, monkeypatch, tmp_path):
    told = Told()
    built = building.build(["my_kernels:warm_up_all"], ["cuda:80", "cuda:90"], "kernels.graft", progress=told)
    assert sorted((variant["name"], variant["target"]) for variant in built.content["variants"]) == sorted(
        (name, target) for name in ("fill", "scale", "scale") for target in ("cuda:80", "cuda:90")
    )
    assert reading.read("kernels.graft") == built
    assert told.kernels == {target: ["scale", "scale", "fill"] for target in ("cuda:80", "cuda:90")}
    assert told.said == {target: f"on {target}\n" for target in ("cuda:80", "cuda:90")}

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.syspath_prepend(str(folder))
    import my_kernels

    for target in ("cuda:80", "cuda:90"):
        triton.runtime.driver.set_active(Driver(target=target))
        loaded = bundle.load("kernels.graft")
        my_kernels.scale.warmup(triton.MockTensor("fp16"), 1000, BLOCK=64, grid=(1,))
        loaded.unload()
    del sys.modules["my_kernels"]
    assert hits == [True, True]


def test_building_twice_gives_the_same_bytes_whatever_is_in_the_cache(graft, folder, monkeypatch, tmp_path):
    for number, targets in enumerate((("cuda:80", "cuda:90"), ("cuda:90", "cuda:80"), ("cuda:80", "cuda:90"))):
        monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / f"cache-{number // 2}"))
        options = [word for target in targets for word in ("--target", target)]
        done = graft("bundle", "build", "my_kernels.py:warm_up_all", *options, "-o", f"{number}.graft", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout) == {
            "file": f"{number}.graft",
            "digest": reading.read(f"{number}.graft").digest,
            "targets": ["cuda:80", "cuda:90"],
            "kernels": 2,
            "variants": 6,
        }
    first, *others = ((folder / f"{number}.graft").read_bytes() for number in range(3))
    assert others == [first, first]


def test_the_command_says_what_it_built_and_what_the_warmup_printed(graft, folder):
    done = graft("bundle", "build", "my_kernels:warm_up_all", "--target", "cuda:80")
    digest = reading.read("kernels.graft").digest
    assert (done.exit_code, done.stdout) == (0, f"kernels.graft: 2 kernels, 3 variants for cuda:80, digest {digest}\n")
    assert done.stderr == "on cuda:80\ncuda:80: 3 variants compiled or found in the cache\n"


def test_the_target_of_the_environment_is_taken_if_none_is_given(graft, folder, monkeypatch):
    monkeypatch.setenv("GRAFT_TARGET", "cuda:75")
    assert graft("bundle", "build", "my_kernels:warm_up_fill").exit_code == 0
    assert list(reading.read("kernels.graft").content["targets"]) == ["cuda:75"]


def test_a_trace_is_built_for_other_targets(graft, folder, monkeypatch):
    line = {"attributes": [], "constants": [], "kernel": "my_kernels.py:fill", "options": {}, "signature": ["*fp32", "fp32"]}
    (folder / "trace.jsonl").write_text(json.dumps(line))
    done = graft("bundle", "build", "--trace", "trace.jsonl", "--target", "cuda:80", "--target", "cuda:90")
    assert done.exit_code == 0, done.output
    (one, other) = reading.read("kernels.graft").content["variants"]
    assert (one["target"], other["target"], one["name"]) == ("cuda:80", "cuda:90", "fill")


def test_texts_are_kept_if_they_are_asked_for(graft, folder):
    graft("bundle", "build", "my_kernels:warm_up_fill", "--target", "cuda:80", "--texts")
    (variant,) = reading.read("kernels.graft").content["variants"]
    assert sorted(variant["files"]) == ["cubin", "llir", "ptx", "source", "ttgir", "ttir"]


def test_a_cache_folder_is_built_into_a_bundle(graft, folder, tmp_path):
    graft("bundle", "build", "my_kernels:warm_up_fill", "--target", "cuda:80", "--target", "cuda:90", "-o", "built.graft")
    cache = str(tmp_path / "cache")
    assert graft("bundle", "build", "--from-cache", cache, "-o", "all.graft").exit_code == 0
    assert graft("bundle", "build", "--from-cache", cache, "--target", "cuda:90", "-o", "some.graft").exit_code == 0
    assert (folder / "all.graft").read_bytes() == (folder / "built.graft").read_bytes()
    assert list(reading.read("some.graft").content["targets"]) == ["cuda:90"]
    done = graft("bundle", "build", "--from-cache", cache, "--target", "cuda:75", "-o", "none.graft")
    assert done.stderr == (f"Error: {cache}: it has no kernels for cuda:75; it has some for cuda:80, cuda:90\n")
    assert (done.exit_code, files_of(folder)) == (1, ["all.graft", "built.graft", "some.graft"])


def test_no_more_processes_run_than_are_asked_for(folder):
    building.build(["my_kernels:alone"], ["cuda:80", "cuda:90", "cuda:75"], "kernels.graft", jobs=1)
    assert len(reading.read("kernels.graft").content["variants"]) == 3


def test_a_target_that_is_named_twice_is_built_once(folder):
    building.build(["my_kernels:alone"], ["cuda:80", "cuda:80"], "kernels.graft")
    assert len(reading.read("kernels.graft").content["variants"]) == 1


def test_by_default_there_is_one_process_more_than_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    assert building.default_jobs() == 3


def test_a_build_is_not_traced(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("GRAFT_TRACE", str(tmp_path / "trace.jsonl"))
    told = Told()
    building.build(["my_kernels:look_at_the_environment"], ["cuda:80"], "kernels.graft", progress=told)
    assert told.said == {"cuda:80": "None cuda:80\n"}


# -- What fails


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["my_kernels:warm_up_all", "--target", "cuda:81"], 2, "--target='cuda:81': expected cuda:<compute capability> with one of"),
        (["my_kernels:warm_up_all"], 1, "there is no target to compile for; name one, such as --target cuda:90"),
        (["--target", "cuda:80"], 2, "there is nothing to compile: name a WARMUP, a --trace, or a --from-cache"),
        (["my_kernels:nothing", "--from-cache", "x"], 2, "--from-cache compiles nothing: leave out the warmups and traces"),
        (["my_kernels", "--target", "cuda:80"], 1, "'my_kernels': expected module:name or path/to/file.py:name"),
        (["gone.py:f", "--target", "cuda:80"], 1, "'gone.py:f': there is no file gone.py"),
        (["--trace", "gone.jsonl", "--target", "cuda:80"], 1, "gone.jsonl: there is no such file"),
        (["my_kernels:nothing", "--target", "cuda:80", "-o", "gone/x.graft"], 1,
         "gone/x.graft: there is no folder gone; make it first"),
    ],
)  # fmt: skip
def test_what_is_wrong_shows_before_a_process_is_started(graft, folder, monkeypatch, arguments, status, message):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    done = graft("bundle", "build", *arguments)
    assert (done.exit_code, message in done.stderr) == (status, True), done.output
    assert files_of(folder) == []


def test_the_first_target_that_fails_ends_the_others_and_nothing_is_written(graft, folder):
    done = graft("bundle", "build", "my_kernels:fail_on_80", "--target", "cuda:80", "--target", "cuda:90")
    lines = done.stderr.splitlines()
    assert lines[0] == (
        "Error: compiling for cuda:80 failed and nothing was written: the process ended with exit status 1, and this is the last it "
        "said:"
    )
    assert lines[-1] == "  ArithmeticError: this is what went wrong"
    assert any("in fail_on_80" in line for line in lines)
    assert (done.exit_code, done.stdout, files_of(folder)) == (1, "", [])
    assert not any(is_running(int(path.name.removeprefix("started-"))) for path in folder.glob("started-*"))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("gone", "'my_kernels:gone': my_kernels has no gone"),
        ("not_a_function", "'my_kernels:not_a_function': a warmup is a function without arguments, and this is 5"),
        ("die", "compiling for cuda:80 failed and nothing was written: the process was killed by SIGKILL"),
        ("nothing", "the warmup compiled nothing for cuda:80; it has to call kernel.warmup or bundle.warmup"),
    ],
)
def test_a_warmup_that_gives_nothing_is_an_error(graft, folder, function, message):
    done = graft("bundle", "build", f"my_kernels:{function}", "--target", "cuda:80")
    assert (done.exit_code, message in done.stderr) == (1, True), done.output
    assert files_of(folder) == []


def test_a_file_that_was_there_stays_if_the_build_fails(folder):
    (folder / "kernels.graft").write_bytes(b"as it was")
    with pytest.raises(BundleError):
        building.build(["my_kernels:nothing"], ["cuda:80"], "kernels.graft")
    assert (folder / "kernels.graft").read_bytes() == b"as it was"


def test_without_a_warmup_or_a_target_the_function_refuses_too():
    with pytest.raises(BundleError, match="there is nothing to compile: name a warmup function or a trace"):
        building.build([], ["cuda:80"], "kernels.graft")
    with pytest.raises(OptionError):
        building.build(["m:f"], ["cuda"], "kernels.graft")


@pytest.mark.parametrize("moment", ["starting", "started"])
def test_an_interrupt_leaves_nothing_behind(folder, tmp_path, moment):
    """Also one that comes while the processes start. They never end by themselves."""
    temporary = tmp_path / "temporary"
    command = [sys.executable, "-m", "triton.backends.graft", "bundle", "build", "my_kernels:wait"]
    process = subprocess.Popen(
        [*command, "--target", "cuda:80", "--target", "cuda:90"],
        env=clean_environment(tmp_path, TMPDIR=str(temporary)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    ready = (lambda: len(list(folder.glob("started-*"))) == 2) if moment == "started" else (lambda: any(temporary.iterdir()))
    while not ready():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (1, "", "\nAborted!\n")
    assert files_of(folder) == []
    pids = [int(path.name.removeprefix("started-")) for path in folder.glob("started-*")]
    assert not any(map(is_running, pids))


#: Runs the command line and interrupts it when a function has returned for the first time.
INTERRUPTED = """
import os, signal, sys
from triton.backends.graft.__main__ import main

function = sys.argv.pop(1)

def profile(frame, event, argument):
    if (event, frame.f_code.co_qualname) == ("return", function):
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)

sys.setprofile(profile)
main()
"""


@pytest.mark.parametrize(
    "function",
    [
        "options_of",  # ours, while the command line is imported
        "mkdtemp",  # the temporary folder is there and nobody is to remove it yet
        "_AcquireFutures.__enter__",  # locks are taken that the other threads need, and nobody is to release them yet
    ],
)
def test_an_interrupt_is_told_of_alike_wherever_it_comes(folder, tmp_path, function):
    """The fixture checks that no temporary file is left."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, function, "bundle", "build", "my_kernels:nothing", "--target", "cuda:80"],
        env=clean_environment(tmp_path, TMPDIR=str(tmp_path / "temporary")), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "\nAborted!\n")
    assert files_of(folder) == []


# -- Progress


def show(display):
    display.begin("cuda:80")
    for _ in range(2):
        display.compiled("cuda:80", "softmax")
    display.end("cuda:80", "a warning\n")


def test_without_a_terminal_there_is_a_line_for_each_target(capsys):
    with progress.shown() as display:
        show(display)
    assert capsys.readouterr() == ("", "a warning\ncuda:80: 2 variants compiled or found in the cache\n")


def test_on_a_terminal_there_is_a_bar_for_each_target(monkeypatch):
    pytest.importorskip("rich")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setenv("TERM", "xterm")
    with contextlib.redirect_stderr(terminal), progress.shown() as display:
        show(display)
    last = terminal.getvalue().rsplit("cuda:80", 1)[-1]
    assert "a warning" in terminal.getvalue()
    assert "2 variants" in last


MAIN = """
import triton
import triton.language as tl
from triton.backends.graft import bundle
from triton.backends.graft.driver import Driver

@triton.autotune([triton.Config({"BLOCK": 64})], key=["n"])
@triton.jit
def kernel(x, n, BLOCK: tl.constexpr):
    tl.store(x, n + BLOCK)

if __name__ == "__main__":
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    with bundle.record() as recording:
        kernel.warmup(triton.MockTensor("i32"), 17, grid=(1,))
    recording.save("kernels.graft")
"""


@pytest.mark.parametrize("command", [["tuned.py"], ["-m", "tuned"]])
def test_a_kernel_of_the_main_program_has_the_name_with_which_others_import_it(command, tmp_path):
    (tmp_path / "tuned.py").write_text(MAIN)
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=clean_environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    content = reading.read(tmp_path / "kernels.graft").content
    assert [kernel["module"] for kernel in content["kernels"].values()] == ["tuned"]
    assert [tuner["module"] for tuner in content["tuners"]] == ["tuned"]
