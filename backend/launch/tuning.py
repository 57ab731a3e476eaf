# SPDX-License-Identifier: MIT
"""What Triton's autotuner found out before, for those who keep it and those who have kept it: bundles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triton.runtime.autotuner import Autotuner, Config

#: Asked, in this order, for the configuration that a tuner is to take for a key, before it measures any.
advisers: list[Callable[[Autotuner, tuple], Config | None]] = []

#: Told of each tuner that is about to choose.
observers: list[Callable[[Autotuner], None]] = []


def key_of(tuner: Autotuner, given: dict[str, Any]) -> tuple | None:
    """What *tuner* knows a launch with the arguments *given*, by name, by; None if it has nothing to choose. As its `run` has it."""
    if len(tuner.configs) < 2:
        return None
    named = {name: value for name, value in given.items() if name in tuner.arg_names}
    values = [named[name] for name in tuner.keys if name in named]
    return (*values, *(str(value.dtype) for value in named.values() if hasattr(value, "dtype")))


def observe(tuner: Autotuner) -> None:
    """To be called when *tuner* is about to choose."""
    for observer in tuple(observers):
        observer(tuner)


def choose(tuner: Autotuner, given: dict[str, Any]) -> Config | None:
    """The configuration that an adviser knows for a launch with the arguments *given*, by name."""
    observe(tuner)
    key = key_of(tuner, given)
    answers = (adviser(tuner, key) for adviser in tuple(advisers)) if key is not None else ()
    return next((config for config in answers if config is not None), None)
