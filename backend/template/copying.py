# SPDX-License-Identifier: MIT
"""A project out of our own sources: those that go along, without the wings that are not wanted, under another name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Set
from pathlib import PurePosixPath

from ..errors import OptionError
from . import marks, parts, rendering, repository
from .names import OWN, Names, renamed

#: What is about triton-graft itself, and the wings that work on other projects.
_OURS = (
    "README.md",
    "docs/your-backend.md",
    "docs/conformance.md",
    "docs/_static/",
    "docs/architecture.md",
    "docs/command-line.md",
    "docs/conf.py",
    "docs/data/",
    "docs/extensions/",
    "docs/howto/",
    "docs/index.md",
    "docs/kernels.md",
    "docs/diagrams/",
    "docs/measured.md",
    "docs/pictures/",
    "docs/reference/",
    "docs/start.md",
    "examples/",
    "python/examples/gallery/",
    "test/gpu/test_pages_gpu.py",
    "test/unit/doc_pages.py",
    "test/unit/host/",
    "test/unit/project/test_docs.py",
    "test/unit/project/test_gallery.py",
    "test/unit/project/test_pages.py",
    "test/unit/project/test_pictures.py",
    "tools/",
)
_FOR_OTHERS = frozenset({"template", "conformance"})
#: The same of a wing that is left out, besides its folder and its tests.
_OF_WINGS = {
    "passes": (
        "lib/Analysis/",
        "include/graft/Analysis/",
        "test/unit/kernel_compiling.py",
        "test/gpu/test_swizzle_programs_gpu.py",
        "test/gpu/test_version_tiles_gpu.py",
        "test/gpu/test_random_kernels_gpu.py",
    ),
    "cache": ("docs/cache.md", "cmake/known_builds.py"),
    "launch": ("docs/launcher.md",),
    "bundle": ("docs/bundles.md", "docs/bundle-format.md"),
    "tools": ("docs/explain.md", "docs/bisect.md", "docs/command-line.md"),
}
#: The launcher is built for these wings; what stands here goes with the last of them.
_LAUNCHING = frozenset({"launch", "runtime"})
_OF_THE_LAUNCHER = (
    "lib/Launcher/", "test/stub_cuda/", "test/unit/stub_cuda.py", "test/unit/project/test_stub_cuda.py", "cmake/Launcher.cmake",
)  # fmt: skip

#: Of the passes, what every pass has. The rest goes with ours.
_OF_EVERY_PASS = frozenset({"CMakeLists.txt", "Passes.h", "Sites.cpp", "Sites.h"})
#: The modules of the core that Triton or a command begins with.
_ENTRIES = frozenset({"__init__", "compiler", "driver", "opt"})

#: Where each pass has a row.
_TABLES_OF_PASSES = ("cmake/pass_docs.py", "docs/passes.md")
#: The pass that a project without ours has, so that one sees what belongs to a pass.
SAMPLE = "double-to-add"

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


def project(names: Names, removed: frozenset[str]) -> dict[str, bytes]:
    """The files of a backend for CUDA devices: the core, and the wings that are not *removed*."""
    sources = repository.sources()
    removed |= _FOR_OTHERS
    files = _without(sources, removed)
    kept = [wing for wing in stands_on(sources) if wing not in removed]
    files = marks.render(files, kept)
    for table in ("backend/wings.py", "pyproject.toml"):
        files[table] = _without_rows(files[table], removed | (_core(sources) - _core(files)))
    if "passes" in removed:
        for table in _TABLES_OF_PASSES:
            files[table] = re.sub(rb"^\| \[graft-.*\n", b"", files[table], flags=re.M)
    files["pyproject.toml"] = files["pyproject.toml"].replace(b', "tools"]', b"]")  # the folder, where mypy looks
    options, switch = _options(sources, removed), SAMPLE.replace("-", "_") if "passes" in removed else "version_tiles"
    more = {"wings": kept, "options": options, "switch": switch, "origin": repository.version()}
    files = renamed(files, names) | rendering.render(repository.templates("cuda"), names, **more)
    files = files if "passes" in kept else _with_sample(files, names)
    _check_definitions(files, names)
    return files


def _check_definitions(files: Mapping[str, bytes], names: Names) -> None:
    """Raises `OptionError` if the name is one that a file defines for something else, such as a fixture of tests."""
    for path in (path for path in files if path.endswith(".py")):
        defined = [node.name for node in ast.parse(files[path]).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        if defined.count(names.lower) > 1:
            raise OptionError("NAME", names.lower, f"a name that {path} does not use already")


def _with_sample(files: Mapping[str, bytes], names: Names) -> dict[str, bytes]:
    """*files*, a project without passes, with one to begin with."""
    changes = parts.Changes(None, {path: content.decode() for path, content in files.items()})
    parts.add_pass(changes, names, SAMPLE)
    made = {path: text.encode() for path, text in changes.files.items()}
    (section,) = rendering.render(repository.templates("manual"), names, hyphened=SAMPLE).values()
    rows = re.findall(rb"^\| \[.*\n", made["cmake/pass_docs.py"], re.M)
    head = re.sub(rb"(?m)^(\|---\|---\|---\|\n)", lambda found: found.group() + b"".join(rows), made["docs/passes.md"], count=1)
    return made | {"docs/passes.md": head[: head.index(b"\n### `")] + b"\n" + section}


def _without(sources: Mapping[str, bytes], removed: frozenset[str]) -> dict[str, bytes]:
    gone = [*_OURS]
    for wing in removed:
        gone += [f"backend/{wing}/", f"test/unit/{wing}/", *_OF_WINGS.get(wing, ())]
    if removed >= _LAUNCHING:
        gone += _OF_THE_LAUNCHER
    if "passes" in removed:
        gone += _of_our_passes(sources)
    files = _without_idle({path: content for path, content in sources.items() if not path.startswith(tuple(gone))}, removed)
    missing = {PurePosixPath(path).stem for path in sources.keys() - files.keys() if path.startswith("test/")}
    missing |= {f"triton.backends.{OWN.lower}.{module}" for module in removed | (_core(sources) - _core(files))}
    return _with_what_tests_need(files, missing)


def _core(files: Mapping[str, bytes]) -> set[str]:
    """The modules of the core among *files*."""
    paths = map(PurePosixPath, files)
    return {path.stem for path in paths if path.parent.as_posix() == "backend" and path.suffix == ".py"}


def _without_idle(files: dict[str, bytes], removed: frozenset[str]) -> dict[str, bytes]:
    """*files* without the modules of the core that serve wings alone, and now none."""
    entries = _ENTRIES if "tools" in removed else _ENTRIES | {"__main__"}
    python = [path for path in files if path.startswith("backend/") and path.endswith(".py")]
    while True:
        used = {name for path in python for name in _siblings(files[path]) if f"backend/{name}.py" != path}
        idle = {f"backend/{name}.py" for name in _core(files) - entries - used}
        if not idle:
            return files
        files = {path: content for path, content in files.items() if path not in idle}
        python = [path for path in python if path not in idle]


def _siblings(content: bytes) -> set[str]:
    """The modules of the core that *content*, a module of the core or of a wing, imports, at any time."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module.partition(".")[0]} if node.module else {alias.name for alias in node.names}
    return found


def _of_our_passes(sources: Mapping[str, bytes]) -> list[str]:
    """The sources of our passes, and the lit tests that run one."""
    code = [path for path in sources if path.startswith(("lib/Transforms/", "include/graft/Transforms/"))]
    code = [path for path in code if PurePosixPath(path).name not in _OF_EVERY_PASS]
    flags = re.findall(r'Pass<"(graft-[a-z-]+)"', "".join(sources[path].decode() for path in code if path.endswith(".td")))
    runs = re.compile(rf"-(?:{'|'.join(flags)})\b".encode())
    return code + [path for path in sources if path.endswith(".mlir") and runs.search(sources[path])]


def _without_rows(content: bytes, removed: Set[str]) -> bytes:
    """*content* without what is *removed*, wings and modules of the core, in the tables of wings and of layers of imports."""
    text = content.decode()
    for wing in removed:
        text = re.sub(rf'"backend\.{wing}",[ ]?', "", text)
        text = re.sub(rf'^    "{wing}": \(.*\),\n', "", text, flags=re.M)
        text = re.sub(rf'^(  "[a-z_| ]*?)(?:\b{wing} \| | \| {wing}\b)', r"\1", text, flags=re.M)
        text = re.sub(rf'^  "{wing}",\n', "", text, flags=re.M)
    return text.encode()


def _with_what_tests_need(files: dict[str, bytes], missing: set[str]) -> dict[str, bytes]:
    """*files* without the tests that import what is *missing*, and without what no test is left for."""
    tests = {path for path in files if path.startswith("test/") and path.endswith(".py")}
    imports = {path: _imported(files[path]) for path in tests}

    def lacks(path: str) -> bool:
        return any(name in missing or name.startswith(tuple(f"{module}." for module in missing)) for name in imports[path])

    while dropped := [path for path in imports if lacks(path)]:
        for path in dropped:
            del imports[path]
            missing.add(PurePosixPath(path).stem)
    shared = {path for path in imports if PurePosixPath(path).parent == _UNIT and not path.endswith("conftest.py")}
    used = {path for path in imports if path not in shared}
    while more := {path for path in shared - used if any(_names(files[user], PurePosixPath(path).stem) for user in used)}:
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


def _options(sources: Mapping[str, bytes], removed: frozenset[str]) -> str:
    """Our table of options without those of the wings *removed*; `make docs` writes it anew."""
    table = re.search(r"^\| option \|.*?\n\n", sources["README.md"].decode(), re.M | re.S)
    if table is None:
        raise ValueError("README.md has no table of options")
    gone = {
        name for wing in removed for name in re.findall(rb'Option\(\s*"(\w+)"', sources.get(f"backend/{wing}/wing.py", b""))
    }
    rows = table.group().strip().splitlines()
    return "\n".join(row for row in rows if not row.startswith(tuple(f"| `{name.decode()}`" for name in gone)))
