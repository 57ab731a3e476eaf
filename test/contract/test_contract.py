# SPDX-License-Identifier: MIT
"""Our CMakeLists.txt inside a host that does what Triton's build does, and the result run beside the wheel's libtriton."""

import fcntl
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from triton.backends.graft import wings

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "contract"
LAUNCHER = BUILD / "launcher"


def needs_host(test):
    """Marks a test of the host, which takes minutes to build the first time, and is built once."""
    return pytest.mark.slow(pytest.mark.xdist_group("host")(test))


SOURCE = """
tt.func @copy(%p: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %n: i32) {
  %pid = tt.get_program_id x : i32
  %c1024 = arith.constant 1024 : i32
  %c2 = arith.constant 2 : i32
  %twice = arith.muli %pid, %c2 : i32
  %first = arith.muli %twice, %c1024 : i32
  %start = tt.splat %first : i32 -> tensor<1024xi32>
  %lane = tt.make_range {start = 0 : i32, end = 1024 : i32} : tensor<1024xi32>
  %r = arith.addi %start, %lane : tensor<1024xi32>
  %b = tt.splat %n : i32 -> tensor<1024xi32>
  %m = arith.cmpi slt, %r, %b : tensor<1024xi32>
  %s = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %q = tt.addptr %s, %r : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %v = tt.load %q, %m : tensor<1024x!tt.ptr<f16>>
  tt.store %q, %v, %m : tensor<1024x!tt.ptr<f16>>
  tt.return
}
"""


#: Has a pass leave out each of its places.
SKIP_ALL = "{skip-sites=1,2,3,4,5,6,7,8,9}"

#: Runs the passes named by the second argument over SOURCE. In a process of its own: the pass library of the wheel, which
#: other tests load, registers the same passes.
RUN = """
import importlib.util, sys
from triton._C import libtriton  # the host's module finds MLIR in it

spec = importlib.util.spec_from_file_location("contract_host", sys.argv[1])
host = importlib.util.module_from_spec(spec)
spec.loader.exec_module(host)
print(host.run_passes(sys.argv[3], lambda pm: host.graft.add_graft(pm, [sys.argv[2]])))
"""


@pytest.fixture(scope="module")
def host():
    """The host's Python module, built from our sources as C++17."""
    pytest.importorskip("nanobind")
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        pytest.skip("Python's C headers are not installed (Debian: python3-dev)")
    configure = ["cmake", "-S", str(Path(__file__).parent), "-B", str(BUILD), "-G", "Ninja", f"-DGRAFT_PLUGIN_DIR={ROOT}"]
    configure += [f"-DPython_EXECUTABLE={sys.executable}", f"-DPython3_EXECUTABLE={sys.executable}"]
    configure += [f"-DGRAFT_LAUNCHER_DIR={LAUNCHER}"]  # not over the one in backend/, which is in use
    BUILD.parent.mkdir(exist_ok=True)
    with open(BUILD.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes may run tests of the host, too
        for command in (configure, ["cmake", "--build", str(BUILD)]):
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return BUILD / "contract_host.so"


def run_passes(host, pipeline):
    return subprocess.run([sys.executable, "-c", RUN, str(host), pipeline, SOURCE], capture_output=True, text=True)


@needs_host
def test_passes_built_into_the_host_run_with_their_options(host):
    steps = [step.name for step in wings.steps()]
    changed, unchanged = (run_passes(host, ",".join(f"{name}{options}" for name in steps)) for options in ("", SKIP_ALL))
    assert (changed.returncode, unchanged.returncode) == (0, 0), changed.stderr + unchanged.stderr
    assert changed.stdout != unchanged.stdout
    assert " = tt.load %9, %7 : tensor<1024x!tt.ptr<f16>>" in unchanged.stdout


@needs_host
def test_an_unknown_pass_is_an_error_that_names_it(host):
    done = run_passes(host, "graft-no-such-pass")
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    assert "'graft-no-such-pass' does not refer to a registered pass" in done.stderr


@needs_host
@pytest.mark.parametrize("folder", [LAUNCHER / "launch", LAUNCHER / "runtime"])
def test_the_host_builds_the_launcher_too_and_one_for_the_static_runtime(host, folder):
    done = subprocess.run([sys.executable, "-c", "import _launcher"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_host
def test_the_host_carries_the_digest_of_its_sources(host):
    code = RUN.partition("print")[0] + "print(host.graft.source_digest)"
    done = subprocess.run([sys.executable, "-c", code, str(host)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[0-9a-f]{64}\n", done.stdout)


@pytest.fixture
def stamped(tmp_path):
    """Builds the stamp alone, for the copy of the host at `tmp_path / "host"`: the digests of the passes and of the whole."""
    pytest.importorskip("nanobind")
    shutil.copytree(Path(__file__).parent, tmp_path / "host", ignore=shutil.ignore_patterns("__pycache__"))

    def stamped(build="build", *settings):
        folder = tmp_path / build
        configure = ["cmake", "-S", str(tmp_path / "host"), "-B", str(folder), "-G", "Ninja", f"-DGRAFT_PLUGIN_DIR={ROOT}"]
        configure += [f"-DPython_EXECUTABLE={sys.executable}", f"-DPython3_EXECUTABLE={sys.executable}", *settings]
        commands = [["cmake", "--build", str(folder), "--target", "GraftSourceDigest"]]
        for command in commands if folder.exists() else [configure, *commands]:
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        header = next(folder.glob("third_party/*/include/graft/SourceDigest.h")).read_text()
        return re.findall(r'#define GRAFT\w*_SOURCE_DIGEST "(\w*)"', header)

    return stamped


def test_the_digest_follows_every_change_of_the_hosts_sources(stamped, tmp_path):
    passes, whole = stamped()
    assert stamped() == [passes, whole]

    new = tmp_path / "host" / "lib" / "New.cpp"
    new.parent.mkdir()
    new.write_text("int x = 1;")
    (tmp_path / "host" / "CMakeLists.txt").open("a").write("\n")  # the build looks for a whole new folder when one changes
    _, with_file = stamped()
    new.write_text("int x = 2;")
    _, edited = stamped()
    (new.parent / "Newer.cpp").touch()
    _, with_two = stamped()
    (new.parent / "Newer.cpp").unlink()
    assert stamped() == [passes, edited]
    assert len({whole, with_file, edited, with_two}) == 4


@pytest.mark.slow
def test_the_digest_does_not_depend_on_where_the_host_is_built(stamped):
    assert stamped("build") == stamped("another/folder")


@pytest.mark.slow
def test_the_digest_follows_the_build_type_and_the_flags(stamped):
    passes, plain = stamped("plain")
    assert stamped("debug", "-DCMAKE_BUILD_TYPE=Debug")[0] == passes
    assert len({plain, stamped("debug")[1], stamped("flags", "-DCMAKE_CXX_FLAGS=-DX")[1]}) == 3


def test_a_host_with_an_llvm_of_its_own_has_no_digest(stamped):
    passes, whole = stamped("build", "-DHOST_LLVM=llvm-mine")
    assert (len(passes), whole) == (64, "")


def test_a_source_build_installs_nothing_but_the_backend_folder():
    """Triton links `backend/` alone, so nothing in it may import from outside but Triton and the standard library.

    The command line alone needs more, and says so where it is missing; and what only pytest imports has pytest.
    """
    more = {
        "cli.py": {"click"},
        "commands.py": {"click"},
        "usage.py": {"click"},
        "console.py": {"rich"},
        "plugin.py": {"pytest"},
    }
    more |= {"highlighting.py": {"pygments"}, "kernel_page.py": {"jinja2"}}
    for path in sorted((ROOT / "backend").rglob("*.py")):
        allowed = {"triton", *sys.stdlib_module_names} | more.get(path.name, set())
        for line in path.read_text().splitlines():
            words = line.split()
            if line.startswith(("import ", "from ")) and not words[1].startswith("."):
                assert words[1].split(".")[0] in allowed, f"{path.name}: {line}"
