# SPDX-License-Identifier: MIT
"""What Python does for each launch besides: launch hooks, allocators, and Proton, which has hooks of its own."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import triton
from triton import knobs

#: Makes that many launches and returns the seconds they took.
Loop = Callable[[int], float]


class SkipError(Exception):
    """This cannot be measured here; the message says why."""


def with_hook(loop: Loop, values: dict[str, Any]) -> Loop:
    """*loop* with a launch hook that does nothing."""

    def hook(metadata: Any) -> None:
        pass

    def run(number: int) -> float:
        knobs.runtime.launch_enter_hook.add(hook)
        try:
            return loop(number)
        finally:
            knobs.runtime.launch_enter_hook.remove(hook)

    return run


def set_allocator(values: dict[str, Any]) -> None:
    """Has scratch memory be that of the first tensor of *values*."""
    memory = values["x"]
    triton.set_allocator(lambda size, alignment, stream: memory)


def with_allocator(loop: Loop, values: dict[str, Any]) -> Loop:
    """*loop* with an allocator that has its memory already."""

    def run(number: int) -> float:
        set_allocator(values)
        return loop(number)

    return run


class WithProton:
    """A loop under Triton's profiler, whose hooks ask for the metadata of each launch. Its profile is thrown away."""

    def __init__(self, loop: Loop, values: dict[str, Any]):
        try:
            self._proton = importlib.import_module("triton.profiler")
        except ImportError as error:
            raise SkipError(f"Proton cannot be imported ({error})") from None
        self._loop, self._folder = loop, tempfile.TemporaryDirectory()
        self._session = self._proton.start(str(Path(self._folder.name) / "profile"), hook="triton")
        self._proton.deactivate(self._session)

    def __call__(self, number: int) -> float:
        self._proton.activate(self._session)
        try:
            return self._loop(number)
        finally:
            self._proton.deactivate(self._session)


AROUND: dict[str, Callable[[Loop, dict[str, Any]], Loop]] = {
    "hook": with_hook,
    "allocator": with_allocator,
    "proton": WithProton,
}
