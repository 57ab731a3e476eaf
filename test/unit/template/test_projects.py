# SPDX-License-Identifier: MIT
"""Projects that were just written build, pass their tests, and live beside ours in one process."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support import ROOT, clean_environment
from triton.backends.graft.template import copying, names, repository, writing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("projects")]

WINGS = frozenset(copying.wings(repository.sources()))
#: Each project with the wings that it does without.
PROJECTS = {"acme": frozenset(), "x1": WINGS}

#: Prints what can be seen of the backends in one process.
PROGRAM = """
import json, sys
import triton
from importlib import import_module
from triton.backends import backends
from triton.compiler import make_backend
from support import OtherDriver, make_vector_add, target, warm_up_vector_add
names = NAMES
seen, kernel = [], make_vector_add()
for name in [*names, "nvidia", *names, "nvidia", *reversed(names)]:
    driver = OtherDriver(90) if name == "nvidia" else import_module(f"triton.backends.{name}.driver").Driver(target="cuda:90")
    triton.runtime.driver.set_active(driver)
    owner = type(make_backend(target(90))).__module__.split(".")[2]
    compiled = warm_up_vector_add(kernel)
    again = warm_up_vector_add(make_vector_add())
    seen.append([name, owner, "scf.if" in compiled.asm["ttir"], "scf.if" in again.asm["ttir"]])
libraries = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "_passes.so" in line}
print(json.dumps({"backends": sorted(backends), "seen": seen, "libraries": sorted(libraries)}))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python that has what this one has, and the projects, which are built and installed into it; and where these are."""
    top = tmp_path_factory.mktemp("projects")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", top / "venv"], check=True)
    python = top / "venv" / "bin" / "python"
    (site,) = (top / "venv" / "lib").glob("python*/site-packages")
    (site / "base.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for tool in ("clang-format", "cmake", "mypy", "ninja", "ruff"):
        (python.parent / tool).symlink_to(Path(sys.executable).parent / tool)
    (python.parent / "lit").write_text(
        f"#!{python}\nfrom lit.main import main\nmain()\n"
    )  # it looks for tools beside its Python
    (python.parent / "lit").chmod(0o755)
    for stamp in (".tools", ".ready"):
        (top / "venv" / stamp).touch()
    for name, removed in PROJECTS.items():
        folder = top / name
        writing.write(folder, copying.project(names.Names(name), removed), "Begin")
        if (ROOT / ".toolchain").exists():
            (folder / ".toolchain").symlink_to(ROOT / ".toolchain")
        (folder / ".venv").symlink_to(top / "venv")
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--no-deps",
            "--no-build-isolation",
            "-e",
            folder,
        ]
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return python, top


def run(environment, name, *command):
    """Runs *command* of Python's in the project *name*."""
    python, top = environment
    path = os.pathsep.join((str(python.parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    env = clean_environment(top / name, PATH=path, TMPDIR=str(top), PYTHONPATH=None)
    return subprocess.run([python, *command], cwd=top / name, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("name", PROJECTS)
def test_the_passes_of_a_project_pass_their_tests(environment, name):
    done = run(environment, name, "-c", "from lit.main import main; main()", "-q", "test")
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_passes_its_unit_tests(environment, name):
    """A share of them, which has most of what names could break."""
    folders = [folder for folder in ("core", "runtime", "tools") if (environment[1] / name / "test" / "unit" / folder).is_dir()]
    done = run(
        environment,
        name,
        "-m",
        "pytest",
        "-q",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        *(f"test/unit/{each}" for each in folders),
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_is_clean(environment, name, is_committed=True):
    """Formatted, and clean by the checks of style, types and imports; nothing changed since its one commit."""
    folder = environment[1] / name
    tools = writing.formatters()
    cpp = [
        str(path)
        for path in folder.rglob("*")
        if path.suffix in (".cpp", ".h") and "build" not in path.parts and ".toolchain" not in path.parts
    ]
    checks = (
        [tools["clang-format"], "--dry-run", "--Werror", *cpp], [tools["ruff"], "check", "."], [tools["ruff"], "format", "--check", "."],
        [Path(sys.executable).parent / "mypy"], [Path(sys.executable).parent / "lint-imports"],
        ["git", "diff", *(["--exit-code"] if is_committed else ["--stat"])],
    )  # fmt: skip
    for check in checks:
        done = subprocess.run(check, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{check[0]}: {done.stdout[-3000:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize("name", PROJECTS)
def test_the_libraries_of_a_project_have_no_symbol_of_ours(environment, name):
    libraries = list((environment[1] / name / "backend").rglob("*.so"))
    assert libraries
    for library in libraries:
        symbols = subprocess.run(["nm", "-DC", library], capture_output=True, text=True, check=True).stdout
        assert "graft" not in symbols.lower() and b"graft" not in library.read_bytes().lower()


def test_the_walkthrough_is_so(environment, tmp_path):
    """Its commands and programs, but for those that need a GPU or a checkout of Triton."""
    python, top = environment
    text = (ROOT / "docs" / "your-backend.md").read_text().partition("## For a chip")[0]
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", text, re.M | re.S)
    (made, adding, _), (doubling, launching) = ([text for kind, text in blocks if kind == each] for each in ("sh", "python"))
    assert made == "graft new acme --into acme\n" and "device=" in launching
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["sh", "-e", "-c", adding], cwd=top, env=clean_environment(tmp_path, PATH=path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "PASS: acme :: DoubleToAdd/double-to-add.mlir" in done.stdout
    (tmp_path / "double.py").write_text(doubling)
    done = subprocess.run([python, tmp_path / "double.py"], env=clean_environment(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True\nFalse\n"), done.stderr
    test_a_project_is_clean(environment, "acme", is_committed=False)
    manual = subprocess.run([python, "cmake/pass_docs.py"], cwd=top / "acme", capture_output=True, text=True).stdout
    assert (top / "acme" / "docs" / "passes.md").read_text() == manual


def test_all_of_them_work_in_one_process_with_their_passes(environment):
    python, top = environment
    every = ["graft", *PROJECTS]
    program = top / "program.py"
    program.write_text(PROGRAM.replace("NAMES", repr(every)))
    env = clean_environment(top / "cache")
    done = subprocess.run([python, program], cwd=top, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["backends"] == sorted(["amd", "nvidia", *every])
    order = [*every, "nvidia", *every, "nvidia", *reversed(every)]
    assert said["seen"] == [[name, name, name != "nvidia", name != "nvidia"] for name in order]
    assert said["libraries"] == sorted(f"lib{name}_passes.so" for name in every)


@pytest.mark.parametrize("name", ["graft", *PROJECTS])
def test_each_can_be_the_default(environment, tmp_path, name):
    code = (
        "from triton.compiler import make_backend\nfrom support import target\nprint(type(make_backend(target(90))).__module__)"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    env = clean_environment(tmp_path, TRITON_DEFAULT_BACKEND=name)
    done = subprocess.run([environment[0], script], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"triton.backends.{name}.compiler\n"), done.stderr


def test_their_variables_do_not_clash(environment, tmp_path):
    code = """
from triton.backends.acme.driver import Driver as Theirs
from triton.backends.graft.driver import Driver
print(Theirs().target.arch)
try:
    print(Driver().target)
except RuntimeError as error:
    print(type(error).__name__)
"""
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run(
        [environment[0], script], env=clean_environment(tmp_path, ACME_TARGET="cuda:80"), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split()) == (0, ["80", "NoDeviceError"]), done.stderr
