# SPDX-License-Identifier: MIT
"""Every error and warning of the backend. Messages say what was given, what is allowed and what to do.

The classes of a wing stand in its `errors.py`, and can be imported from here as well.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class GraftError(Exception):
    """Base of all errors that triton-graft raises itself."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """What a message that refuses *name* says in the end: which other one of *names* is near it; empty if none is."""
    import difflib

    return "".join(f"; did you mean {near}?" for near in difflib.get_close_matches(name, names, 1) if near != name)


class OptionError(GraftError, ValueError):
    """A kernel option or environment variable has a name or value that is not allowed."""

    def __init__(self, name: str, value: object, expected: str):
        super().__init__(f"{name}={value!r}: expected {expected}")
        self.name, self.value, self.expected = name, value, expected

    def __reduce__(self) -> tuple:
        """For `copy` and `pickle`, as between processes."""
        return type(self), (self.name, self.value, self.expected)


class NoDeviceError(GraftError, RuntimeError):
    """There is no CUDA device to launch on, and no target was named to compile for."""


class CompileOnlyError(GraftError, RuntimeError):
    """A driver that only compiles was asked for something that needs a CUDA device."""


class UnregisteredError(GraftError, RuntimeError):
    """A driver of this backend was to be made active, but Triton has not found the backend."""


class PassLibraryError(GraftError, RuntimeError):
    """The pass library cannot be used, or does not have a pass of this name."""


class GraftWarning(RuntimeWarning):
    """The backend works, but a part of it does not. Given once per cause and process."""


def __getattr__(name: str) -> Any:
    """The error *name* of a wing that is there."""
    if not name.startswith("_"):
        for path in sorted(Path(__file__).parent.glob("*/errors.py")):
            found = vars(importlib.import_module(f".{path.parent.name}.errors", __package__))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
