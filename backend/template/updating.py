# SPDX-License-Identifier: MIT
"""Brings a project up to what `graft new` makes now, by a merge.

The commit that began the project has what `graft new` made, and nothing else; so has each update's, whose parent is the one before it.
Merging one brings what has changed in the template since, and git says where that meets what the project's people have changed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import git, recipe, writing
from .errors import TemplateError
from .recipe import Recipe


def update(root: Path, name: str) -> list[str]:
    """Merges what is new into the project *name* in *root*, a git repository; returns the files with conflicts.

    Raises `TemplateError` if there is nothing new, if something is not committed, or if no commit says how the project was made.
    """
    _check_state(root)
    base, made = _find_base(root, name)
    tree = _write_tree(root, made.files())
    if tree == git.run(root, "rev-parse", f"{base}^{{tree}}").strip():
        raise TemplateError(f"{root} is up to date: the template has not changed since its last update")
    message = made.message("Update to")
    commit = git.commit_tree(root, tree, message, base)
    merge = ("-c", "commit.gpgsign=false", "merge", "--no-ff", "--no-verify", "--quiet", f"--message={message.splitlines()[0]}")
    done = git.attempt(root, *git.identity(root), *merge, commit)
    conflicts = git.run(root, "diff", "--name-only", "--diff-filter=U").splitlines()
    if done.returncode != 0 and not conflicts:
        git.attempt(root, "merge", "--abort")
        raise TemplateError(f"git cannot merge {commit}: {(done.stdout + done.stderr).strip()}")
    return conflicts


def _check_state(root: Path) -> None:
    """Raises `TemplateError` unless *root* is a repository of its own with nothing to commit."""
    top = git.run(root, "rev-parse", "--show-toplevel").strip()
    if Path(top).resolve() != root.resolve():
        raise TemplateError(
            f"{root} is a folder of the repository {top}; to be updated, a project has to have a repository of its own"
        )
    if git.attempt(root, "rev-parse", "--quiet", "--verify", "MERGE_HEAD").returncode == 0:
        raise TemplateError(
            f"{root} is in the middle of a merge; finish it with `git commit`, or end it with `git merge --abort`"
        )
    if changed := git.run(root, "status", "--porcelain").splitlines():
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise TemplateError(f"{root} has changes that are not committed ({changed[0].strip()}{more}); commit or remove them")


def _find_base(root: Path, name: str) -> tuple[str, Recipe]:
    """The last commit that is what the template made of the project *name*, and nothing else; and how it was made."""
    found = git.run(root, "log", "--topo-order", f"--grep={recipe.PATTERN}", "--format=%H %T").splitlines()
    for commit, tree in map(str.split, found):
        message = git.run(root, "show", "--no-patch", "--format=%B", commit)
        if git.has_its_tree(message, tree):
            made = recipe.read(message)
            if made.name == name:
                return commit, made
    raise TemplateError(
        f"no commit of {root} is what `graft new` or `graft update` made for {name}, and nothing else: its history may be incomplete "
        "(git fetch --unshallow), or may have been rewritten"
    )


def _write_tree(root: Path, files: dict[str, bytes]) -> str:
    """The name of a tree in git's store of *root* that has *files*, formatted."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, index = Path(scratch) / root.name, Path(scratch) / "index"
        writing.lay_out(folder, files)
        place = (f"--git-dir={git.run(root, 'rev-parse', '--absolute-git-dir').strip()}", f"--work-tree={folder}")
        git.run(folder, *place, "add", "--all", "--force", index=index)
        return git.run(folder, *place, "write-tree", index=index).strip()
