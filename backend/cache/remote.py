# SPDX-License-Identifier: MIT
"""Triton's remote cache, which takes the names of files from whoever may write there: none of them leads out of the entry's folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from triton.runtime import cache as triton_cache

from ..errors import GraftWarning


class _PathError(Exception):
    """A name of a file that is a path."""


class RemoteCacheManager(triton_cache.RemoteCacheManager):
    """Triton's, but an entry with a file whose name is a path is a miss, with a warning. Triton 3.9 writes such a file to that path."""

    def get_group(self, filename: str) -> dict[str, str] | None:
        try:
            return super().get_group(filename)
        except _PathError as error:
            warnings.warn(
                f"the remote cache has an entry of {filename} that asks for a file to be written to {str(error)!r}: it is not "
                "used, and compiled anew; find out who may write that cache.",
                GraftWarning,
                stacklevel=3,
            )
            return None

    def _materialize(self, filename: str, data: bytes) -> str:
        if "/" in filename or filename in ("", ".", ".."):
            raise _PathError(filename)
        return super()._materialize(filename, data)


def checked(manager_class: Callable[..., Any]) -> Callable[..., Any]:
    """*manager_class*, or what stands for it if it is Triton's own for remote caches."""
    return RemoteCacheManager if manager_class is triton_cache.RemoteCacheManager else manager_class
