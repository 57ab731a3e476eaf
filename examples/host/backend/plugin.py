# SPDX-License-Identifier: MIT
"""The one door to the C++ passes, whichever way they were built.

A source build has them inside libtriton as `triton._C.libtriton.host`; beside the released wheel they are a shared library in
this folder, loaded when it is first needed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from triton._C import libtriton

from .errors import PassLibraryError
from .library import check_library

LIBRARY = Path(__file__).parent / "libhost_passes.so"

_lock = threading.Lock()


@functools.cache
def _load() -> Callable[[Any, list[str]], None]:
    """What Triton gives for the library."""
    if built_in := getattr(libtriton, "host", None):
        return built_in.add_host
    check_library(LIBRARY)
    plugin = libtriton.passes.plugin
    plugin.extend_with(str(LIBRARY))
    return plugin.add_host


def add(pm: Any, pipeline: str) -> None:
    """Adds to *pm* passes in MLIR's textual form. Raises `PassLibraryError` if there is no library that fits, or no such pass."""
    with _lock:
        door = _load()
    try:
        door(pm, [pipeline])
    except ValueError as error:
        raise PassLibraryError(f"cannot add {pipeline}: {error}") from None
