# SPDX-License-Identifier: MIT
"""The environment variables. Each is read where it counts; a value that cannot be is one error that names the variable."""

from __future__ import annotations

import os

from .errors import SettingError


def threads() -> int | None:
    """HOST_THREADS: how many threads run the programs of a launch, at least 1; None if it is not set."""
    given = os.environ.get("HOST_THREADS", "")
    if given and not (given.isascii() and given.isdigit() and 0 < int(given) <= 4096):
        raise SettingError(f"HOST_THREADS={given!r}: expected a number of threads from 1 to 4096")
    return int(given) if given else None


def sanitize() -> str:
    """HOST_SANITIZE: what kernels compiled from now on are checked for while they run, `address` or nothing."""
    given = os.environ.get("HOST_SANITIZE", "")
    if given not in ("", "address"):
        raise SettingError(f"HOST_SANITIZE={given!r}: expected address, or nothing")
    return given


def races() -> bool:
    """HOST_RACES: whether kernels compiled from now on look for programs that touch the same bytes."""
    given = os.environ.get("HOST_RACES", "")
    if given not in ("", "0", "1"):
        raise SettingError(f"HOST_RACES={given!r}: expected 0 or 1")
    return given == "1"
