# SPDX-License-Identifier: MIT
"""A wing can be taken away with those that stand on it, and what is left works: each of them, and all."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, run_python
from sweeps import slow
from triton.backends.graft import wings

BACKEND = Path(wings.__file__).parent

#: Puts the backend in FOLDER in the place of the installed one, before anything is imported.
SITE = """
import importlib.machinery, importlib.util, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "triton.backends.graft":
            folder = FOLDER
            return importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
        if name.startswith("triton.backends.graft."):  # an editable installation would find what is not in FOLDER
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return spec
sys.meta_path.insert(0, Finder())
"""

#: What a user does first. Prints what there is, and what became of it.
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("error")
import triton
from support import make_vector_add, warm_up_vector_add
from triton.backends.graft import wings
from triton.backends.graft.driver import Driver
there = wings.present()
triton.runtime.driver.set_active(Driver(target="cuda:90"))
compiled = warm_up_vector_add(make_vector_add())
again = warm_up_vector_add(make_vector_add())
print(json.dumps({
    "wings": ", ".join(there) or "none",
    "sections": [section for wing in there.values() for section in wing.report()],
    "changed": "scf.if" in compiled.asm["ttir"],
    "same": compiled.hash == again.hash,
    "key": len(compiled.hash),
    "noted": "compiler_identity" in compiled.metadata._fields,
    "modules": [name for name in sys.modules if name.startswith("triton.backends.graft.")],
}))
"""


def standing_on(name):
    """The wing *name* and all that stand on it."""
    found = {name}
    for wing, below in wings.STANDS_ON.items():
        if found & set(below):
            found.add(wing)
    return found


EVERYTHING = set(wings.STANDS_ON)
REMOVALS = {**{name: standing_on(name) for name in wings.STANDS_ON}, "all": EVERYTHING}


@pytest.fixture
def without(tmp_path):
    """Makes a backend without some wings; what is returned is the folder that puts it in the place of the installed one."""

    def make(removed):
        site, folder = tmp_path / "site", tmp_path / "site" / "graft"
        shutil.copytree(BACKEND, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name in removed:
            shutil.rmtree(folder / name)
        if "passes" in removed:  # tests need an option to try
            settings = folder / "settings.py"
            one = 'OPTIONS = (Option("loud", True, Flag(), "an option"),)\n'
            settings.write_text(settings.read_text().replace("OPTIONS: tuple[Option, ...] = ()\n", one))
        (site / "sitecustomize.py").write_text(SITE.replace("FOLDER", repr(str(folder))))
        return site

    return make


@pytest.mark.parametrize("name", REMOVALS)
def test_what_is_left_compiles_and_says_what_it_has(name, without, tmp_path):
    done = run_python(PROGRAM, tmp_path, PYTHONPATH=f"{without(REMOVALS[name])}:{ROOT / 'test' / 'unit'}")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    left = [wing for wing in wings.present() if wing not in REMOVALS[name]]
    assert said["wings"] == (", ".join(left) or "none")
    assert said["changed"] == ("passes" in left)
    assert said["same"] and said["key"] == 64
    assert said["noted"] == ("cache" in left) == ("cache key" in said["sections"])
    assert not [module for module in said["modules"] if module.split(".")[3] in REMOVALS[name]]


@pytest.mark.parametrize("name", REMOVALS)
def test_the_command_line_has_the_commands_of_what_is_left(name, without, tmp_path):
    code = "import sys; sys.argv = ['graft', '--help']; from triton.backends.graft.__main__ import main; main()"
    done = run_python(code, tmp_path, PYTHONPATH=str(without(REMOVALS[name])))
    if "tools" in REMOVALS[name] or "tools" not in wings.present():
        assert (done.returncode, done.stderr) == (2, "Error: this backend has no wing tools, where its command line is\n")
        return
    assert done.returncode == 0, done.stderr
    listed = done.stdout.partition("Show this message and exit.")[2].partition("Examples:")[0]
    there = {line.split()[0] for line in listed.splitlines() if line.startswith("  ")}
    owners = {
        "bench": "bench",
        "bundle": "bundle",
        "conformance": "conformance",
        "key": "cache",
        "doctor": "tools",
        "explain": "tools",
        "bisect": "tools",
        "new": "template",
        "new-option": "template",
        "new-pass": "template",
        "update": "template",
    }
    assert there == {command for command, wing in owners.items() if wing in wings.present() and wing not in REMOVALS[name]}


@pytest.mark.parametrize("name", [slow(name) for name in REMOVALS])
def test_the_core_passes_its_own_tests(name, without, tmp_path):
    site = without(REMOVALS[name])
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(ROOT / "test" / "unit" / "core")]
    environment = {"PYTHONPATH": str(site), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    environment["TMPDIR"] = str(tmp_path)  # runs beside each other would clear each other's folders
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
