# SPDX-License-Identifier: MIT
"""A backend for a chip that is not NVIDIA's: its names, its own tests, and everybody else beside it."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from support import ROOT
from triton.backends.graft.template.copying import renamed
from triton.backends.graft.template.names import Names
from triton.backends.graft.template.none import TAKEN_OVER, project

NAMES = ("x1", "acme", "a_longer_name")
VIAS = ("ttir", "ttgir")
ORIGIN = "Begun with triton-graft 0.1.0."


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_ours_is_left_but_in_the_line_that_says_where_it_is_from(name, via):
    files = project(Names(name), via)
    found = [path for path in files if "graft" in path.lower()]
    found += [line for content in files.values() for line in content.decode().splitlines() if "graft" in line.lower()]
    assert found == [ORIGIN]


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("name", NAMES)
def test_every_template_was_rendered(name, via):
    files = project(Names(name), via)
    assert not [path for path, content in files.items() if path.endswith(".jinja") or re.search(rb"\{\{ \w+ \}\}|\{%", content)]
    for path, content in files.items():
        if path.endswith(".py"):
            ast.parse(content, path)


def test_package_entry_point_commands_and_libraries_have_the_name():
    files = {path: content.decode() for path, content in project(Names("a_longer_name")).items()}
    about = tomllib.loads(files["pyproject.toml"])["project"]
    assert about["name"] == "triton-a-longer-name"
    assert about["entry-points"] == {"triton.backends": {"a_longer_name": "triton.backends.a_longer_name"}}
    assert about["scripts"] == {"a_longer_name-opt": "triton.backends.a_longer_name.opt:main"}
    assert files["backend/name.conf"] == "a_longer_name\n"
    assert '"liba_longer_name_passes.so"' in files["backend/passes.py"]
    assert "namespace mlir::a_longer_name {" in files["lib/Transforms/DoubleToAdd.cpp"]
    assert "GEN_PASS_DEF_ALONGERNAMEDOUBLETOADD" in files["lib/Transforms/DoubleToAdd.cpp"]


def test_the_way_through_ttgir_adds_a_stage_to_the_same_files():
    through, direct = (project(Names("acme"), via) for via in ("ttgir", "ttir"))
    assert through.keys() == direct.keys()
    assert {path for path in direct if through[path] != direct[path]} == {
        "README.md", "backend/compiler.py", "backend/driver.py", "lib/Transforms/EmitListing.cpp", "test/unit/test_backend.py",
    }  # fmt: skip


@pytest.mark.parametrize("path", TAKEN_OVER)
def test_what_is_taken_over_is_there(path):
    assert (ROOT / path).is_file()


# -- Built


class Environment:
    """A Python that has what ours has, and the projects that are installed into it."""

    def __init__(self, folder):
        self.folder, self.bin = folder, folder / "env" / "bin"
        self.ours = Path(sys.executable).parent
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        (site,) = (folder / "env" / "lib").glob("python*/site-packages")
        (site / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    def write(self, name, via):
        """The project *name*, formatted by the formatters that it names, and installed."""
        root = self.folder / name
        for path, content in project(Names(name), via).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        os.symlink(ROOT / ".toolchain", root / ".toolchain")
        self.succeed(root, self.ours / "clang-format", "-i", *self.sources(root))
        self.succeed(root, self.ours / "ruff", "check", "--quiet", "--fix", ".")
        self.succeed(root, self.ours / "ruff", "format", "--quiet", ".")
        self.succeed(root, self.bin / "python", "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-e", ".")
        return root

    def sources(self, root):
        return [path for folder in ("include", "lib", "python", "cmake") for path in (root / folder).rglob("*.[ch]*") if path.suffix in (".cpp", ".h")]  # fmt: skip

    def succeed(self, root, *command, **variables):
        """Runs *command* in *root* and returns what it printed."""
        path = os.pathsep.join(map(str, (self.bin, self.ours, os.environ["PATH"])))
        environment = dict(os.environ, PATH=path, TRITON_CACHE_DIR=str(self.folder / "cache"), **variables)
        done = subprocess.run(list(map(str, command)), cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
        return done.stdout


#: Runs passes inside the host, which has no library that Triton loads.
IN_HOST = """
from triton._C import libtriton  # the host's module finds MLIR in it
import contract_host as host
source = '''
tt.func @f(%x: i32) -> i32 {
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %y = arith.muli %x, %two : i32
  %z = arith.addi %y, %one : i32
  tt.return %z : i32
}'''
print(host.run_passes(source, lambda pm: host.acme.add_acme(pm, ["acme-double-to-add,acme-select-increment"])))
"""

PROJECTS = {"acme": "ttir", "a_longer_name": "ttgir"}
built = pytest.mark.parametrize("name", PROJECTS)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def roots(environment):
    """The projects, one for each way, in one environment."""
    return {name: environment.write(name, via) for name, via in PROJECTS.items()}


@pytest.mark.slow
@pytest.mark.xdist_group("none")
class TestBuilt:
    """What takes two builds, in one process."""

    @built
    def test_its_own_tests_pass(self, name, environment, roots):
        lit = environment.succeed(
            roots[name], environment.bin / "python", "-c", "from lit.main import main; main()", "-v", "test"
        )
        assert "Passed: 7 (100.00%)" in lit
        assert " passed" in environment.succeed(roots[name], environment.bin / "python", "-m", "pytest", "-o", "addopts=")

    @built
    def test_its_lint_is_clean(self, name, environment, roots):
        ours, root = environment.ours, roots[name]
        environment.succeed(root, ours / "clang-format", "--dry-run", "--Werror", *environment.sources(root))
        environment.succeed(root, ours / "ruff", "check", ".")
        environment.succeed(root, ours / "ruff", "format", "--check", ".")
        environment.succeed(root, ours / "mypy")

    @built
    def test_its_wheel_has_one_package_and_its_library(self, name, environment, roots, tmp_path):
        python = environment.bin / "python"
        environment.succeed(roots[name], python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, ".")
        (wheel,) = tmp_path.glob("*.whl")
        names = [path for path in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in path]
        assert {path.rpartition("/")[0] for path in names} == {
            f"triton/backends/{name}",
            f"triton/backends/{name}/inert",
        }
        assert f"triton/backends/{name}/lib{name}_passes.so" in names and f"triton/backends/{name}/name.conf" in names

    def test_it_is_built_inside_a_host_like_tritons_too(self, environment, roots, tmp_path):
        pytest.importorskip("nanobind")
        host = [path.relative_to(ROOT).as_posix() for path in (ROOT / "test" / "contract").rglob("*") if path.suffix != ".py"]
        paths = [path for path in host if (ROOT / path).is_file() and "__pycache__" not in path]
        for path, content in renamed({path: (ROOT / path).read_bytes() for path in paths}, Names("acme")).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        python = environment.bin / "python"
        environment.succeed(
            tmp_path, "cmake", "-S", "test/contract", "-B", "build", "-G", "Ninja", f"-DACME_PLUGIN_DIR={roots['acme']}",
            f"-DPython_EXECUTABLE={python}", f"-DPython3_EXECUTABLE={python}",
        )  # fmt: skip
        environment.succeed(tmp_path, "cmake", "--build", "build")
        ran = environment.succeed(tmp_path / "build", python, "-c", IN_HOST)
        assert "acme.increment" in ran and "arith.addi %arg0, %arg0" in ran

    def test_all_backends_compile_in_turns_in_one_process(self, environment, roots):
        environment.succeed(roots["acme"], environment.bin / "python", ROOT / "test" / "unit" / "template" / "in_turns.py")

    def test_triton_calls_what_the_manual_shows_in_that_order(self, environment, roots):
        program = ROOT / "test" / "unit" / "template" / "calls.py"
        first, second = environment.succeed(roots["acme"], environment.bin / "python", program, "first", "second").splitlines()
        picture = (ROOT / "docs" / "your-backend.md").read_text().partition("sequenceDiagram")[2].partition("```")[0]
        calls = re.findall(r"->>[DB]: (\S+)", picture)
        assert first.replace(" Options.__init__", "").split() == calls
        assert second.split() == ["Driver.get_current_device", "Driver.get_current_stream", "Launcher.__call__"]

    @built
    def test_a_process_that_asks_for_it_by_name_gets_it(self, name, environment, roots):
        program = "import triton; print(triton.runtime.driver.active.get_current_target().backend)"
        printed = environment.succeed(roots[name], environment.bin / "python", "-c", program, TRITON_DEFAULT_BACKEND=name)
        assert printed == f"{name}\n"
