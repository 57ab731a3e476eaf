# SPDX-License-Identifier: MIT
"""How a function or method of Triton's is replaced, and put back, for the hooks of wings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any


def replace_everywhere(module: Any, name: str, parameters: str, make: Callable[[Any], Any]) -> Callable[[], None] | None:
    """Puts what *make* makes of *name* of *module* in its place, also where others have imported it under that name.

    Returns None if it does not have the *parameters* that it has in Triton 3.9.
    """
    original = vars(module).get(name)
    if original is None or " ".join(inspect.signature(original).parameters) != parameters:
        return None
    ours = make(original)
    _swap(name, original, ours)
    return lambda: _swap(name, ours, original)


def replace_method(cls: Any, name: str, parameters: str, make: Callable[[Any], Any]) -> Callable[[], None] | None:
    """Puts what *make* makes of the method *name* in its place in *cls*; None if it does not have the *parameters* of Triton 3.9."""
    original = vars(cls).get(name)
    if original is None or " ".join(inspect.signature(original).parameters) != parameters:
        return None
    ours = make(original)
    setattr(cls, name, ours)

    def undo() -> None:
        if vars(cls).get(name) is ours:
            setattr(cls, name, original)

    return undo


def _swap(name: str, old: Any, new: Any) -> None:
    """Puts *new* where modules other than ours have *old* by *name*."""
    for module_name, module in list(sys.modules.items()):
        if getattr(module, "__dict__", {}).get(name) is old and not module_name.startswith(__package__):
            setattr(module, name, new)
