# SPDX-License-Identifier: MIT
"""What `triton.language.extra.libdevice` is for kernels that are compiled here: the C library's functions, and what follows from them.

What is missing rounds in a direction (`_rd`, `_ru`, `_rz`), or is neither in the C library nor a few operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import triton.language as tl
from triton.language import core

from .values import Functions

#: Functions of the C library, by what they take and give: f is fp32, for which their name ends in f, or fp64; i is int32, l int64.
_LIBRARY = {
    "f:f": """acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp10 exp2 expm1 floor j0 j1 lgamma log log10 log1p log2
        logb nearbyint rint round sin sinh sqrt tan tanh tgamma trunc y0 y1 sqrt_rn=sqrt""",
    "ff:f": "atan2 copysign fdim fmod hypot nextafter pow remainder",
    "fff:f": "fma fma_rn=fma",
    "fi:f": "ldexp scalbn",
    "if:f": "jn yn",
    "f:l": "llrint llround",
    "f:i": "ilogb",
}

#: The same for fp32 alone. Those that may be inexact are not.
_SINGLE = {
    "f:f": """fast_cosf=cos fast_exp10f=exp10 fast_expf=exp fast_log10f=log10 fast_log2f=log2 fast_logf=log fast_sinf=sin fast_tanf=tan
        fast_tanhf=tanh""",
    "ff:f": "fast_powf=pow",
}

#: What follows from others. *f* has them, and what `triton.language` has.
_DERIVED: dict[str, Callable[..., Any]] = {
    "abs": lambda f, x: f.abs(x),
    "add_rn": lambda f, x, y: x + y,
    "sub_rn": lambda f, x, y: x - y,
    "mul_rn": lambda f, x, y: x * y,
    "div_rn": lambda f, x, y: x / y,
    "fast_dividef": lambda f, x, y: x / y,
    "rcp_rn": lambda f, x: 1 / x,
    "rsqrt": lambda f, x: 1 / f.sqrt(x),
    "rsqrt_rn": lambda f, x: (1 / f.sqrt(x.to(tl.float64))).to(tl.float32),
    "rcbrt": lambda f, x: 1 / f.cbrt(x),
    "rhypot": lambda f, x, y: 1 / f.hypot(x, y),
    "norm3d": lambda f, x, y, z: f.hypot(f.hypot(x, y), z),
    "rnorm3d": lambda f, x, y, z: 1 / f.norm3d(x, y, z),
    "norm4d": lambda f, x, y, z, w: f.hypot(f.hypot(x, y), f.hypot(z, w)),
    "rnorm4d": lambda f, x, y, z, w: 1 / f.norm4d(x, y, z, w),
    # Of a number between -1/2 and 1/2, which is found exactly.
    "sinpi": lambda f, x: _sinpi_of_rest(f, f.remainder(x, 2)),
    "cospi": lambda f, x: f.sin((0.5 - f.abs(f.remainder(x, 2))) * math.pi),
    "normcdf": lambda f, x: f.erfc(x * -math.sqrt(0.5)) * 0.5,
    "saturatef": lambda f, x: f.minimum(f.maximum(x, 0.0), 1.0),
    "isnan": lambda f, x: 1 - (f.abs(x) <= math.inf).to(tl.int32),
    "isinf": lambda f, x: (f.abs(x) == math.inf).to(tl.int32),
    "finitef": lambda f, x: (f.abs(x) < math.inf).to(tl.int32),
    "isfinited": lambda f, x: (f.abs(x) < math.inf).to(tl.int32),
    "signbit": lambda f, x: (f.copysign(1, x) < 0).to(tl.int32),
    "popc": lambda f, x: _popc(_bits(x)),
    "clz": lambda f, x: _clz(x),
    "ffs": lambda f, x: f.where(x == 0, 0, _popc(_bits(x) ^ (_bits(x) - 1))),
    "brev": lambda f, x: _brev(x),
    "mulhi": lambda f, x, y: f.umulhi(x, y) - (_other_half(f, x, y) if x.dtype.is_int_signed() else 0),
    "mul24": lambda f, x, y: ((x << 8) >> 8) * ((y << 8) >> 8),
    "hadd": lambda f, x, y: (x & y) + ((x ^ y) >> 1),
    "rhadd": lambda f, x, y: (x | y) - ((x ^ y) >> 1),
    "sad": lambda f, x, y, z: f.where(x > y, x - y, y - x) + z,
}

#: Conversions of numbers: to what, and how to round before.
_TYPES = {"int": tl.int32, "uint": tl.uint32, "ll": tl.int64, "ull": tl.uint64, "float": tl.float32, "double": tl.float64}
_ROUNDED = {"rn": "rint", "rz": "trunc", "rd": "floor", "ru": "ceil"}

#: Bits that are another number.
_SAME_BITS = {
    "int_as_float": tl.float32, "uint_as_float": tl.float32, "longlong_as_double": tl.float64,
    "float_as_int": tl.int32, "float_as_uint": tl.uint32, "double_as_longlong": tl.int64,
}  # fmt: skip


def _sinpi_of_rest(f: Functions, x: Any) -> Any:
    return f.sin(f.where(f.abs(x) > 0.5, f.copysign(1, x) - x, x) * math.pi)


def _bits(x: Any) -> Any:
    """The bits of an integer, in 64."""
    return x.to(tl.uint64, bitcast=True) if x.dtype.primitive_bitwidth == 64 else x.to(tl.uint32, bitcast=True).to(tl.uint64)


def _popc(bits: Any) -> Any:
    bits -= (bits >> 1) & 0x5555555555555555
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333)
    return ((((bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F) * 0x0101010101010101) >> 56).to(tl.int32)


def _clz(x: Any) -> Any:
    bits = _bits(x)
    for shift in range(6):
        bits |= bits >> (1 << shift)
    return x.dtype.primitive_bitwidth - _popc(bits)


def _brev(x: Any) -> Any:
    bits = _bits(x)
    for shift in range(6):
        size = 1 << shift
        lower = 0xFFFFFFFFFFFFFFFF // ((1 << size) + 1)  # ones in the lower half of each group of 2 * size
        bits = ((bits >> size) & lower) | ((bits & lower) << size)
    return (bits >> (64 - x.dtype.primitive_bitwidth)).to(x.dtype)


def _other_half(f: Functions, x: Any, y: Any) -> Any:
    """By how much the upper half of a product is less if the factors have a sign."""
    return f.where(x < 0, y, 0) + f.where(y < 0, x, 0)


def _library(symbol: str, form: str, is_single: bool) -> Any:
    takes, _, gives = form.partition(":")

    def function(*args: Any, _semantic: Any = None) -> Any:
        values = [_semantic.to_tensor(arg) for arg in args]
        is_double = not is_single and any(value.dtype == tl.float64 for value in values)
        letters = {"f": tl.float64 if is_double else tl.float32, "i": tl.int32, "l": tl.int64}
        types = tuple(letters[letter] for letter in takes)
        values = [value.to(to, _semantic=_semantic) for value, to in zip(values, types, strict=True)]
        table = {types: (symbol + ("" if is_double else "f"), letters[gives])}
        return core.extern_elementwise("", "", values, table, is_pure=True, _semantic=_semantic)

    return function


def _derived(formula: Callable[..., Any]) -> Any:
    def function(*args: Any, _semantic: Any = None) -> Any:
        functions = Functions(_made, _semantic)
        return formula(functions, *map(functions.value, args)).tensor

    return function


def _make() -> dict[str, Any]:
    """All that the tables describe, by name."""
    made = {name: _derived(formula) for name, formula in _DERIVED.items()}
    for forms in (_LIBRARY, _SINGLE):
        for form, names in forms.items():
            for name in names.split():
                ours, _, theirs = name.partition("=")
                made[ours] = _library(theirs or ours, form, forms is _SINGLE)
    for source in ("float", "double"):
        for target in ("int", "uint", "ll", "ull"):
            for rounding, rounded in _ROUNDED.items():
                formula = lambda f, x, rounded=rounded, to=_TYPES[target]: getattr(f, rounded)(x).to(to)  # noqa: E731
                made[f"{source}2{target}_{rounding}"] = _derived(formula)
            made[f"{target}2{source}_rn"] = _derived(lambda f, x, to=_TYPES[source]: x.to(to))
    made["double2float_rn"] = _derived(lambda f, x: x.to(tl.float32))
    made.update({name: _derived(lambda f, x, to=to: x.to(to, bitcast=True)) for name, to in _SAME_BITS.items()})
    for name, function in made.items():
        function.__name__ = name
    return {name: core.extern(function) for name, function in made.items()}


_made = _make()
globals().update(_made)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"libdevice.{name} is not available here: the C library has no such function")
