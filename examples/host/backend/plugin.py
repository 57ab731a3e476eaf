# SPDX-License-Identifier: MIT
"""The one door to the C++ passes and to the dialect, whichever way they were built.

A source build has them inside libtriton as `triton._C.libtriton.host`; beside the released wheel they are a shared library in
this folder, loaded when it is first needed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from triton._C import libtriton

from .errors import PassLibraryError
from .library import check_library

LIBRARY = Path(__file__).parent / "libhost_passes.so"

_lock = threading.Lock()


class _Door(NamedTuple):
    add: Callable[[Any, list[str]], None]
    load_dialects: Callable[[Any], None]


@functools.cache
def _load() -> _Door:
    """What Triton gives for the library. From here on, every new context knows its dialect as well."""
    if built_in := getattr(libtriton, "host", None):
        return _Door(built_in.add_host, built_in.load_dialects)
    check_library(LIBRARY)
    plugin = libtriton.passes.plugin
    plugin.extend_with(str(LIBRARY))
    libtriton.ir.extend_dialects_with(str(LIBRARY))
    return _Door(plugin.add_host, libtriton.ir.load_dialects)


def _door() -> _Door:
    with _lock:
        return _load()


def load_dialects(context: Any) -> None:
    """Makes *context* know the dialect. Raises `PassLibraryError` if there is no library that fits."""
    _door().load_dialects(context)


def add(pm: Any, pipeline: str) -> None:
    """Adds to *pm* passes in MLIR's textual form: `host-double-to-add`. Raises `PassLibraryError` for one that there is not."""
    try:
        _door().add(pm, [pipeline])
    except ValueError as error:
        raise PassLibraryError(f"cannot add {pipeline}: {error}") from None


def listing(module: Any) -> str:
    """What `host-emit-listing` has left on *module*."""
    found = []
    module.walk(lambda op: found.append(op.get_str_attr("host.listing")) if op.get_name() == "builtin.module" else None)
    return found[-1]
