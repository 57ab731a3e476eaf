# SPDX-License-Identifier: MIT
"""Functions of libdevice, and conversions of fp8e4b15, give what Python's and NumPy's do."""

import math

import numpy as np
import pytest
import triton
import triton.language as tl
from triton.backends.host import libdevice as ours
from triton.backends.host.driver import Driver
from triton.language.extra import libdevice


@pytest.fixture(autouse=True)
def isolation(tmp_path, monkeypatch):
    """An empty cache; our driver is the active one."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver())


@triton.jit
def unary(x, out, NAME: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(out + offs, getattr(libdevice, NAME)(tl.load(x + offs)))


@triton.jit
def binary(x, y, out, NAME: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(out + offs, getattr(libdevice, NAME)(tl.load(x + offs), tl.load(y + offs)))


def apply(name, *args, dtype=None):
    out = np.zeros(64, dtype or args[0].dtype)
    (unary if len(args) == 1 else binary)[(1,)](*args, out, name, 64)
    return out


def every(function, *args):
    return np.array([function(*(arg.item() for arg in values)) for values in zip(*args, strict=True)])


#: What each is in Python, for numbers from a little above 0 to 1.
UNARY = {
    "acos": math.acos, "asinh": math.asinh, "cbrt": math.cbrt, "erfc": math.erfc, "exp10": lambda x: 10.0**x, "expm1": math.expm1,
    "lgamma": math.lgamma, "log1p": math.log1p, "tgamma": math.gamma, "trunc": math.trunc, "sqrt_rn": math.sqrt, "abs": abs,
    "rsqrt": lambda x: 1 / math.sqrt(x), "rcbrt": lambda x: 1 / math.cbrt(x), "rcp_rn": lambda x: 1 / x,
    "sinpi": lambda x: math.sin(math.pi * x), "cospi": lambda x: math.cos(math.pi * x),
    "normcdf": lambda x: math.erfc(-x / math.sqrt(2)) / 2, "saturatef": lambda x: min(x, 1.0),
}  # fmt: skip

BINARY = {
    "atan2": math.atan2, "copysign": math.copysign, "fdim": lambda x, y: max(x - y, 0), "fmod": math.fmod, "hypot": math.hypot,
    "nextafter": math.nextafter, "pow": math.pow, "remainder": math.remainder, "rhypot": lambda x, y: 1 / math.hypot(x, y),
    "div_rn": lambda x, y: x / y, "mul_rn": lambda x, y: x * y,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_one_number(name, dtype):
    x = np.linspace(0.01, 1, 64).astype(dtype)
    np.testing.assert_allclose(apply(name, x), every(UNARY[name], x), rtol=4e-6 if dtype == "float32" else 1e-14, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_numbers(name, dtype):
    x, y = np.linspace(0.1, 3, 64).astype(dtype), np.linspace(2, 0.3, 64).astype(dtype)
    np.testing.assert_allclose(
        apply(name, x, y), every(BINARY[name], x, y), rtol=4e-6 if dtype == "float32" else 1e-14, atol=2e-7
    )


INTEGERS = {
    "clz": lambda x, bits: bits - (x % 2**bits).bit_length(),
    "popc": lambda x, bits: (x % 2**bits).bit_count(),
    "ffs": lambda x, bits: ((x & -x) % 2**bits).bit_length(),
    "brev": lambda x, bits: int(f"{x % 2**bits:0{bits}b}"[::-1], 2),
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", INTEGERS)
def test_a_function_of_bits(name, bits):
    x = np.random.default_rng(0).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 64, dtype=f"int{bits}")
    x[:5] = 0, -1, 1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    dtype = f"int{bits}" if name == "brev" else "int32"
    expected = [INTEGERS[name](int(value), bits) for value in x]
    assert [int(value) % 2**bits for value in apply(name, x, dtype=dtype)] == expected


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_the_upper_half_of_a_product(dtype):
    info = np.iinfo(dtype)
    x, y = (np.random.default_rng(seed).integers(info.min, info.max, 64, dtype=dtype, endpoint=True) for seed in (0, 1))
    expected = [int(a) * int(b) >> info.bits for a, b in zip(x, y, strict=True)]
    assert apply("mulhi", x, y).tolist() == expected


@pytest.mark.parametrize(("suffix", "rounded"), [("rn", round), ("rz", math.trunc), ("rd", math.floor), ("ru", math.ceil)])
@pytest.mark.parametrize(("prefix", "dtype"), [("float2int", "float32"), ("double2ll", "float64")])
def test_a_conversion_rounds_as_it_says(prefix, dtype, suffix, rounded):
    x = np.linspace(-8, 7.75, 64).astype(dtype)
    assert apply(f"{prefix}_{suffix}", x, dtype="int64").tolist() == every(rounded, x).tolist()


def test_what_kind_of_number_it_is():
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, -3.0, 1e300, 5e-324] * 8)
    assert apply("isnan", x, dtype="int32").tolist() == np.isnan(x).tolist()
    assert apply("isinf", x, dtype="int32").tolist() == np.isinf(x).tolist()
    assert apply("isfinited", x, dtype="int32").tolist() == np.isfinite(x).tolist()
    assert apply("signbit", x, dtype="int32").tolist() == np.signbit(x).tolist()


def test_numbers_are_taken_where_a_function_has_tensors():
    @triton.jit
    def power(x, out):
        tl.store(out, libdevice.pow(tl.load(x), 2) + libdevice.ldexp(tl.load(x), 3))

    x, out = np.array([3.0]), np.zeros(1)
    power[(1,)](x, out)
    assert out[0] == 33


def test_a_function_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match=r"^libdevice\.erfinv is not available here: the C library has no such function$"):
        ours.erfinv  # noqa: B018


@triton.jit
def convert(x, bits, out, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    small = tl.load(x + offs).to(tl.float8e4b15)
    tl.store(bits + offs, small.to(tl.uint8, bitcast=True))
    tl.store(out + offs, small.to(tl.float32))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_fp8e4b15_is_rounded_and_has_a_largest_number(dtype):
    x = np.array([0, -0.0, 1, -1.5, 1.75, 3, -math.inf, 2.0**-14, 2.0**-17, 1.0625, 1.06, 0.11], dtype)
    x = np.concatenate([x, np.zeros(4, dtype)])
    bits, out = np.zeros(16, "uint8"), np.zeros(16, "float32")
    convert[(1,)](x, bits, out, 16)
    assert bits[:12].tolist() == [0, 0x80, 0x78, 0xFC, 0x7E, 0x7E, 0xFE, 8, 1, 0x79, 0x78, 0x5E]
    assert out[:12].tolist() == [0, 0, 1, -1.5, 1.75, 1.75, -1.75, 2.0**-14, 2.0**-17, 1.125, 1, 0.109375]
