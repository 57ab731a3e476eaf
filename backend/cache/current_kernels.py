# SPDX-License-Identifier: MIT
"""Caches of kernels that do not give out what was compiled from values that have changed since.

Where one of a kernel's `reads` is no longer the same object, `readset` decides, by comparing what the values say.
"""

from __future__ import annotations

from typing import Any

from . import readset
from .reads import ABSENT, ATTRIBUTE, hold


def still_holds(compiled: Any) -> bool:
    """Whether *compiled*, one of whose reads does not hold, is what would be compiled now all the same."""
    return readset.still_holds(compiled)


def is_current(compiled: Any) -> bool:
    """Whether *compiled*, what a cache of kernels has, is what would be compiled now. True for what says nothing about it."""
    # A kernel that is still being compiled would wait for its end if it were asked for an attribute.
    reads = (getattr(compiled, "__dict__", None) or {}).get(ATTRIBUTE)
    return reads is None or (type(reads) is tuple and hold(reads)) or still_holds(compiled)


class CurrentKernels(dict):
    """The cache of the kernels that *kernel*, a `JITFunction`, was compiled to; `get` drops those that are not current."""

    def __init__(self, kernel: Any, kernels: Any = ()):
        super().__init__(kernels)
        self._kernel = kernel

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key)
        return default if found is None or drop_stale(self._kernel, self, key, found) else found


def drop_stale(kernel: Any, kernels: dict, key: Any, found: Any) -> bool:
    """Drops *found*, which *kernels* has under *key*, if it is not current; returns whether that is so.

    Where a used global has changed, Triton is about to raise an error, and nothing is to be compiled before.
    """
    if is_current(found) or _used_global_changed(kernel):
        return False
    if dict.get(kernels, key) is found:
        del kernels[key]
    return True


def _used_global_changed(kernel: Any) -> bool:
    """As `JITFunction.run` finds it out."""
    used = kernel.used_global_vals.items()
    return any(namespace.get(name, ABSENT) != value for (name, _), (value, namespace) in used)
