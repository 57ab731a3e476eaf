# SPDX-License-Identifier: MIT
"""Functions that are called natively and look like Triton's: to tools that trace, mock or wrap them, they are functions of Python's."""

from __future__ import annotations

import types


def copy_of(function: types.FunctionType) -> types.FunctionType:
    """A function of its own that is *function* to whoever looks into it or traces it; how it is called can be replaced."""
    made = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    for name in ("__kwdefaults__", "__module__", "__qualname__", "__doc__", "__annotations__"):
        setattr(made, name, getattr(function, name))
    made.__dict__.update(function.__dict__)
    return made
