# SPDX-License-Identifier: MIT
"""Brings a project up to what `graft new` makes now, by a merge.

The commit that began the project has what `graft new` made, and nothing else; so has each update's, whose parent is the one before it.
Merging one brings what has changed in the template since, and git says where that meets what the project's people have changed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from . import recipe, writing
from .errors import TemplateError


def update(root: Path) -> list[str]:
    """Merges what is new into the project in *root*, a git repository; returns the files with conflicts.

    Raises `TemplateError` if there is nothing new, if something is not committed, or if no commit says how the project was made.
    """
    if _git(root, "status", "--porcelain").strip():
        raise TemplateError(f"{root} has changes that are not committed; commit them, so that an update can be told from them")
    base = _git(root, "log", "--max-count=1", f"--grep={recipe.PATTERN}", "--format=%H").strip()
    if not base:
        raise TemplateError(f"no commit of {root} says how it was made: is its history whole?")
    made = recipe.read(_git(root, "show", "--no-patch", "--format=%B", base))
    tree = _write_tree(root, made.files())
    if tree == _git(root, "rev-parse", f"{base}^{{tree}}").strip():
        raise TemplateError(f"{root} has all that there is: nothing has changed since its last update")
    message = made.message("Update to")
    commit = _git(root, *writing.identity(root), "commit-tree", tree, "-p", base, "-m", message).strip()
    merge = ["merge", "--no-ff", "--quiet", f"--message={message.partition(chr(10))[0]}", commit]
    done = subprocess.run(["git", *writing.identity(root), *merge], cwd=root, capture_output=True, text=True)
    conflicts = _git(root, "diff", "--name-only", "--diff-filter=U").splitlines()
    if done.returncode != 0 and not conflicts:
        raise TemplateError(f"git cannot merge {commit}: {(done.stdout + done.stderr).strip()}")
    return conflicts


def _write_tree(root: Path, files: dict[str, bytes]) -> str:
    """The name of a tree in git's store of *root* that has *files*, formatted."""
    tools = writing.formatters()
    with tempfile.TemporaryDirectory() as scratch:
        folder, index = Path(scratch) / root.name, Path(scratch) / "index"
        for path, content in files.items():
            writing.put(folder / path, content)
        writing.reformat(folder, tuple(files), tools)
        place = (f"--git-dir={_git(root, 'rev-parse', '--absolute-git-dir').strip()}", f"--work-tree={folder}")
        _git(folder, *place, "add", "--all", index=index)
        return _git(folder, *place, "write-tree", index=index).strip()


def _git(folder: Path, *arguments: str, index: Path | None = None) -> str:
    """What git prints. Raises `TemplateError` with what it said if it fails."""
    environment = os.environ | ({"GIT_INDEX_FILE": str(index)} if index else {})
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise TemplateError(f"`git {arguments[0]} …` failed in {folder}: {(done.stdout + done.stderr).strip()}")
    return done.stdout
