# SPDX-License-Identifier: MIT
"""What is known of a checkout of Triton, and whether it fits what is installed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import triton

from ..errors import OptionError

#: Where Triton has its tests.
TESTS = "python/test"


@dataclass(frozen=True)
class Checkout:
    """A folder with Triton's sources, at *version* and *commit*, which are empty where they are not known."""

    path: Path
    version: str
    commit: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.version or "of no known version", self.commit)))

    def warnings(self) -> list[str]:
        """In what it does not fit the Triton that is installed."""
        if _release(self.version) == _release(triton.__version__):
            return []
        what = f"is of Triton {self.version}" if self.version else "does not say of which Triton it is"
        return [f"the checkout {what}, and {triton.__version__} is installed: tests of what is not in both fail on both sides"]

    def tests(self, given: Sequence[str]) -> tuple[str, ...]:
        """The tests *given*, by their paths in the checkout. Raises `OptionError` for a path that is not in there."""
        return tuple(self._test(text) for text in given) or (TESTS,)

    def _test(self, text: str) -> str:
        path, colons, name = text.partition("::")
        found = (self.path / path).resolve()
        if not found.exists() or not found.is_relative_to(self.path):
            expected = f"a path in {self.path}, such as {TESTS}/unit/runtime, or the id of a test, path::name"
            raise OptionError("--tests", text, expected)
        return f"{found.relative_to(self.path).as_posix()}{colons}{name}"


def parse(given: str) -> Checkout:
    """The checkout in the folder *given*. Raises `OptionError` if none is there."""
    path = Path(given).resolve()
    if not (path / TESTS).is_dir():
        raise OptionError("CHECKOUT", given, f"the folder of a checkout of Triton, with its tests in {TESTS}")
    return Checkout(path, _version(path), _commit(path))


def _version(path: Path) -> str:
    try:
        text = (path / "python" / "triton" / "__init__.py").read_text()
    except OSError:
        return ""
    found = re.search(r"^__version__ = ['\"](.+)['\"]", text, re.M)
    return found[1] if found else ""


def _commit(path: Path) -> str:
    if not (path / ".git").exists():
        return ""
    try:
        done = subprocess.run(["git", "-C", path, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()


def _release(version: str) -> list[str]:
    return version.split(".")[:2]
