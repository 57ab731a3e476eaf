# SPDX-License-Identifier: MIT
"""Values of kernel arguments as JSON, the way bundles hold them ("value" in docs/bundle-format.md). Nothing here needs Triton."""

from __future__ import annotations

import math
from typing import Any, ClassVar


class dtype:  # noqa: N801 - as Triton calls it
    """A dtype as a constant, for programs without Triton: `dtype("fp16")` stands for `triton.language.float16`.

    There is one object for each name: the native launcher tells dtypes apart by identity.
    """

    name: str
    _known: ClassVar[dict[str, dtype]] = {}

    def __new__(cls, name: str) -> dtype:
        known = cls._known.get(name)
        if known is None:
            made = super().__new__(cls)
            made.name = name
            known = cls._known.setdefault(name, made)
        return known

    def __reduce__(self) -> tuple:
        return dtype, (self.name,)

    def __repr__(self) -> str:
        return f"dtype({self.name!r})"


class constexpr:  # noqa: N801 - as Triton calls it
    """A constant for a parameter that is not a constexpr: `constexpr(5)` stands for `triton.language.constexpr(5)`."""

    def __init__(self, value: Any):
        self.value: Any = value.value if isinstance(value, constexpr) else value

    def __repr__(self) -> str:
        return f"constexpr({self.value!r})"


def encode(value: Any) -> Any:
    """*value* as JSON: equal exactly for values that are one constant to a kernel; `{"opaque": ..}` for what cannot be shown to be."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": _float_text(value)}
    if type(value) in (tuple, list):
        return {type(value).__name__: [encode(item) for item in value]}
    return _encode_object(value)


def is_constant(value: Any) -> bool:
    """Whether *value* is a constant wherever it is passed: a `tl.constexpr`, or a jitted function."""
    return isinstance(value, constexpr) or _is_tritons(value, "constexpr") or _is_tritons(value, "JITFunction")


def _encode_object(value: Any) -> Any:
    if isinstance(value, dtype) or _is_tritons(value, "dtype"):
        return {"dtype": str(value.name)}
    if isinstance(value, constexpr) or _is_tritons(value, "constexpr"):
        return {"constexpr": encode(value.value)}
    if _is_tritons(value, "JITFunction"):
        return {"function": f"{value.fn.__module__}:{value.fn.__qualname__}"}
    return {"opaque": f"{type(value).__module__}.{type(value).__qualname__}"}


def decode(encoded: Any) -> Any:
    """The value that is encoded as *encoded*, which `is_exact`."""
    if type(encoded) is not dict:
        return encoded
    ((tag, inner),) = encoded.items()
    if tag in ("tuple", "list"):
        return (tuple if tag == "tuple" else list)(map(decode, inner))
    if tag == "float":
        return float(inner) if inner in ("nan", "inf", "-inf") else float.fromhex(inner)
    return constexpr(decode(inner)) if tag == "constexpr" else dtype(inner)


def show(encoded: Any) -> str:
    """The value that is encoded as *encoded*, for people: `1024`, `dtype('fp16')`, `a math.sin`."""
    if is_exact(encoded):
        return repr(decode(encoded))
    ((tag, inner),) = encoded.items()
    if tag in ("tuple", "list"):
        return f"{tag}({', '.join(map(show, inner))})"
    return f"constexpr({show(inner)})" if tag == "constexpr" else f"a {inner}" if tag == "opaque" else inner


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
