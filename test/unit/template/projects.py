# SPDX-License-Identifier: MIT
"""Projects of every kind, built and installed beside ours in one environment, once for all tests of a process."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from support import ROOT, clean_environment
from triton.backends.graft.template import copying, none, repository, writing
from triton.backends.graft.template.names import Names

WINGS = frozenset(copying.wings(repository.sources()))

#: What makes the files of each project: one with everything, one without wings, and two for other chips.
PROJECTS = {
    "acme": lambda name: copying.project(name, frozenset()),
    "x1": lambda name: copying.project(name, WINGS),
    "a_longer_name": lambda name: none.project(name, "ttgir"),
    "chip": lambda name: none.project(name, "ttir"),
}
#: Those for CUDA devices, and those for other chips.
CUDA, OTHERS = ("acme", "x1"), ("a_longer_name", "chip")

#: All tests of built projects are for one process, which builds them once.
in_one_process = pytest.mark.xdist_group("projects")

_OURS = Path(sys.executable).parent


class Environment:
    """A Python that has what ours has, and the projects, which are installed into it."""

    def __init__(self, folder):
        self.folder, self.python = folder, folder / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        (site / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        for tool in ("clang-format", "cmake", "codespell", "mypy", "ninja", "ruff"):
            (self.python.parent / tool).symlink_to(_OURS / tool)
        # It looks for tools beside its Python.
        (self.python.parent / "lit").write_text(f"#!{self.python}\nfrom lit.main import main\nmain()\n")
        (self.python.parent / "lit").chmod(0o755)
        for stamp in (".tools", ".ready", ".checkers"):
            (folder / "venv" / stamp).touch()
        for name, make in PROJECTS.items():
            self._install(name, make(Names(name)))

    def _install(self, name, files):
        root = self.root(name)
        writing.write(root, files, "Begin")
        if (ROOT / ".toolchain").exists():
            (root / ".toolchain").symlink_to(ROOT / ".toolchain")
        (root / ".venv").symlink_to(self.folder / "venv")
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--no-deps", "--no-build-isolation", "-e", "."]
        path = os.pathsep.join((str(_OURS), os.environ["PATH"]))
        done = subprocess.run(pip, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    def root(self, name):
        """Where the project *name* is."""
        return self.folder / name

    def run(self, cwd, *command, **variables):
        """What came of *command*, run in *cwd* with tools of this Python, and of ours."""
        path = os.pathsep.join(map(str, (self.python.parent, _OURS, os.environ["PATH"])))
        environment = clean_environment(self.folder / "home", PATH=path, TMPDIR=str(self.folder), **variables)
        return subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True)

    def succeed(self, cwd, *command, **variables):
        """What it printed; it has to succeed."""
        done = self.run(cwd, *command, **variables)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
        return done.stdout

    def lint(self, name, is_committed=True):
        """The project is formatted, clean by the checks of style, types, spelling and imports, and as its one commit."""
        root = self.root(name)
        cpp = [
            path
            for path in root.rglob("*.[ch]*")
            if path.suffix in (".cpp", ".h") and not {"build", ".toolchain"} & set(path.parts)
        ]
        self.succeed(root, "clang-format", "--dry-run", "--Werror", *cpp)
        self.succeed(root, "ruff", "check", ".")
        self.succeed(root, "ruff", "format", "--check", ".")
        self.succeed(root, "mypy")
        self.succeed(root, "codespell")
        if name in CUDA:
            self.succeed(root, "lint-imports")
        if is_committed:
            self.succeed(root, "git", "diff", "--exit-code")


@functools.cache
def environment():
    """The environment with all of `PROJECTS`; it takes minutes, once."""
    folder = Path(tempfile.mkdtemp(prefix="projects-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "home").mkdir()
    return Environment(folder)
