# SPDX-License-Identifier: MIT
"""Checks that all that carries the backend's name agrees with backend/name.conf, before anything is built.

Where they disagree, Triton would find the libraries under one name and the Python files under another, and fail to import. setup.py
takes the name from there; what follows cannot.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class NamesError(Exception):
    """A file names the backend otherwise than backend/name.conf; says which line to mend."""


class Rule(NamedTuple):
    """In *file*, all that *pattern* finds is *expected*, and there is one at least."""

    file: str
    pattern: str
    expected: str


def rules(name: str) -> tuple[Rule, ...]:
    """What has to be so where the backend is called *name*."""
    package = f"triton.backends.{name}"
    entry_points = r'^\[project\.entry-points\."triton\.backends"\]\n(.*)$'
    return (
        Rule("pyproject.toml", entry_points, f'{name} = "{package}"'),
        Rule("pyproject.toml", r'"(triton\.backends\.\w+)\.', package),
        Rule("CMakeLists.txt", r"\b(\w+\.cpp) LINK_LIBS \w+ nanobind-static", f"triton_{name}.cpp"),
        Rule(f"python/src/triton_{name}.cpp", r"\bvoid (init_triton_\w+)\(", f"init_triton_{name}"),
        Rule(f"python/src/triton_{name}.cpp", r'm\.def\("(add_\w+)"', f"add_{name}"),
        Rule("python/src/plugin.cpp", r'\{"(\w+)",\s+\w+_VERSION,\s+addPass', name),
        Rule("python/src/plugin.cpp", r'TRITON_PLUGIN_API_VERSION,\s+"(\w+)"', name),
        Rule("backend/plugin.py", r"\b(?:built_in|plugin)\.(add_\w+)", f"add_{name}"),
        Rule("cmake/Wheel.cmake", r"add_\w+_module\((\w+_passes) ", f"{name}_passes"),
    )


def read_name(root: Path = ROOT) -> str:
    """The name in backend/name.conf. Raises `NamesError` if there is none that Python can take."""
    path = root / "backend" / "name.conf"
    name = path.read_text().strip() if path.is_file() else ""
    if not name.isidentifier():
        raise NamesError(f"backend/name.conf holds {name!r}: expected the backend's name, one word that Python can import")
    return name


def check(root: Path = ROOT) -> str:
    """The backend's name. Raises `NamesError` at the first line that has another one."""
    name = read_name(root)
    for rule in rules(name):
        path = root / rule.file
        if not path.is_file():
            raise NamesError(
                f"backend/name.conf says {name}, so there has to be a file {rule.file}: rename the one that stands in for it"
            )
        text = path.read_text()
        found = list(re.finditer(rule.pattern, text, re.M))
        if not found:
            raise NamesError(f"{rule.file} has no line with `{rule.expected}`; backend/name.conf says {name}")
        for match in found:
            if match.group(1) != rule.expected:
                line = text.count("\n", 0, match.start(1)) + 1
                raise NamesError(
                    f"{rule.file}:{line} says `{match.group(1)}`, and backend/name.conf says {name}: write `{rule.expected}` there, or "
                    "the other name in backend/name.conf"
                )
    return name


def main() -> int:
    try:
        print(f"name={check()}")
    except NamesError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
