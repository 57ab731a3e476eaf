# SPDX-License-Identifier: MIT
"""The one door to the C++ passes, whichever way they were built.

A source build has them inside libtriton as `triton._C.libtriton.graft`; beside the released wheel they are a shared
library in this folder, loaded when the first pass is asked for. Both offer `add_graft(pm, [pipeline])`.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from triton._C import libtriton

from .errors import GraftWarning, PassLibraryError
from .forks import ForkedLock
from .library import check_library
from .settings import NAME

LIBRARY = Path(__file__).parent / f"lib{NAME}_passes.so"


_lock = ForkedLock(threading.Lock)


@functools.cache
def _load() -> Callable[[Any, list[str]], None] | None:
    """`add_graft` of the source build or of the library; None, after one warning, if there is neither."""
    if built_in := getattr(libtriton, NAME, None):
        return built_in.add_graft
    try:
        check_library(LIBRARY)
    except PassLibraryError as error:
        warnings.warn(f"triton-graft compiles without its own passes: {error}", GraftWarning, stacklevel=4)
        return None
    plugin = libtriton.passes.plugin
    plugin.extend_with(str(LIBRARY))
    return plugin.add_graft


def available() -> bool:
    """Whether our passes can be used. Warns, the first time, if they cannot."""
    with _lock:
        return _load() is not None


def failed() -> bool:
    """Whether the passes were asked for and cannot be used. Loads nothing."""
    return _load.cache_info().currsize == 1 and _load() is None


@functools.cache
def package_digest() -> str:
    """A digest of all files of this package by name and content, the pass library among them: 64 hexadecimal digits."""
    whole, package = hashlib.sha256(), Path(__file__).parent
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".so"):
            whole.update(f"{path.relative_to(package)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def add(pm: Any, name: str, **options: int | bool | tuple[int, ...]) -> bool:
    """Adds pass *name* with *options* to the pass manager *pm*: `add(pm, "graft-some-pass", max_ops=256)`.

    Returns False, and leaves *pm* alone, if there is no pass library. Raises `PassLibraryError` if the library does not
    know the pass or an option.
    """
    return add_text(pm, text(name, **options))


def text(name: str, **options: int | bool | tuple[int, ...]) -> str:
    """Pass *name* with *options* in MLIR's textual form."""
    settings = " ".join(f"{key.replace('_', '-')}={_value(value)}" for key, value in options.items())
    return f"{name}{{{settings}}}" if settings else name


def add_text(pm: Any, pipeline: str) -> bool:
    """The same for passes in MLIR's textual form, such as `graft-some-pass{max-ops=256}`."""
    if not available():
        return False
    try:
        _load()(pm, [pipeline])  # type: ignore[misc]
    except ValueError as error:
        raise PassLibraryError(f"cannot add {pipeline}: {error}") from None
    return True


def _value(value: int | bool | tuple[int, ...]) -> str:
    """*value* as MLIR's pipeline syntax writes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
