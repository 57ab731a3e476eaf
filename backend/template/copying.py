# SPDX-License-Identifier: MIT
"""A project out of our own sources: those that go along, without the wings that are not wanted, under another name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from . import marks, rendering, repository
from .names import OWN, Names

#: What is about triton-graft itself, and the wings that work on other projects.
_OURS = ("README.md", "docs/your-backend.md", "docs/conformance.md", "test/unit/project/test_docs.py", "tools/")
_FOR_OTHERS = frozenset({"template", "conformance"})
#: The same of a wing that is left out, besides its folder and its tests.
_OF_WINGS = {
    "cache": ("docs/cache.md",),
    "launch": ("docs/launcher.md",),
    "bundle": ("docs/bundles.md", "docs/bundle-format.md"),
    "tools": ("docs/explain.md", "docs/bisect.md"),
}
#: The launcher is built for these wings; what stands here goes with the last of them.
_LAUNCHING = frozenset({"launch", "runtime"})
_OF_THE_LAUNCHER = (
    "lib/Launcher/", "test/stub_cuda/", "test/unit/stub_cuda.py", "test/unit/project/test_stub_cuda.py", "cmake/Launcher.cmake",
)  # fmt: skip

_UNIT = PurePosixPath("test/unit")


def stands_on(sources: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """The table of wings in *sources*, as `wings.STANDS_ON` has it."""
    for node in ast.parse(sources["backend/wings.py"]).body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "STANDS_ON"
            and node.value
        ):
            return ast.literal_eval(node.value)
    raise ValueError("backend/wings.py has no table STANDS_ON")


def wings(sources: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """The wings that a project can have, each with those that it stands on."""
    return {wing: below for wing, below in stands_on(sources).items() if wing not in _FOR_OTHERS}


def with_dependents(removed: frozenset[str], table: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """*removed* and all wings that stand on one of them."""
    while more := {wing for wing, below in table.items() if removed & set(below)} - removed:
        removed |= more
    return removed


def forms(names: Names) -> list[tuple[str, str]]:
    """Each form of our name with that of *names*, in the order in which they are replaced."""
    return [
        (f"triton-{OWN.kebab}", f"triton-{names.kebab}"),
        # What mlir-tblgen makes of the name of a pass's class.
        (f"GEN_PASS_DEF_{OWN.camel.upper()}", f"GEN_PASS_DEF_{names.camel.upper()}"),
        (OWN.lower, names.lower),
        (OWN.camel, names.camel),
        (OWN.upper, names.upper),
    ]


def renamed(files: Mapping[str, bytes], names: Names) -> dict[str, bytes]:
    """*files* in which our name, in all its forms, is that of *names*, in paths and contents."""
    replaced = forms(names)

    def other(text: str) -> str:
        for own, new in replaced:
            text = text.replace(own, new)
        return text

    return {other(path): other(content.decode()).encode() for path, content in files.items()}


def project(names: Names, removed: frozenset[str]) -> dict[str, bytes]:
    """The files of a backend for CUDA devices: the core, and the wings that are not *removed*."""
    sources = repository.sources()
    removed |= _FOR_OTHERS
    files = _without(sources, removed)
    kept = [wing for wing in stands_on(sources) if wing not in removed]
    files = marks.render(files, kept)
    for table in ("backend/wings.py", "pyproject.toml"):
        files[table] = _without_rows(files[table], removed)
    files["pyproject.toml"] = files["pyproject.toml"].replace(b', "tools"]', b"]")  # the folder, where mypy looks
    options = _options(sources["README.md"], kept)
    own = rendering.render(repository.templates("cuda"), names, wings=kept, options=options, origin=repository.version())
    return renamed(files, names) | own


def _without(sources: Mapping[str, bytes], removed: frozenset[str]) -> dict[str, bytes]:
    gone = [*_OURS]
    for wing in removed:
        gone += [f"backend/{wing}/", f"test/unit/{wing}/", *_OF_WINGS.get(wing, ())]
    if removed >= _LAUNCHING:
        gone += _OF_THE_LAUNCHER
    files = {path: content for path, content in sources.items() if not path.startswith(tuple(gone))}
    return _with_what_tests_need(files, removed)


def _without_rows(content: bytes, removed: frozenset[str]) -> bytes:
    """*content* without the lines of the wings *removed* in the table of wings, and in that of the layers of imports."""
    text = content.decode()
    for wing in removed:
        text = re.sub(rf'^    "{wing}": \(.*\),\n', "", text, flags=re.M)
        text = re.sub(rf'^(  "[a-z_| ]*?)(?:\b{wing} \| | \| {wing}\b)', r"\1", text, flags=re.M)
        text = re.sub(rf'^  "{wing}",\n', "", text, flags=re.M)
    return text.encode()


def _with_what_tests_need(files: dict[str, bytes], removed: frozenset[str]) -> dict[str, bytes]:
    """*files* without the tests that import what is not there, and without what no test is left for."""
    tests = {path for path in files if path.startswith("test/") and path.endswith(".py")}
    imports = {path: _imported(files[path]) for path in tests}
    package = f"triton.backends.{OWN.lower}."
    missing = {f"{package}{wing}" for wing in removed}

    def lacks(path: str) -> bool:
        return any(name in missing or name.startswith(tuple(f"{module}." for module in missing)) for name in imports[path])

    while dropped := [path for path in imports if lacks(path)]:
        for path in dropped:
            del imports[path]
            missing.add(PurePosixPath(path).stem)
    helpers = {path for path in imports if PurePosixPath(path).parent == _UNIT and not path.endswith("conftest.py")}
    used = {path for path in imports if path not in helpers}
    while more := {path for path in helpers - used if any(_names(files[user], PurePosixPath(path).stem) for user in used)}:
        used |= more
    return {path: content for path, content in files.items() if path not in tests or path in used}


def _names(content: bytes, module: str) -> bool:
    """Whether *content* has the name of *module*, be it in the text of a program."""
    return re.search(rf"\b{module}\b", content.decode()) is not None


def _imported(content: bytes) -> set[str]:
    """The modules that a file imports when it is imported, and what it takes from them."""
    found: set[str] = set()
    for node in ast.parse(content).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _options(readme: bytes, kept: list[str]) -> str:
    """The table of options in *readme*, our own; `make docs` writes it anew."""
    table = re.search(r"^\| option \|.*?\n\n", readme.decode(), re.M | re.S)
    if table is None:
        raise ValueError("README.md has no table of options")
    rows = table.group().strip().splitlines()
    return "\n".join(row for row in rows if "guard" in kept or not row.startswith("| `skip_passes`"))
