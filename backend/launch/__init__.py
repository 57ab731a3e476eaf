# SPDX-License-Identifier: MIT
"""The launcher: `kernel[grid](...)` as native code, and what it needs of Python. docs/launcher.md is the manual.

A name is imported when it is asked for: `import triton` comes by here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .freezing import freeze
    from .launcher import format_stats, print_stats_at_exit, stats

#: Where each name is.
_MODULES = {"freezing": ("freeze",), "launcher": ("format_stats", "print_stats_at_exit", "stats")}


def __getattr__(name: str) -> object:
    from ..runtime import lazy

    return lazy.find(__name__, _MODULES, name)


__all__ = ["format_stats", "freeze", "print_stats_at_exit", "stats"]
