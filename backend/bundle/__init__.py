# SPDX-License-Identifier: MIT
"""Bundles: the compiled kernels of a program in one file. docs/bundles.md is the manual, docs/bundle-format.md the format.

A name is imported when it is asked for: the command line lists its commands without what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loading import Loaded, Unpacked, load, unpack
    from .ranges import Pointer, expand, warmup
    from .recording import Recording, from_cache, record
    from .trace import replay

#: Where each name is.
_MODULES = {
    "loading": ("Loaded", "Unpacked", "load", "unpack"),
    "ranges": ("Pointer", "expand", "warmup"),
    "recording": ("Recording", "from_cache", "record"),
    "trace": ("replay",),
}


def __getattr__(name: str) -> object:
    from ..runtime import lazy

    return lazy.find(__name__, _MODULES, name)


__all__ = [
    "Loaded",
    "Pointer",
    "Recording",
    "Unpacked",
    "expand",
    "from_cache",
    "load",
    "record",
    "replay",
    "unpack",
    "warmup",
]
