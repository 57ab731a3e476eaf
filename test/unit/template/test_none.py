# SPDX-License-Identifier: MIT
"""A backend for a chip that is not NVIDIA's: its names, its own tests, and everybody else beside it."""

import ast
import re
import tomllib
import zipfile

import projects
import pytest
from projects import OTHERS, in_one_process
from support import ROOT
from triton.backends.graft.template.names import Names, renamed
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
    assert '"liba_longer_name_passes.so"' in files["backend/plugin.py"]
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
print(host.run_passes(source, lambda pm: host.chip.add_chip(pm, ["chip-double-to-add,chip-select-increment"])))
"""

built = pytest.mark.parametrize("name", OTHERS)


@pytest.fixture(scope="module")
def environment():
    return projects.environment()


@pytest.mark.slow
@in_one_process
class TestBuilt:
    """What only those for other chips do; test_projects.py has what all projects do."""

    @built
    def test_its_passes_are_all_tested(self, name, environment):
        assert "Passed: 7 (100.00%)" in environment.succeed(environment.root(name), "lit", "-v", "test")

    @built
    def test_its_wheel_has_one_package_and_its_library(self, name, environment, tmp_path):
        wheel = ("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, ".")
        environment.succeed(environment.root(name), environment.python, *wheel)
        (wheel,) = tmp_path.glob("*.whl")
        names = [path for path in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in path]
        assert {path.rpartition("/")[0] for path in names} == {f"triton/backends/{name}", f"triton/backends/{name}/inert"}
        assert f"triton/backends/{name}/lib{name}_passes.so" in names and f"triton/backends/{name}/name.conf" in names

    def test_it_is_built_inside_a_host_like_tritons_too(self, environment, tmp_path):
        pytest.importorskip("nanobind")
        host = [path.relative_to(ROOT).as_posix() for path in (ROOT / "test" / "contract").rglob("*") if path.suffix != ".py"]
        paths = [path for path in host if (ROOT / path).is_file() and "__pycache__" not in path]
        for path, content in renamed({path: (ROOT / path).read_bytes() for path in paths}, Names("chip")).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        python = environment.python
        environment.succeed(
            tmp_path, "cmake", "-S", "test/contract", "-B", "build", "-G", "Ninja", f"-DCHIP_PLUGIN_DIR={environment.root('chip')}",
            f"-DPython_EXECUTABLE={python}", f"-DPython3_EXECUTABLE={python}",
        )  # fmt: skip
        environment.succeed(tmp_path, "cmake", "--build", "build")
        ran = environment.succeed(tmp_path / "build", python, "-c", IN_HOST)
        assert "chip.increment" in ran and "arith.addi %arg0, %arg0" in ran

    def test_all_backends_compile_in_turns_in_one_process(self, environment):
        program = ROOT / "test" / "unit" / "template" / "in_turns.py"
        environment.succeed(environment.root("chip"), environment.python, program)

    def test_triton_calls_what_the_manual_shows_in_that_order(self, environment):
        program = ROOT / "test" / "unit" / "template" / "calls.py"
        printed = environment.succeed(environment.root("chip"), environment.python, program, "first", "second")
        first, second = printed.splitlines()
        picture = (ROOT / "docs" / "diagrams" / "calls.mmd").read_text()
        calls = re.findall(r"->>[DB]: (\S+)", picture)
        assert first.replace(" Options.__init__", "").split() == calls
        assert second.split() == ["Driver.get_current_device", "Driver.get_current_stream", "Launcher.__call__"]

    @built
    def test_a_process_that_asks_for_it_by_name_gets_it(self, name, environment):
        program = "import triton; print(triton.runtime.driver.active.get_current_target().backend)"
        printed = environment.succeed(environment.root(name), environment.python, "-c", program, TRITON_DEFAULT_BACKEND=name)
        assert printed == f"{name}\n"
