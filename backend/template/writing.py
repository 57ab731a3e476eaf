# SPDX-License-Identifier: MIT
"""Puts the files of a project where they belong: all of them, formatted and committed, or none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import git
from .errors import TemplateError

#: What a folder's scripts have in their first two bytes.
_SCRIPT = b"#!"


def write(folder: Path, files: Mapping[str, bytes], message: str) -> None:
    """Makes *folder* with *files*, formatted, as a git repository with one commit.

    Raises `TemplateError` if *folder* is there already, a tool is missing or one fails; then there is no *folder*.
    """
    if folder.exists() or folder.is_symlink():
        raise TemplateError(f"{folder} exists; name a folder that does not, or remove it")
    if not folder.parent.is_dir():
        raise TemplateError(f"{folder.parent} is not a folder, so {folder.name} cannot be made in it")
    formatters()  # before anything is written
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
            made = Path(scratch) / folder.name
            lay_out(made, files)
            git.commit(made, message)
            made.rename(folder)
    except OSError as error:
        raise TemplateError(f"{folder} cannot be written: {error.strerror}: {error.filename}") from None


def lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes *files* into *folder*, formatted. Raises `TemplateError` if a tool is missing or fails."""
    tools = formatters()
    for path, content in files.items():
        put(folder / path, content)
    reformat(folder, tuple(files), tools)


def put(path: Path, content: bytes) -> None:
    """Writes *content*; a script can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if content.startswith(_SCRIPT):
        path.chmod(0o755)


def formatters() -> dict[str, str]:
    """The paths of `ruff` and `clang-format`. Raises `TemplateError` if one is missing."""
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    found = {name: shutil.which(name, path=beside) for name in ("ruff", "clang-format", "git")}
    if missing := [name for name, path in found.items() if path is None]:
        raise TemplateError(f"{' and '.join(missing)} cannot be found; pip install 'triton-graft[new]' has all but git")
    return {name: path for name, path in found.items() if path}


def reformat(folder: Path, paths: Sequence[str], tools: Mapping[str, str]) -> None:
    """Formats those of *paths* in *folder* that are Python or C++, with the settings that *folder* has."""
    python = [path for path in paths if path.endswith((".py", ".pyi"))]
    cpp = [path for path in paths if path.endswith((".cpp", ".h"))]
    if python:
        run([tools["ruff"], "check", "--no-cache", "--quiet", "--fix", *python], folder)
        run([tools["ruff"], "format", "--no-cache", "--quiet", *python], folder)
    if cpp:
        run([tools["clang-format"], "-i", *cpp], folder)


def run(command: Sequence[str], folder: Path) -> None:
    """Runs *command* in *folder*. Raises `TemplateError` with what it said if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise TemplateError(f"`{' '.join(command[:3])} …` failed in {folder}: {(done.stdout + done.stderr).strip()[-2000:]}")
