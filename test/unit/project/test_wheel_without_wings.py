# SPDX-License-Identifier: MIT
"""The sources without any wing but our passes build a wheel that compiles kernels; no launcher is built, and nothing asks for cuda.h."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from support import ROOT, run_python
from triton.backends.graft import wings

PROGRAM = """
import json
import triton
from sample import OFF, make_double, warm_up_double
from triton.backends.graft import plugin
from triton.backends.graft import wings as there
from triton.backends.graft.driver import Driver
triton.runtime.driver.set_active(Driver(target="cuda:90"))
texts = [warm_up_double(make_double(), **options).asm["ttir"] for options in ({}, OFF)]
print(json.dumps([plugin.__file__, plugin.available(), list(there.present()), texts[0] != texts[1]]))
"""

#: The wings that stay, if they are there.
KEPT = [name for name in wings.STANDS_ON if name == "passes"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the sources without wings and without `lib/Launcher`, and what its build said."""
    sources, wheels = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheels")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    gone = ("lib/Launcher/", *(f"backend/{name}/" for name in wings.STANDS_ON if name not in KEPT))
    for name in listed.stdout.splitlines():
        if not name.startswith(gone) and (ROOT / name).is_file():
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, sources / name)
    os.symlink(ROOT / ".toolchain", sources / ".toolchain")
    command = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, sources]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (built,) = wheels.glob("*.whl")
    return built, done.stdout


@pytest.mark.slow
def test_the_wheel_has_the_core_and_the_passes_alone(wheel):
    names = zipfile.ZipFile(wheel[0]).namelist()
    folders = {name.split("/")[3] for name in names if name.startswith("triton/backends/graft/") and name.count("/") > 3}
    assert folders == {"inert", *KEPT}
    assert [name for name in names if name.endswith(".so")] == ["triton/backends/graft/libgraft_passes.so"]
    assert not any(name.startswith("triton_graft_runtime") for name in names)
    assert "Launcher" not in wheel[1]


@pytest.mark.slow
def test_the_wheel_compiles_with_our_passes(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel[0]).extractall(site)
    folder = site / "triton" / "backends" / "graft"
    (site / "sitecustomize.py").write_text(f"""
import importlib.util, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "triton.backends.graft":
            return importlib.util.spec_from_file_location(
                name, {str(folder / "__init__.py")!r}, submodule_search_locations=[{str(folder)!r}]
            )
sys.meta_path.insert(0, Finder())
""")
    shutil.rmtree(site / "triton_graft-0.1.0.dist-info", ignore_errors=True)
    tests = str(ROOT / "test" / "unit")
    # The wheel's folder `triton` is not to be taken for Triton: its files are found by the finder alone.
    (tmp_path / "only").mkdir()
    shutil.move(site / "sitecustomize.py", tmp_path / "only")
    done = run_python(PROGRAM, tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path / "only"), tests]))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        str(folder / "plugin.py"),
        True,
        KEPT,
        True,
    ]
