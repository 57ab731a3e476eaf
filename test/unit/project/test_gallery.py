# SPDX-License-Identifier: MIT
"""The scripts of the gallery do what they say, each in processes of its own; what launches does so on the stub CUDA driver."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import stub_cuda
from support import ROOT, clean_environment

pytestmark = pytest.mark.xdist_group("gallery")

EXAMPLES = ROOT / "python" / "examples"
GALLERY = EXAMPLES / "gallery"
SCRIPTS = sorted(path.name for path in GALLERY.iterdir() if path.suffix in (".py", ".sh") and path.name != "device.py")
#: Those that launch kernels, and do nothing without a device.
LAUNCHING = ("frozen_loop", "serve_bundle", "serve_without_triton")

#: Runs a script with the stub in the place of the device, and arrays that have an address alone in the place of PyTorch's.
ON_STUB = """
import itertools, os, runpy, sys
from static_child import Pointer, read
from gallery import device

class Array(Pointer):
    def __getitem__(self, places):
        return Array(self.address + 2 * places.start, self.dtype)
    def __repr__(self):
        return f"an array of {self.dtype}"

class Torch:
    float16 = os.environ.get("DTYPE", "fp16")
    addresses = itertools.count(0x10000, 0x10000)
    def ones(self, number, dtype, device):
        return Array(next(self.addresses), dtype)
    empty = ones

device.torch_on_a_device = Torch
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__")
print("launches:", *(line.split()[0] for line in read("launches")))
"""


class Shell:
    """Runs commands as the scripts show them, in `python/examples`, with *renamed* texts in them."""

    def __init__(self, folder):
        self.folder = folder
        self.renamed = {}

    def run(self, command, **variables):
        """What came of *command*, which may begin with variables."""
        for old, new in self.renamed.items():
            command = command.replace(old, str(new))
        words = shlex.split(command)
        while re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, variables[name] = words.pop(0).partition("=")
        if words[0] == "python":
            words[0] = sys.executable
        environment = clean_environment(self.folder, **variables)
        return subprocess.run(words, cwd=EXAMPLES, env=environment, capture_output=True, text=True)

    def output_of(self, command, **variables):
        """What it printed; it has to succeed."""
        done = self.run(command, **variables)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def on_stub(self, arguments, **variables):
        """The same for a script that launches."""
        (self.folder / "on_stub.py").write_text(ON_STUB)
        path = os.pathsep.join(map(str, (ROOT / "test" / "unit", EXAMPLES)))
        stub_cuda.load()
        command = f"python {self.folder / 'on_stub.py'} {arguments}"
        return self.run(command, STUB_CUDA=str(stub_cuda.build()), PYTHONPATH=path, **variables)


def commands_of(name):
    """The commands that a script shows at its top."""
    text = (GALLERY / f"{name}.py").read_text().split('"""')[1]
    commands = re.findall(r"^    (.+)$", text, re.M)
    assert "cd python/examples" in commands
    return [command for command in commands if not command.startswith("cd ")]


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundle that the command of both servers builds, and what the command printed."""
    folder = tmp_path_factory.mktemp("bundle")
    shell = Shell(folder)
    shell.renamed["kernels.graft"] = path = folder / "kernels.graft"
    return path, shell.output_of(commands_of("serve_bundle")[0])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_says_what_it_is(name):
    text = (GALLERY / name).read_text()
    assert len(text.splitlines()) < 60
    assert re.search(r"^(# |\"\"\")[A-Z].*[.:]$", text, re.M)
    command = f"sh python/examples/gallery/{name}" if name.endswith(".sh") else f"python -m gallery.{Path(name).stem}"
    assert command in text.partition("set -eu")[0].partition("import")[0]


def test_the_index_has_a_line_for_each_script():
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \| .+ \|$", (GALLERY / "README.md").read_text(), re.M)
    assert sorted(rows) == [(name, name) for name in SCRIPTS]


@pytest.mark.parametrize("name", LAUNCHING)
def test_what_launches_says_so_where_there_is_no_device(name, shell):
    done = shell.run(f"python -m gallery.{name}" + (" kernels.graft" if "serve" in name else ""), CUDA_VISIBLE_DEVICES="")
    expected = "This script launches kernels: it needs PyTorch and a CUDA device.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize("name", [Path(name).stem for name in SCRIPTS if name.endswith(".py") and name != "frozen_loop.py"])
def test_a_script_without_arguments_says_how_to_run_it(name, shell):
    done = shell.run(f"python -m gallery.{name}")
    assert done.returncode == 1
    assert commands_of(name)[-1] in done.stderr


def test_a_server_launches_what_is_in_a_bundle_and_compiles_nothing(bundle, shell):
    path, built = bundle
    assert "1 kernel, 48 variants for cuda:80, cuda:90" in built
    assert commands_of("serve_bundle")[1] == "python -m gallery.serve_bundle kernels.graft"
    done = shell.on_stub(f"gallery.serve_bundle {path}")
    assert done.stdout.splitlines() == [
        f"serving <24 kernels for cuda:90 from {path}>",
        "answered a request of 1000 elements: an array of fp16",
        "answered a request of 4096 elements: an array of fp16",
        "launches: add_kernel add_kernel",
    ], done.stderr
    assert not list(shell.folder.glob("cache/*/*.cubin"))


def test_a_server_refuses_to_compile_what_is_not_in_the_bundle(bundle, shell):
    done = shell.on_stub(f"gallery.serve_bundle {bundle[0]}", DTYPE="fp32")
    assert done.returncode == 1
    assert "error: kernel 'add_kernel' is not in the cache" in done.stderr
    assert not list(shell.folder.glob("cache/*/*.cubin"))


def test_a_server_without_triton_launches_what_is_in_a_bundle(bundle, shell):
    path, _ = bundle
    building, serving = commands_of("serve_without_triton")
    assert building == commands_of("serve_bundle")[0].replace("--target cuda:80 ", "")
    assert serving == "python -m gallery.serve_without_triton kernels.graft"
    done = shell.on_stub(f"gallery.serve_without_triton {path}")
    assert done.stdout.splitlines() == [
        f"serving Bundle('{path}': 1 kernels, 48 variants for cuda:80, cuda:90)",
        "answered a request of 1000 elements: an array of fp16",
        "answered a request of 4096 elements: an array of fp16",
        "Triton was not imported",
        "launches: add_kernel add_kernel",
    ], done.stderr
    done = shell.on_stub(f"gallery.serve_without_triton {path}", DTYPE="fp32")
    assert done.returncode == 1
    assert "error: the bundle has no variant" in done.stderr


def test_a_cache_is_warm_where_it_is_copied_to(shell):
    filling, proving = commands_of("warm_cache")
    shell.renamed["/mnt/kernels"] = first = shell.folder / "first"
    assert shell.output_of(filling) == "".join(
        f"{target}: 4 compiled, 0 found in {first}\n" for target in ("cuda:80", "cuda:90")
    )
    shell.renamed["/mnt/kernels"] = copy = shutil.copytree(first, shell.folder / "copy")
    assert shell.output_of(proving) == "".join(
        f"{target}: 0 compiled, 4 found in {copy}\n" for target in ("cuda:80", "cuda:90")
    )
    done = shell.run(proving.replace("cuda:80", "cuda:100"))
    assert done.returncode == 1
    assert "error: kernel 'add_kernel' is not in the cache" in done.stderr and "target: cuda:" in done.stderr


def test_a_loop_is_frozen_but_for_the_step_that_does_not_fit(shell):
    done = shell.on_stub("gallery.frozen_loop")
    *stats, launches = done.stdout.splitlines()
    assert stats == ["first launch of a variant: 1", "launched frozen: 100"], done.stderr
    assert launches.split()[1:] == ["softmax_kernel"] * 101


def test_a_narrow_access_fails_the_check_of_widths(shell):
    checking, failing = commands_of("check_widths")
    kernels = ("vector_add:add_kernel", "softmax:softmax_kernel")
    assert shell.output_of(checking) == "".join(f"{kernel}: as wide as possible\n" for kernel in kernels)
    done = shell.run(failing)
    assert done.returncode == 1
    narrow = "1 of 8 elements at once, limited by mask alignment"
    lines = re.sub(r"line \d+", "line", done.stdout).splitlines()
    assert lines == [
        "vector_add:add_kernel: too narrow",
        f"  line: load of f16: {narrow}",
        f"  line: load of f16: {narrow}",
        f"  line: store of f16: {narrow}",
        "softmax:softmax_kernel: too narrow",
        f"  line: load of f16: {narrow}",
        f"  line: store of f16: {narrow}",
    ], done.stderr


#: Does what `make` and the project's own Python do, but for building and running anything.
NO_BUILD = """#!/bin/sh
echo "make $*"
mkdir -p .venv/bin
printf '#!/bin/sh\\necho python "$*"\\n' > .venv/bin/python
chmod +x .venv/bin/python
"""


def test_the_script_of_a_pass_makes_a_project_with_one(shell):
    """All but the build, which `test/unit/template/test_projects.py` has."""
    tools = shell.folder / "tools"
    tools.mkdir()
    (tools / "make").write_text(NO_BUILD)
    (tools / "make").chmod(0o755)
    path = os.pathsep.join(map(str, (tools, Path(sys.executable).parent, os.environ["PATH"])))
    project = shell.folder / "acme"
    # The manual of the passes is not written anew: that would fetch what the build needs.
    said = shell.output_of(f"sh gallery/new_pass.sh {project}", PATH=path, LLVM_SYSPATH=str(tools))
    assert said.endswith("make pass P=DoubleByAdding\npython python/examples/try_pass.py\n")
    assert "static void rewrite(" in (project / "lib" / "Transforms" / "DoubleByAdding.cpp").read_text()
    assert "static bool isTwo(" in (project / "lib" / "Transforms" / "DoubleByAdding.cpp").read_text()
    assert '"double_by_adding"' in (project / "backend" / "settings.py").read_text()
    compile((project / "python" / "examples" / "try_pass.py").read_text(), "try_pass.py", "exec")
    done = shell.run("sh gallery/new_pass.sh")
    assert done.returncode != 0 and "name a folder for the new project" in done.stderr
