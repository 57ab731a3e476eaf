# SPDX-License-Identifier: MIT
"""Writes the header that stamps a digest of the sources into what is built from them.

The digest is over relative names and contents, so it is the same in any folder and on any machine, and covers changes that
nobody has committed. `GRAFT_SOURCE_DIGEST` is that of our passes. `GRAFT_TRITON_SOURCE_DIGEST` is that of a whole Triton with
every plugin in it (`--triton`); it is empty if the LLVM it is built with is not the one that Triton pins, for then the
sources do not say what was built.

A file with the names of all that was read, for the build tool, makes it run again when one of them changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: What our passes are made of: their sources, the entry points and the files that decide how they are compiled.
PASS_SOURCES = (
    "CMakeLists.txt", "cmake/Ask.cmake", "cmake/SourceDigest.cmake", "cmake/Wheel.cmake", "cmake/find_triton.py",
    "cmake/source_digest.py", "cmake/toolchain.py", "include/graft", "lib", "python/src",
)  # fmt: skip

#: What of these they are not made of.
LAUNCHER = re.compile(r"lib/Launcher")

#: What libtriton.so is made of. The pin of LLVM is a file in `cmake`.
TRITON_SOURCES = ("CMakeLists.txt", "cmake", "include", "lib", "python/src", "third_party")

#: The Python half of Triton's own backends, and what its build fetches for it: libtriton.so is not made of them.
PYTHON_HALF = re.compile(r"third_party/[^/]+/(backend|language)")

#: Folders of a plugin that hold results.
RESULTS = re.compile(r"build|dist|.*\.egg-info")

#: Names that are no sources anywhere: hidden files, Python's bytecode, editors' backups.
IGNORED = re.compile(r"\..*|__pycache__|.*\.(pyc|pyo|so|o|a)|.*~|#.*#")


class Sources:
    """The files under some folders, by a name that is the same wherever the folders are."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        self.folders: list[Path] = []

    def add(self, root: Path, names: Iterable[str], label: str, skipped: re.Pattern[str] | None = None) -> None:
        """Adds the files and folders *names* of *root* as `<label>/<name>`, but for what *skipped* matches.

        Raises `OSError` if one of them is missing.
        """
        for name in names:
            path = root / name
            if path.is_dir():
                for inner in self._walk(path, name, skipped, ()):
                    self.files[f"{label}/{inner}"] = root / inner
            else:
                path.stat()
                self.files[f"{label}/{name}"] = path

    def _walk(self, folder: Path, name: str, skipped: re.Pattern[str] | None, links: tuple[str, ...]) -> Iterator[str]:
        self.folders.append(folder)
        for path in folder.iterdir():
            inner = path.name if name == "." else f"{name}/{path.name}"
            if IGNORED.fullmatch(path.name) or (skipped and skipped.fullmatch(inner)) or not path.exists():
                continue
            if not path.is_dir():
                yield inner
            elif not path.is_symlink():
                yield from self._walk(path, inner, skipped, links)
            elif (target := os.path.realpath(path)) not in links:  # a link upwards would never end
                yield from self._walk(path, inner, skipped, (*links, target))

    def digest(self, settings: Iterable[str] = ()) -> str:
        """The SHA-256 over *settings* and, sorted by name, each file's name and content."""
        whole = hashlib.sha256()
        for setting in settings:
            whole.update(f"{setting}\n".encode())
        for name in sorted(self.files):
            content = hashlib.sha256(self.files[name].read_bytes()).hexdigest()
            whole.update(f"{name}\0{content}\n".encode(errors="surrogateescape"))
        return whole.hexdigest()


def pass_sources(root: Path = ROOT) -> Sources:
    """What our passes are made of. Raises `OSError` if something is missing."""
    sources = Sources()
    sources.add(root, PASS_SOURCES, "graft", LAUNCHER)
    return sources


def triton_sources(triton: Path, plugins: Iterable[Path], root: Path = ROOT) -> Sources:
    """What a libtriton.so with *plugins* in it is made of; of ours, at *root*, only the passes. Raises `OSError`."""
    sources = Sources()
    sources.add(triton, (name for name in TRITON_SOURCES if (triton / name).exists()), "triton", PYTHON_HALF)
    for plugin in plugins:
        if plugin.resolve() == root.resolve():
            sources.add(root, PASS_SOURCES, "graft", LAUNCHER)
        else:
            name = (plugin / "backend" / "name.conf").read_text().strip()
            sources.add(plugin, ["."], f"plugin/{name}", RESULTS)
    return sources


def has_pinned_llvm(triton: Path, library: Path) -> bool:
    """Whether *library*, the folder of LLVM's libraries, is in the package that Triton's own build fetches.

    Such a package is called `llvm-<start of the commit>-<system>`, and a file in it says where it came from.
    """
    info, plain = triton / "cmake" / "llvm-info.json", triton / "cmake" / "llvm-hash.txt"
    if info.is_file():
        pin = json.loads(info.read_text())["llvm_hash"]
    elif plain.is_file():
        pin = plain.read_text().strip()
    else:
        return False
    package = library.resolve().parent
    origin = package / "version.txt"
    return package.name.startswith(f"llvm-{pin[:8]}-") and origin.is_file() and package.name in origin.read_text()


def header(passes: str, triton: str) -> str:
    """The text of the header."""
    return (
        "// Written by cmake/source_digest.py.\n"
        "#ifndef GRAFT_SOURCE_DIGEST_H\n#define GRAFT_SOURCE_DIGEST_H\n\n"
        f'#define GRAFT_SOURCE_DIGEST "{passes}"\n#define GRAFT_TRITON_SOURCE_DIGEST "{triton}"\n\n'
        "#endif // GRAFT_SOURCE_DIGEST_H\n"
    )


def depfile(target: str, sources: Iterable[Sources]) -> str:
    """The rule that *target* depends on every file, and on every folder because of files that come and go."""
    paths = {str(path) for part in sources for path in (*part.files.values(), *part.folders)}
    escaped = (re.sub(r"([ #\\])", r"\\\1", os.path.abspath(path)).replace("$", "$$") for path in sorted(paths))
    return f"{target}: " + " \\\n  ".join(escaped) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="the header to write")
    parser.add_argument("--depfile", type=Path, help="the list of what was read, for the build tool")
    parser.add_argument("--triton", type=Path, help="the sources of the Triton that this is built into")
    parser.add_argument("--llvm", type=Path, help="the folder of LLVM's libraries")
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="a plugin's folder, ours among them")
    parser.add_argument("--setting", action="append", default=[], help="a setting of the build, key=value")
    args = parser.parse_args()
    try:
        passes, whole = pass_sources(), Sources()
        digest = ""
        if args.triton:
            whole = triton_sources(args.triton, args.plugin)
            if args.llvm and has_pinned_llvm(args.triton, args.llvm):
                digest = whole.digest(args.setting)
        text = header(passes.digest(), digest)
    except (OSError, ValueError, KeyError) as error:
        print(f"source_digest: {error}", file=sys.stderr)
        return 1
    if not args.output.is_file() or args.output.read_text() != text:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)
    if args.depfile:
        args.depfile.write_text(depfile(str(args.output), (passes, whole)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
