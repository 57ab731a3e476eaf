# SPDX-License-Identifier: MIT
"""The wheel has what projects are made of: without the sources beside it, it makes the same ones."""

import hashlib
import json
import subprocess
import sys
import zipfile

import pytest
from support import ROOT
from triton.backends.graft.template import copying, none, repository
from triton.backends.graft.template.names import Names

#: Prints the digests of the files of two projects, made by the package in the folder that is given; without Triton.
PROGRAM = """
import hashlib, importlib, json, sys, types
sys.modules["triton"] = None
package = types.ModuleType("unpacked")
package.__path__ = [sys.argv[1]]
sys.modules["unpacked"] = package
load = lambda name: importlib.import_module(f"unpacked.template.{name}")
names = load("names").Names("acme")
made = [load("copying").project(names, frozenset()), load("none").project(names, "ttgir")]
print(json.dumps([{path: hashlib.sha256(content).hexdigest() for path, content in files.items()} for files in made]))
"""


@pytest.mark.slow
def test_the_wheel_makes_the_projects_that_the_sources_make(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    folder = tmp_path / "site" / "triton" / "backends" / "graft"
    done = subprocess.run([sys.executable, "-c", PROGRAM, folder], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = [copying.project(Names("acme"), frozenset()), none.project(Names("acme"), "ttgir")]
    digests = [{path: hashlib.sha256(content).hexdigest() for path, content in files.items()} for files in made]
    assert json.loads(done.stdout) == digests


def test_the_packages_have_all_that_stands_beside_their_modules(tmp_path):
    """What is no Python goes along if pyproject.toml lists it: a page's template, a list of builds, a program in C."""
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path, "build_py", "--build-lib", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    built = {path.relative_to(tmp_path / "triton/backends/graft").as_posix() for path in (tmp_path / "triton").rglob("*.*")}
    beside = {path.removeprefix("backend/") for path in repository.sources() if path.startswith("backend/")}
    assert {path for path in beside - built if not path.startswith("template/")} == set()
