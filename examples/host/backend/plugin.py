# SPDX-License-Identifier: MIT
"""The one door to the C++ passes, whichever way they were built.

A source build has them inside libtriton as `triton._C.libtriton.host`; beside the released wheel they are a shared library in
this folder, loaded when it is first needed.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from triton._C import libtriton

from .errors import PassLibraryError, UnsupportedError
from .library import check_library

LIBRARY = Path(__file__).parent / "libhost_passes.so"

_lock = threading.Lock()


class _Door(NamedTuple):
    add: Callable[[Any, list[str]], None]
    machine: str


@functools.cache
def _load() -> _Door:
    """What Triton gives for the library, and what the library says of the CPU."""
    if built_in := getattr(libtriton, "host", None):
        return _Door(built_in.add_host, built_in.machine())
    check_library(LIBRARY)
    plugin = libtriton.passes.plugin
    plugin.extend_with(str(LIBRARY))
    machine = ctypes.CDLL(str(LIBRARY)).hostMachine
    machine.restype = ctypes.c_char_p
    return _Door(plugin.add_host, machine().decode())


def _door() -> _Door:
    with _lock:
        return _load()


def machine() -> str:
    """LLVM's name of this CPU, a colon, and its features; include/host/Machine.h has the form."""
    return _door().machine


def add(pm: Any, pipeline: str) -> None:
    """Adds to *pm* passes in MLIR's textual form. Raises `PassLibraryError` if there is no library that fits, or no such pass."""
    try:
        _door().add(pm, [pipeline])
    except ValueError as error:
        raise PassLibraryError(f"cannot add {pipeline}: {error}") from None


def run(pm: Any, module: Any, stage: str) -> None:
    """Runs *pm*, made for *stage*, on *module*. Raises `UnsupportedError` with what the passes said, if one fails."""
    try:
        pm.run(module, stage)
    except RuntimeError as error:
        said: list[str] = []
        module.walk(lambda op: said.append(op.get_str_attr("host.error") or ""))
        raise UnsupportedError("\n".join(filter(None, said)) or f"{stage}: {error}") from None
