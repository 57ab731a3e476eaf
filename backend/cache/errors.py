# SPDX-License-Identifier: MIT
"""The error of the cache."""

from __future__ import annotations

from ..errors import GraftError


class CacheMissError(GraftError, RuntimeError):
    """A kernel is not in the cache, and `GRAFT_CACHE=require` forbids to compile it."""
