# SPDX-License-Identifier: MIT
"""Projects that were just written build, pass their tests, and live beside ours in one process."""

import json
import re
import subprocess

import projects
import pytest
from projects import CUDA, PROJECTS, in_one_process
from support import ROOT

pytestmark = [pytest.mark.slow, in_one_process]

every = pytest.mark.parametrize("name", PROJECTS)

#: Prints what can be seen of the backends for CUDA devices in one process: who owns the target, and whether a pass changed the kernel.
PROGRAM = """
import json
import triton
from importlib import import_module
from sample import make_double, warm_up_double
from support import OtherDriver, target
from triton.backends import backends
from triton.compiler import make_backend
names = NAMES
seen, kernel = [], make_double()
for name in [*names, "nvidia", *names, "nvidia", *reversed(names)]:
    driver = OtherDriver(90) if name == "nvidia" else import_module(f"triton.backends.{name}.driver").Driver(target="cuda:90")
    triton.runtime.driver.set_active(driver)
    owner = type(make_backend(target(90))).__module__.split(".")[2]
    texts = [warm_up_double(each).asm["ttir"] for each in (kernel, make_double())]
    seen.append([name, owner, *texts])
plain = next(texts[0] for name, _, *texts in seen if name == "nvidia")
seen = [[name, owner, *[text != plain for text in texts]] for name, owner, *texts in seen]
libraries = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "_passes.so" in line}
print(json.dumps({"backends": sorted(backends), "seen": seen, "libraries": sorted(libraries)}))
"""


@pytest.fixture(scope="module")
def environment():
    return projects.environment()


@every
def test_the_passes_of_a_project_pass_their_tests(environment, name):
    environment.succeed(environment.root(name), "lit", "-q", "test")


@every
def test_a_project_passes_its_unit_tests(environment, name):
    """A share of them, which has most of what names could break."""
    root = environment.root(name)
    folders = [folder for folder in ("core", "runtime", "tools") if (root / "test" / "unit" / folder).is_dir()]
    tests = [f"test/unit/{folder}" for folder in folders] or ["test/unit"]
    environment.succeed(
        root,
        environment.python,
        "-m",
        "pytest",
        "-q",
        "-o",
        "addopts=",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        *tests,
        PYTHONPATH=None,
    )


@every
def test_a_project_is_clean(environment, name):
    environment.lint(name)


@every
def test_the_libraries_of_a_project_have_no_symbol_of_ours(environment, name):
    libraries = list((environment.root(name) / "backend").rglob("*.so"))
    assert libraries
    for library in libraries:
        symbols = subprocess.run(["nm", "-DC", library], capture_output=True, text=True, check=True).stdout
        assert "graft" not in symbols.lower() and b"graft" not in library.read_bytes().lower()


@pytest.mark.parametrize("name", CUDA)
def test_the_manual_of_its_passes_is_what_its_descriptions_make(environment, name):
    root = environment.root(name)
    assert (root / "docs" / "passes.md").read_text() == environment.succeed(root, environment.python, "cmake/pass_docs.py")


def test_the_walkthrough_is_so(environment, tmp_path):
    """Its commands and programs, but for those that need a GPU or a checkout of Triton."""
    text = (ROOT / "docs" / "your-backend.md").read_text().partition("## For a chip")[0]
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", text, re.M | re.S)
    (made, adding, _), (doubling, launching) = ([text for kind, text in blocks if kind == each] for each in ("sh", "python"))
    assert made == "graft new acme --into acme\n" and "device=" in launching
    printed = environment.succeed(environment.folder, "sh", "-e", "-c", adding)
    assert "PASS: acme :: DoubleToAdd/double-to-add.mlir" in printed
    (tmp_path / "double.py").write_text(doubling)
    assert environment.succeed(tmp_path, environment.python, "double.py") == "True\nFalse\n"
    environment.lint("acme", is_committed=False)
    test_the_manual_of_its_passes_is_what_its_descriptions_make(environment, "acme")


def test_the_script_of_the_gallery_adds_a_pass_that_changes_a_kernel(environment):
    """In a project that is there, as `graft new` makes one; test_gallery.py has the script without the build."""
    script = ROOT / "python" / "examples" / "gallery" / "new_pass.sh"
    # The pass that the walkthrough has added does the same.
    printed = environment.succeed(environment.folder, "sh", script, "acme", ACME_DOUBLE_TO_ADD="0")
    assert "PASS: acme :: DoubleByAdding/double-by-adding.mlir" in printed
    without, with_pass = printed.splitlines()[-2:]
    assert re.fullmatch(r"double_by_adding=False: %\w+ = arith\.muli .*", without)
    assert re.fullmatch(r"double_by_adding=True: %\w+ = arith\.addi .*", with_pass)
    environment.lint("acme", is_committed=False)


def test_all_of_them_work_in_one_process_with_their_passes(environment, tmp_path):
    names = ["graft", *CUDA]
    (tmp_path / "program.py").write_text(PROGRAM.replace("NAMES", repr(names)))
    said = json.loads(environment.succeed(tmp_path, environment.python, "program.py"))
    assert said["backends"] == sorted(["amd", "graft", "nvidia", *PROJECTS])
    order = [*names, "nvidia", *names, "nvidia", *reversed(names)]
    assert said["seen"] == [[name, name, *[name != "nvidia"] * 2] for name in order]
    assert said["libraries"] == sorted(f"lib{name}_passes.so" for name in names)


@pytest.mark.parametrize("name", ["graft", *CUDA])
def test_each_can_be_the_default(environment, tmp_path, name):
    program = (
        "from triton.compiler import make_backend\nfrom support import target\nprint(type(make_backend(target(90))).__module__)"
    )
    (tmp_path / "program.py").write_text(program)
    printed = environment.succeed(tmp_path, environment.python, "program.py", TRITON_DEFAULT_BACKEND=name)
    assert printed == f"triton.backends.{name}.compiler\n"


def test_their_variables_do_not_clash(environment, tmp_path):
    (tmp_path / "program.py").write_text("""
from triton.backends.acme.driver import Driver as Theirs
from triton.backends.graft.driver import Driver
print(Theirs().target.arch)
try:
    print(Driver().target)
except RuntimeError as error:
    print(type(error).__name__)
""")
    printed = environment.succeed(tmp_path, environment.python, "program.py", ACME_TARGET="cuda:80")
    assert printed.split() == ["80", "NoDeviceError"]
