# SPDX-License-Identifier: MIT
"""Git, as it is wherever we are called from: with nobody's hooks, signatures or lists of what to ignore."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from .errors import TemplateError

#: Of git's variables, those that say who commits. The others would have it work elsewhere, as in a hook.
_KEPT = re.compile(r"GIT_(AUTHOR|COMMITTER)_\w+")

#: Ends a message: the tree of the commit that it was written for.
_TREE = "Tree: "


def run(folder: Path, *arguments: str, index: Path | None = None) -> str:
    """What `git` prints in *folder*. Raises `TemplateError` with what it said if it fails."""
    done = attempt(folder, *arguments, index=index)
    if done.returncode != 0:
        raise TemplateError(f"`git {arguments[0]} …` failed in {folder}: {_said(done)}")
    return done.stdout


def attempt(folder: Path, *arguments: str, index: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What came of `git` in *folder*, with another *index* if one is given."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
    environment |= {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        return subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise TemplateError(f"git cannot be run: {error.strerror}") from None


def identity(folder: Path) -> list[str]:
    """Arguments for whoever has told git no name: commits get that of *folder*."""
    known = attempt(folder, "config", "user.email").returncode == 0
    return [] if known else ["-c", f"user.name={folder.name}", "-c", f"user.email={folder.name}@localhost"]


def commit(folder: Path, message: str) -> None:
    """Makes *folder* a repository whose one commit has all in it, and the tree in its message."""
    run(folder, "init", "--quiet", "--initial-branch=main")
    run(folder, "add", "--all", "--force")
    tree = run(folder, "write-tree").strip()
    run(folder, "update-ref", "refs/heads/main", commit_tree(folder, tree, message))


def commit_tree(folder: Path, tree: str, message: str, *parents: str) -> str:
    """The name of a new commit of *tree*, which its message names."""
    blank = "" if "\n\n" in message else "\n"
    behind = [word for parent in parents for word in ("-p", parent)]
    return run(folder, *identity(folder), "commit-tree", tree, *behind, "-m", f"{message}{blank}\n{_TREE}{tree}").strip()


def has_its_tree(message: str, tree: str) -> bool:
    """Whether *message* was written for a commit of *tree*."""
    return re.search(rf"^{_TREE}{tree}$", message, re.M) is not None


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip()[-2000:] or f"exit status {done.returncode}"
