# SPDX-License-Identifier: MIT
"""What `triton.language.extra.libdevice` is for kernels that are compiled here: the C library's functions, and what follows from them.

What is missing rounds in a direction (`_rd`, `_ru`, `_rz`), or is neither in the C library nor a few operations.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from triton.language import core

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

#: Conversions of numbers: to what, and how to round before.
_TYPES = {"int": tl.int32, "uint": tl.uint32, "ll": tl.int64, "ull": tl.uint64, "float": tl.float32, "double": tl.float64}
_ROUNDED = {"rn": "rint", "rz": "trunc", "rd": "floor", "ru": "ceil"}

#: Bits that are another number.
_SAME_BITS = {
    "int_as_float": tl.float32, "uint_as_float": tl.float32, "longlong_as_double": tl.float64,
    "float_as_int": tl.int32, "float_as_uint": tl.uint32, "double_as_longlong": tl.int64,
}  # fmt: skip


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

    return core.extern(function)


def _conversion(before: Any, to: Any, bitcast: bool) -> Any:
    def function(arg0: Any, _semantic: Any = None) -> Any:
        value = _semantic.to_tensor(arg0) if before is None else before(arg0, _semantic=_semantic)
        return value.to(to, bitcast=bitcast, _semantic=_semantic)

    return core.extern(function)


def _make() -> dict[str, Any]:
    """All that the tables describe, by name."""
    made = {}
    for forms in (_LIBRARY, _SINGLE):
        for form, names in forms.items():
            for name in names.split():
                ours, _, theirs = name.partition("=")
                made[ours] = _library(theirs or ours, form, forms is _SINGLE)
    for source in ("float", "double"):
        for target in ("int", "uint", "ll", "ull"):
            for rounding, function in _ROUNDED.items():
                made[f"{source}2{target}_{rounding}"] = _conversion(made[function], _TYPES[target], False)
            made[f"{target}2{source}_rn"] = _conversion(None, _TYPES[source], False)
    made["double2float_rn"] = _conversion(None, tl.float32, False)
    made.update({name: _conversion(None, to, True) for name, to in _SAME_BITS.items()})
    for name, function in made.items():
        function.__name__ = name
    return made


globals().update(_make())


def __getattr__(name: str) -> Any:
    raise AttributeError(f"libdevice.{name} is not available here: the C library has no such function")


@triton.jit
def abs(arg0):
    return tl.abs(arg0)


@triton.jit
def add_rn(arg0, arg1):
    return arg0 + arg1


@triton.jit
def sub_rn(arg0, arg1):
    return arg0 - arg1


@triton.jit
def mul_rn(arg0, arg1):
    return arg0 * arg1


@triton.jit
def div_rn(arg0, arg1):
    return arg0 / arg1


@triton.jit
def fast_dividef(arg0, arg1):
    return arg0 / arg1


@triton.jit
def rcp_rn(arg0):
    return 1 / arg0


@triton.jit
def rsqrt(arg0):
    return 1 / sqrt(arg0)


@triton.jit
def rsqrt_rn(arg0):
    return (1 / sqrt(arg0.to(tl.float64))).to(tl.float32)


@triton.jit
def rcbrt(arg0):
    return 1 / cbrt(arg0)


@triton.jit
def rhypot(arg0, arg1):
    return 1 / hypot(arg0, arg1)


@triton.jit
def norm3d(arg0, arg1, arg2):
    return hypot(hypot(arg0, arg1), arg2)


@triton.jit
def rnorm3d(arg0, arg1, arg2):
    return 1 / norm3d(arg0, arg1, arg2)


@triton.jit
def norm4d(arg0, arg1, arg2, arg3):
    return hypot(hypot(arg0, arg1), hypot(arg2, arg3))


@triton.jit
def rnorm4d(arg0, arg1, arg2, arg3):
    return 1 / norm4d(arg0, arg1, arg2, arg3)


@triton.jit
def sinpi(arg0):
    # Between -1/2 and 1/2, exactly.
    part = remainder(arg0, 2)
    part = tl.where(tl.abs(part) > 0.5, copysign(1, part) - part, part)
    return sin(part * 3.141592653589793)


@triton.jit
def cospi(arg0):
    return sin((0.5 - tl.abs(remainder(arg0, 2))) * 3.141592653589793)


@triton.jit
def normcdf(arg0):
    return erfc(arg0 * -0.7071067811865476) * 0.5


@triton.jit
def saturatef(arg0):
    return tl.minimum(tl.maximum(arg0, 0.0), 1.0)


@triton.jit
def isnan(arg0):
    return 1 - (tl.abs(arg0) <= float("inf")).to(tl.int32)


@triton.jit
def isinf(arg0):
    return (tl.abs(arg0) == float("inf")).to(tl.int32)


@triton.jit
def finitef(arg0):
    return (tl.abs(arg0) < float("inf")).to(tl.int32)


@triton.jit
def isfinited(arg0):
    return (tl.abs(arg0) < float("inf")).to(tl.int32)


@triton.jit
def signbit(arg0):
    return (copysign(1, arg0) < 0).to(tl.int32)


@triton.jit
def _unsigned(arg0):
    """The bits of an integer, in 64."""
    if arg0.dtype.primitive_bitwidth == 64:
        return arg0.to(tl.uint64, bitcast=True)
    else:
        return arg0.to(tl.uint32, bitcast=True).to(tl.uint64)


@triton.jit
def popc(arg0):
    bits = _unsigned(arg0)
    bits -= (bits >> 1) & 0x5555555555555555
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F
    return ((bits * 0x0101010101010101) >> 56).to(tl.int32)


@triton.jit
def clz(arg0):
    bits = _unsigned(arg0)
    for shift in tl.static_range(6):
        bits |= bits >> (1 << shift)
    return arg0.dtype.primitive_bitwidth - popc(bits)


@triton.jit
def ffs(arg0):
    bits = _unsigned(arg0)
    return tl.where(bits == 0, 0, popc(bits ^ (bits - 1)))


@triton.constexpr_function
def _lower_halves(shift):
    """Ones in the lower half of each group of 2 << shift bits."""
    return 0xFFFFFFFFFFFFFFFF // ((1 << (1 << shift)) + 1)


@triton.jit
def brev(arg0):
    bits = _unsigned(arg0)
    for shift in tl.static_range(6):
        bits = ((bits >> (1 << shift)) & _lower_halves(shift)) | ((bits & _lower_halves(shift)) << (1 << shift))
    return (bits >> (64 - arg0.dtype.primitive_bitwidth)).to(arg0.dtype)


@triton.jit
def mulhi(arg0, arg1):
    high = tl.umulhi(arg0, arg1)
    if arg0.dtype.is_int_signed():
        high -= tl.where(arg0 < 0, arg1, 0) + tl.where(arg1 < 0, arg0, 0)
    return high


@triton.jit
def mul24(arg0, arg1):
    # Of the lower 24 bits, with their sign.
    return (((arg0 << 8) >> 8) * ((arg1 << 8) >> 8)).to(arg0.dtype)


@triton.jit
def hadd(arg0, arg1):
    return (arg0 & arg1) + ((arg0 ^ arg1) >> 1)


@triton.jit
def rhadd(arg0, arg1):
    return (arg0 | arg1) - ((arg0 ^ arg1) >> 1)


@triton.jit
def sad(arg0, arg1, arg2):
    return tl.where(arg0 > arg1, arg0 - arg1, arg1 - arg0) + arg2
