# SPDX-License-Identifier: MIT
"""Values of kernel arguments as JSON, the way bundles hold them ("value" in docs/bundle-format.md). Nothing here needs Triton."""

from __future__ import annotations

import math
from typing import Any


class dtype:  # noqa: N801 - as Triton calls it
    """A dtype as a constant, where Triton's own is not imported: `dtype("fp16")` is `triton.language.float16`."""

    def __init__(self, name: str):
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dtype) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"dtype({self.name!r})"


def encode(value: Any) -> Any:
    """*value* as JSON: equal exactly for values that are one constant to a kernel; `{"opaque": ..}` for what cannot be shown to be."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": _float_text(value)}
    if type(value) in (tuple, list):
        return {type(value).__name__: [encode(item) for item in value]}
    return _encode_object(value)


def _encode_object(value: Any) -> Any:
    if isinstance(value, dtype) or _is_tritons(value, "dtype"):
        return {"dtype": str(value.name)}
    if _is_tritons(value, "constexpr"):
        return {"constexpr": encode(value.value)}
    if _is_tritons(value, "JITFunction"):
        return {"function": f"{value.fn.__module__}:{value.fn.__qualname__}"}
    return {"opaque": f"{type(value).__module__}.{type(value).__qualname__}"}


def is_exact(encoded: Any) -> bool:
    """Whether *encoded* says all of a value: whether another value with the same code is the same constant."""
    if type(encoded) is not dict:
        return True
    ((tag, inner),) = encoded.items()
    if tag in ("tuple", "list"):
        return all(map(is_exact, inner))
    return is_exact(inner) if tag == "constexpr" else tag in ("float", "dtype")


def _float_text(value: float) -> str:
    return value.hex() if math.isfinite(value) else str(value)


def _is_tritons(value: Any, name: str) -> bool:
    """Whether the class of *value* is Triton's class *name*, which need not be imported here."""
    cls = type(value)
    return cls.__name__ == name and cls.__module__ in ("triton.language.core", "triton.runtime.jit")
