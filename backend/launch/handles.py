# SPDX-License-Identifier: MIT
"""Loading compiled kernels whole: what threads that launch a new kernel at the same time see of it.

Triton's `CompiledKernel._init_handles` sets one attribute after the other, with the load, during which other threads run, in between.
Who launches the kernel meanwhile finds a launcher and no function, or loads it again, and the first module is never unloaded.
Here each thread loads into a stand-in, and the kernel gets all attributes of the first that is ready, at once. Nobody waits: the
collector and hooks run anything while a kernel is loaded, also what waits for another thread.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import triton

#: Where a kernel has what is about to become its attributes.
_LOADED = "_graft_loaded"


def make_whole(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """What does as *original*, Triton's own `_init_handles`, does, by its outcome alone."""

    def _init_handles(self: Any) -> None:
        if self.module is not None:
            return
        before = dict(vars(self))
        stand_in = types.SimpleNamespace(**before)
        try:
            original(stand_in)
        except BaseException:
            _settle(self, _changes(before, stand_in))
            raise
        _settle(self, _changes(before, stand_in))

    return _init_handles


def _changes(before: dict[str, Any], stand_in: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(stand_in).items() if name not in before or before[name] is not value}


def _settle(kernel: Any, loaded: dict[str, Any]) -> None:
    """Gives *kernel* the attributes *loaded*, or those of another thread that was ready before."""
    attributes = vars(kernel)
    module = loaded.get("module")
    first = loaded if module is None else attributes.setdefault(_LOADED, loaded)
    if kernel.module is None:  # also if the other has not come to it yet
        attributes.update(first)
    if module not in (None, kernel.module):
        triton.runtime.driver.active.utils.unload_module(module)
    if attributes.get(_LOADED) is loaded:
        del attributes[_LOADED]
