# SPDX-License-Identifier: MIT
"""The list of differences that are allowed, each with its reason: a TOML file of lines `"id or glob" = "reason"`."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError

_FLAG = "--allow"


@dataclass(frozen=True)
class Allowance:
    """The tests that *entry* names may differ, for *reason*."""

    entry: str
    reason: str

    def covers(self, test: str) -> bool:
        """Whether *test* is what the entry names or lies in it, as a test lies in its file, or a parametrization in its test."""
        if any(char in self.entry for char in "*?"):
            return re.fullmatch(_expression(self.entry), test) is not None
        return test == self.entry or test.startswith((f"{self.entry}::", f"{self.entry}[", f"{self.entry.rstrip('/')}/"))


def _expression(glob: str) -> str:
    """*glob* as a regular expression. Brackets stand for themselves, since ids have them around parameters."""
    return fnmatch.translate(glob.replace("[", "[[]"))


def read(path: str) -> list[Allowance]:
    """The allowances in the file *path*, in its order. Raises `OptionError` for a file that is not as it should be."""
    try:
        found = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise OptionError(_FLAG, path, f'a TOML file of lines "id or glob" = "reason" ({error})') from None
    return [_allowance(entry, reason) for entry, reason in found.items()]


def _allowance(entry: str, reason: object) -> Allowance:
    if isinstance(reason, Mapping):
        raise OptionError(_FLAG, entry, "an id or glob in quotes, and no tables")
    if not isinstance(reason, str) or not reason.strip():
        raise OptionError(_FLAG, entry, f"a reason in quotes for it, not {reason!r}")
    return Allowance(entry, reason.strip())
