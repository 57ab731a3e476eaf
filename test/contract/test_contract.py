# SPDX-License-Identifier: MIT
"""Our CMakeLists.txt inside a host that does what Triton's build does, and the result run beside the wheel's libtriton."""

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from triton._C import libtriton  # noqa: F401 - the host's module finds MLIR in it

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "contract"

SOURCE = """
tt.func @copy(%p: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %n: i32) {
  %r = tt.make_range {start = 0 : i32, end = 1024 : i32} : tensor<1024xi32>
  %b = tt.splat %n : i32 -> tensor<1024xi32>
  %m = arith.cmpi slt, %r, %b : tensor<1024xi32>
  %s = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %q = tt.addptr %s, %r : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  %v = tt.load %q, %m : tensor<1024x!tt.ptr<f16>>
  tt.store %q, %v, %m : tensor<1024x!tt.ptr<f16>>
  tt.return
}
"""


@pytest.fixture(scope="module")
def host():
    """The host's Python module, built from our sources as C++17."""
    pytest.importorskip("nanobind")
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        pytest.skip("Python's C headers are not installed (Debian: python3-dev)")
    configure = ["cmake", "-S", str(Path(__file__).parent), "-B", str(BUILD), "-G", "Ninja", f"-DGRAFT_PLUGIN_DIR={ROOT}"]
    configure += [f"-DPython_EXECUTABLE={sys.executable}", f"-DPython3_EXECUTABLE={sys.executable}"]
    for command in (configure, ["cmake", "--build", str(BUILD)]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    spec = importlib.util.spec_from_file_location("contract_host", BUILD / "contract_host.so")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_pass_built_into_the_host_runs(host):
    text = host.run_passes(SOURCE, lambda pm: host.graft.add_graft(pm, ["graft-version-tiles"]))
    assert "scf.if" in text
    assert "tt.load %4 : tensor<1024x!tt.ptr<f16>>" in text


def test_options_reach_a_pass_built_into_the_host(host):
    text = host.run_passes(SOURCE, lambda pm: host.graft.add_graft(pm, ["graft-version-tiles{max-ops=1}"]))
    assert "scf.if" not in text


def test_an_unknown_pass_is_an_error_that_names_it(host):
    with pytest.raises(ValueError, match="'graft-no-such-pass' does not refer to a registered pass"):
        host.run_passes(SOURCE, lambda pm: host.graft.add_graft(pm, ["graft-no-such-pass"]))


def test_a_source_build_installs_nothing_but_the_backend_folder():
    """Triton links `backend/` alone, so nothing in it may import from outside but Triton and the standard library."""
    allowed = {"triton", *sys.stdlib_module_names}
    for path in sorted((ROOT / "backend").rglob("*.py")):
        for line in path.read_text().splitlines():
            words = line.split()
            if line.startswith(("import ", "from ")) and not words[1].startswith("."):
                assert words[1].split(".")[0] in allowed, f"{path.name}: {line}"
