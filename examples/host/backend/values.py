# SPDX-License-Identifier: MIT
"""Tensors of a kernel with Python's operators, for functions that are a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton.language as tl


class Value:
    """A tensor, and the builder that *semantic* is, which operations on it need."""

    def __init__(self, tensor: Any, semantic: Any) -> None:
        self.tensor = tensor
        self.semantic = semantic

    @property
    def dtype(self) -> Any:
        return self.tensor.dtype

    def to(self, dtype: Any, **how: Any) -> Any:
        """Converted, with the arguments of `tl.cast`."""
        return Value(self.tensor.to(dtype, **how, _semantic=self.semantic), self.semantic)


def _plain(value: Any) -> Any:
    return value.tensor if isinstance(value, Value) else value


def _operator(name: str) -> Callable[[Value, Any], Value]:
    return lambda self, other: Value(getattr(self.tensor, name)(_plain(other), _semantic=self.semantic), self.semantic)


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "lt",
    "le",
    "gt",
    "ge",
    "eq",
    "ne",
]:
    setattr(Value, f"__{_name}__", _operator(f"__{_name}__"))


class Functions:
    """The functions of `triton.language`, and those that it has not from *others*, on values."""

    def __init__(self, others: dict[str, Any], semantic: Any) -> None:
        self._others = others
        self._semantic = semantic

    def value(self, number: Any) -> Any:
        """A tensor or a number as a value."""
        return Value(self._semantic.to_tensor(number), self._semantic)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(tl, name, None) or self._others[name]
        return lambda *args: Value(function(*map(_plain, args), _semantic=self._semantic), self._semantic)
