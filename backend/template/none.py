# SPDX-License-Identifier: MIT
"""The files of a new backend for a chip that is not NVIDIA's: compiler and driver of its own, passes built as ours are."""

from __future__ import annotations

from typing import Literal

from . import marks, repository
from .names import Names, renamed
from .rendering import render

#: What such a project takes over from this repository, with the name changed: how passes are built and checked, and what Triton must
#: find under a version that we do not know. All else is in the folder `none`.
TAKEN_OVER = (
    ".clang-format", ".codespell-words.txt", ".gitignore", "backend/inert/compiler.py", "backend/inert/driver.py", "backend/library.py", "cmake/Ask.cmake",
    "cmake/Wheel.cmake", "cmake/abi_check.py", "cmake/abi_probe.cpp", "cmake/find_triton.py", "cmake/names.py", "cmake/toolchain.py", "cmake/traps.py",
    "docs/abi.md", "include/graft/Pipeline.h", "include/graft/Transforms/CMakeLists.txt", "include/graft/Transforms/Passes.h",
    "setup.py", "test/lit.cfg.py",
)  # fmt: skip


def project(names: Names, via: Literal["ttir", "ttgir"] = "ttir") -> dict[str, bytes]:
    """The files of the backend *names*, by their paths. Its own stage follows the stage *via*."""
    sources = repository.sources()
    taken = renamed(marks.render({path: sources[path] for path in TAKEN_OVER}, ()), names)
    return taken | render(repository.templates("none"), names, via=via, origin=repository.version())


def pass_like_ours(names: Names, camel: str, hyphened: str) -> dict[str, str]:
    """The files of another pass, which does what the one of such a project does."""
    templates = {path: content for path, content in repository.templates("none").items() if "DoubleToAdd" in path}
    changed = {}
    for path, content in render(templates, names).items():
        text = content.decode().replace("DOUBLETOADD", camel.upper())
        moved, text = (each.replace("DoubleToAdd", camel).replace("double-to-add", hyphened) for each in (path, text))
        changed[moved] = text
    return changed
