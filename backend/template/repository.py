# SPDX-License-Identifier: MIT
"""The files that new projects are made of: our own, from the sources or from the archive that a wheel has."""

from __future__ import annotations

import functools
import re
import tarfile
from pathlib import Path

from .errors import TemplateError

#: What the wheel has the sources in; `setup.py` writes it.
ARCHIVE = Path(__file__).parent / "sources.tar.xz"

#: What belongs to the sources: these files and folders, and in folders what has such a suffix, or one of these names.
_ENTRIES = (
    ".ci", ".clang-format", ".codespell-words.txt", ".gitignore", ".pre-commit-config.yaml", "CMakeLists.txt", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
    "backend", "cmake", "docs", "include", "lib", "pyproject.toml", "python", "setup.py", "test",
)  # fmt: skip
_SUFFIXES = frozenset(
    ".c .cfg .cmake .conf .cpp .css .h .jinja .js .json .map .md .mlir .py .pyi .td .toml .txt".split()  # noqa: SIM905
)
_NAMES = frozenset({"run"})


@functools.cache
def sources() -> dict[str, bytes]:
    """Our sources: paths, with `/`, and contents. Raises `TemplateError` if this installation has none."""
    checkout = Path(__file__).parents[2]
    if (checkout / "CMakeLists.txt").is_file() and (checkout / "backend" / "name.conf").is_file():
        return {path.relative_to(checkout).as_posix(): path.read_bytes() for path in listed(checkout)}
    if not ARCHIVE.is_file():
        raise TemplateError(
            f"there are no sources to begin with: {ARCHIVE} is missing. Reinstall triton-graft, or run this in a checkout."
        )
    with tarfile.open(ARCHIVE) as archive:
        members = [member for member in archive if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]


def templates(name: str) -> dict[str, bytes]:
    """The templates in the folder *name* beside this file, by their paths in it."""
    folder = f"backend/template/{name}/"
    return {path.removeprefix(folder): content for path, content in sources().items() if path.startswith(folder)}


def version() -> str:
    """Our version."""
    found = re.search(rb'^__version__ = "(.*)"$', sources()["backend/__init__.py"], re.M)
    if found is None:
        raise TemplateError("backend/__init__.py of the sources has no version")
    return found.group(1).decode()


def listed(checkout: Path) -> list[Path]:
    """The files of the sources in *checkout*, in order."""
    found = []
    for entry in map(checkout.joinpath, _ENTRIES):
        found += [entry] if entry.is_file() else [path for path in entry.rglob("*") if _belongs(path, checkout)]
    return sorted(found)


def _belongs(path: Path, checkout: Path) -> bool:
    inner = path.relative_to(checkout).parts
    hidden = any(part.startswith((".", "__pycache__")) and part != ".ci" for part in inner) or "Output" in inner
    return path.is_file() and not hidden and (path.suffix in _SUFFIXES or path.name in _NAMES)
