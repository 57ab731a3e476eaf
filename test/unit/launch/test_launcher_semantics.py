# SPDX-License-Identifier: MIT
"""What a launch does, row by row of the table of semantics that a launcher has to keep.

Most tests do the same with Triton's own driver and with ours, and say which way our launches went: those of a variant that was
launched before belong on the fast path.
"""

import contextlib
import contextvars
import copy
import ctypes
import gc
import inspect
import math
import os
import struct
import sys
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from unittest import mock

import launching
import pytest
import stub_cuda
import triton
import triton.language as tl
from launch_values import DType, Pair, Pointer, Size, descriptor
from launching import FAST, FIRST, in_thread, ptr, values
from support import in_child, run_python
from triton import knobs
from triton.backends.graft.errors import LaunchError
from triton.backends.graft.launch import callbacks
from triton.backends.nvidia import driver as nvidia
from triton.backends.nvidia.driver import CudaLauncher
from triton.compiler import CompiledKernel
from triton.runtime import _allocation
from triton.runtime._async_compile import FutureKernel
from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import KernelInterface

OTHER_RUN = "run is not Triton's own"

X, Y = ptr(0x1000), ptr(0x2000)
BIND = "arguments do not fit the parameters"


def jit(function, **options):
    """Makes kernels of *function*."""
    return lambda: triton.jit(function, **options)


def signature(kernel):
    """The types that a compiled kernel was compiled for."""
    return tuple(kernel.src.signature.values())


# -- Row 1


def shapes(x, y=Y, n=32, *, scale=1.5, BLOCK: tl.constexpr = 64):
    pass


def variadic(x, *rest, n=32):
    pass


def many(a, b, c, d=4, *, e, f=6):
    pass


@pytest.mark.parametrize(
    ("kernel", "call", "seen"),
    [
        (shapes, lambda f: f(X), ("QQif", (0x1000, 0x2000, 32, 1.5))),
        (shapes, lambda f: f(X, X), ("QQif", (0x1000, 0x1000, 32, 1.5))),
        (shapes, lambda f: f(X, n=48), ("QQif", (0x1000, 0x2000, 48, 1.5))),
        (shapes, lambda f: f(n=48, x=X, y=X), ("QQif", (0x1000, 0x1000, 48, 1.5))),
        (shapes, lambda f: f(X, Y, 7, BLOCK=32, scale=2.5), ("QQif", (0x1000, 0x2000, 7, 2.5))),
        (shapes, lambda f: f(**{"x": X, "scale": 0.5}), ("QQif", (0x1000, 0x2000, 32, 0.5))),
        (variadic, lambda f: f(X), ("Qi", (0x1000, 32))),
        (variadic, lambda f: f(X, Y, 7, 2.5), ("QQifi", (0x1000, 0x2000, 7, 2.5, 32))),
        (variadic, lambda f: f(X, 7, n=8), ("Qii", (0x1000, 7, 8))),
        (many, lambda f: f(7, 8, 9, e=10), ("iiiiii", (7, 8, 9, 4, 10, 6))),
        (many, lambda f: f(7, 8, f=11, e=10, c=9), ("iiiiii", (7, 8, 9, 4, 10, 11))),
        (many, lambda f: f(*(7, 8), **{"e": 10, "d": 3}, c=9), ("iiiiii", (7, 8, 9, 3, 10, 6))),
    ],
)
def test_arguments_are_bound_as_python_binds_them(rig, kernel, call, seen):
    """Row 1: defaults, keyword, keyword-only and variadic arguments."""
    outcomes = rig.same(jit(kernel), lambda k: call(k[(2,)]), lambda k: call(k[(2,)]))
    assert rig.went() == {FIRST: 1, FAST: 1}
    for outcome in outcomes:
        (launch,) = outcome.launches
        assert values(launch, seen[0]) == seen[1]


@pytest.mark.parametrize(
    ("kernel", "call", "message"),
    [
        (shapes, lambda f: f(), "missing 1 required positional argument: 'x'"),
        (shapes, lambda f: f(X, Y, 7, 2.5), "takes from 1 to 3 positional arguments but 4 were given"),
        (shapes, lambda f: f(X, x=X), "got multiple values for argument 'x'"),
        (many, lambda f: f(7, 8, 9), "missing 1 required keyword-only argument: 'e'"),
        (many, lambda f: f(7, 8, e=1), "missing 1 required positional argument: 'c'"),
        (variadic, lambda f: f(), "missing 1 required positional argument: 'x'"),
    ],
)
def test_arguments_that_do_not_bind_are_the_errors_of_python(rig, kernel, call, message):
    """Row 1: what cannot be bound."""
    for outcome in rig.same(jit(kernel), lambda k: call(k[(2,)]), lambda k: call(k[(2,)])):
        assert outcome.error == f"TypeError: dynamic_func() {message}"
    assert rig.went() == {BIND: 2}


def test_ways_of_writing_a_launch_share_its_kernel(rig):
    """Row 1: by position, by keyword or by default."""
    calls = [lambda k: k[(2,)](X, Y, 32), lambda k: k[(2,)](n=32, y=Y, x=X), lambda k: k[(2,)](X, scale=1.5, BLOCK=64)]
    assert {outcome.result for outcome in rig.same(jit(shapes), *calls)} == {"kernel 1"}


# -- Row 2


@pytest.mark.parametrize(
    ("keyword", "error"),
    [
        ("nonsense", "KeyError: 'Keyword argument nonsense was specified but unrecognised'"),
        ("device", "AssertionError: device option is deprecated; current device will be used"),
        ("stream", "AssertionError: stream option is deprecated; current stream will be used"),
        ("device_type", "AssertionError: device_type option is deprecated; current target will be used"),
    ],
)
def test_unknown_keywords_are_refused(rig, keyword, error):
    """Row 2: they are refused each time, also for a kernel that is there."""
    works = [lambda k: k[(2,)](X), lambda k: k[(2,)](X, **{keyword: 0}), lambda k: k[(2,)](X, **{keyword: 0})]
    outcomes = rig.same(jit(shapes), *works)
    assert [outcome.error for outcome in outcomes] == ["", error, error]


@pytest.mark.parametrize("keyword", ["grid", "warmup"])
def test_the_keywords_of_run_cannot_be_given_twice(rig, keyword):
    """Row 2: `grid` and `warmup` are `run`'s own."""
    kernel = triton.jit(shapes)
    kernel[(2,)](X)
    with pytest.raises(TypeError, match=f"multiple values for keyword argument '{keyword}'"):
        kernel[(2,)](X, **{keyword: (1,)})
    assert len(rig.launches()) == 1


def test_options_of_the_backend_choose_a_kernel(rig):
    """Row 2: known keywords are options, and each set of values has a kernel of its own."""
    works = [
        lambda k: k[(2,)](X, num_warps=8),
        lambda k: k[(2,)](X, num_warps=2),
        lambda k: k[(2,)](X, num_warps=8),
        lambda k: k[(2,)](X, num_stages=2, num_warps=8),
        lambda k: k[(2,)](X, num_stages=2, num_warps=8),
        lambda k: k[(2,)](X, num_warps=8),
    ]
    outcomes = rig.same(jit(shapes), *works)
    assert rig.went() == {FIRST: 3, FAST: 3}
    assert [outcome.result for outcome in outcomes] == [f"kernel {number}" for number in (1, 2, 1, 3, 3, 1)]
    assert [outcome.launches[0].block[0] for outcome in outcomes] == [256, 64, 256, 256, 256, 256]


# -- Rows 3 and 4


def single(value):
    pass


def numbered(x, n):
    pass


def launch_one(value, grid=(2,)):
    return lambda kernel: kernel[grid](value)


@pytest.mark.parametrize(
    ("value", "type_", "divisible", "form"),
    [
        (0, "i32", True, "i"),
        (1, "constexpr", False, ""),
        (2, "i32", False, "i"),
        (16, "i32", True, "i"),
        (-1, "i32", False, "i"),
        (-16, "i32", True, "i"),
        (2**31 - 1, "i32", False, "i"),
        (-(2**31), "i32", True, "i"),
        (2**31, "i64", True, "q"),
        (2**31 + 1, "i64", False, "q"),
        (-(2**31) - 1, "i64", False, "q"),
        (2**63 - 1, "i64", False, "q"),
        (-(2**63), "i64", True, "q"),
        (2**63, "u64", True, "Q"),
        (2**64 - 1, "u64", False, "Q"),
    ],
)
def test_integers_are_typed_by_range_and_specialised(rig, value, type_, divisible, form):
    """Row 3: 1 is a constant; i32, i64 or u64; a multiple of 16 or not."""
    kernel = triton.jit(single)
    compiled = [kernel[(2,)](value) for _ in range(2)]
    assert rig.went() == {FIRST: 1, FAST: 1} and compiled[0] is compiled[1]
    assert signature(compiled[0]) == (type_,)
    assert compiled[0].src.attrs == ({(0,): [["tt.divisibility", 16]]} if divisible else {(0,): []})
    assert [values(launch, form) for launch in rig.launches()] == [(value,) if form else ()] * 2
    rig.same(jit(single), launch_one(value), launch_one(value))


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**30])
def test_integers_beyond_64_bits_are_an_overflow_error(rig, value):
    """Row 3: they are refused each time."""
    for outcome in rig.same(jit(single), launch_one(value), launch_one(value)):
        assert outcome.error.startswith("OverflowError: ")
    assert rig.went() == {"integer out of range": 2}


def test_integers_of_one_kind_share_a_kernel(rig):
    """Row 3: kinds are the constant 1, the types, and being a multiple of 16."""
    numbers = [1, 2, 3, 16, 32, 2**31, 2**31 + 1, 2**31 + 16, 2**63, 2**63 + 16, 1, -2, -16]
    kinds = [1, 2, 2, 3, 3, 4, 5, 4, 6, 6, 1, 2, 3]
    outcomes = rig.same(jit(single), *map(launch_one, numbers))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in kinds]
    assert rig.went() == {FIRST: 6, FAST: 7}


@pytest.mark.parametrize(
    ("value", "type_", "form", "seen"),
    [
        (True, "u1", "B", 1),
        (False, "u1", "B", 0),
        (2.5, "fp32", "f", 2.5),
        (-0.0, "fp32", "f", -0.0),
        (1.0, "fp32", "f", 1.0),
        (None, "constexpr", "", None),
        (ptr(0x1010, "fp16"), "*fp16", "Q", 0x1010),
        (ptr(0x1008, "i64"), "*i64", "Q", 0x1008),
        (ptr(0, "fp32"), "*fp32", "Q", 0),
    ],
)
def test_other_values_are_typed_by_what_they_are(rig, value, type_, form, seen):
    """Row 4: bool is u1, float fp32, None a constant, and a pointer points to its dtype."""
    outcomes = rig.same(jit(single), launch_one(value), launch_one(value))
    assert rig.went() == {FIRST: 1, FAST: 1}
    assert f"'value': '{type_}'" in outcomes[0].compiled[0]
    for outcome in outcomes:
        bits = [struct.pack(f"<{form}", seen)] if form else []
        assert [param[: len(bits[0])] for param in outcome.launches[0].params[:-2]] == bits


def const(a: tl.const, b: "*kfp32", c: "const *fp16"):  # noqa: F722, F821 - Triton's ways of writing it
    pass


def test_pointers_are_specialised_on_alignment(rig):
    """Row 4. Regression: a kernel compiled for aligned addresses and launched with a misaligned one gives wrong data."""
    addresses = [0x1000, 0x1010, 0x1004, 0x2008, 0x2000, 0x1001]
    outcomes = rig.same(jit(single), *(launch_one(ptr(address)) for address in addresses))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 1, 2, 2, 1, 2)]
    assert rig.went() == {FIRST: 2, FAST: 4}


def test_pointers_are_specialised_on_their_dtype(rig):
    """Row 4. Regression: a missing specialisation, here of the dtype, gives wrong data."""
    dtypes = ["fp32", "fp16", "fp32", "i8", "fp16"]
    outcomes = rig.same(jit(single), *(launch_one(ptr(0x1000, dtype)) for dtype in dtypes))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1, 3, 2)]


def test_pointers_to_constants_have_types_of_their_own(rig):
    """Row 4: `*k` for `const`."""
    kernel = triton.jit(const)
    compiled = [kernel[(2,)](ptr(0x1000, "i32"), ptr(0x1000), ptr(0x1000, "fp16")) for _ in range(2)]
    assert rig.went() == {FIRST: 1, FAST: 1}
    assert signature(compiled[1]) == ("*ki32", "*kfp32", "*kfp16")
    arguments = (ptr(0x1000, "i32"), ptr(0x1000), ptr(0x1000, "fp16"))
    rig.same(jit(const), lambda k: k[(2,)](*arguments), lambda k: k[(2,)](*arguments))


# -- Rows 5 and 6


def annotated(a: tl.float16, b: "bf16", c: tl.float64, d: "u1", e: tl.int8, f: tl.uint64, g: tl.int32):  # noqa: F821
    pass


def test_annotated_floats_and_bools_are_not_specialised(rig):
    """Row 5: whatever their value, the type is the annotation's."""
    calls = [(1.5, 2.5, 3.5, True), (0.0, -1.0, 1.0, False), (1, True, 16, 1), (float("inf"), 0, False, 0)]
    works = [lambda k, call=call: k[(2,)](*call, 3, 5, 7) for call in calls]
    outcomes = rig.same(jit(annotated), *works)
    assert {outcome.result for outcome in outcomes} == {"kernel 1"}
    assert rig.went() == {FIRST: 1, FAST: 3}
    seen = [struct.unpack("<d", outcome.launches[0].params[2])[0] for outcome in outcomes]
    assert seen == [3.5, 1.0, 16.0, 0.0]


def test_annotated_integers_keep_type_and_specialisation(rig):
    """Row 5: the type is the annotation's, 1 is not a constant, and multiples of 16 are known."""
    kernel = triton.jit(annotated)
    numbers = [(3, 5, 7), (16, 32, 48), (1, 1, 1), (100, 2**63, 2**20), (-1, 7, -1)]
    compiled = [kernel[(2,)](0.0, 0.0, 0.0, True, *three) for three in numbers]
    assert {signature(each)[4:] for each in compiled} == {("i8", "u64", "i32")}
    assert compiled[0] is compiled[4] is not compiled[1]
    works = [lambda k, three=three: k[(2,)](0.0, 0.0, 0.0, True, *three) for three in numbers * 2]
    rig.went()
    rig.same(jit(annotated), *works)
    went = rig.went()
    assert went[FAST] >= len(numbers) and set(went) == {FIRST, FAST}


def unspecialised(x, n, m, k):
    pass


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, [1, 2, 3, 4, 1]),
        ({"do_not_specialize": ["n", "m"]}, [1, 1, 1, 2, 1]),
        ({"do_not_specialize": [1, 2, 3]}, [1, 1, 1, 1, 1]),
        ({"do_not_specialize_on_alignment": ["n", "m", "k"]}, [1, 1, 2, 1, 1]),
        ({"do_not_specialize_on_alignment": [1, "m"]}, [1, 1, 2, 3, 1]),
    ],
)
def test_parameters_can_be_left_unspecialised(rig, options, kinds):
    """Row 6: `do_not_specialize` and `do_not_specialize_on_alignment`, by name or number."""
    calls = [(17, 17, 17), (16, 32, 17), (1, 1, 17), (17, 17, 16), (17, 17, 17)]
    outcomes = rig.same(jit(unspecialised, **options), *(lambda k, call=call: k[(2,)](X, *call) for call in calls))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in kinds]
    assert rig.went() == {FIRST: max(kinds), FAST: len(kinds) - max(kinds)}


def test_a_pointer_can_be_left_unspecialised(rig):
    """Row 6: an address that is not aligned gets the same kernel then."""
    for options in ({"do_not_specialize": ["x"]}, {"do_not_specialize_on_alignment": ["x"]}):
        works = [lambda k, address=address: k[(2,)](ptr(address), 5, 6, 7) for address in (0x1000, 0x1004, 0x1001)]
        outcomes = rig.same(jit(unspecialised, **options), *works)
        assert [outcome.result for outcome in outcomes] == ["kernel 1"] * 3
        assert rig.went() == {FIRST: 1, FAST: 2}


# -- Row 7


@triton.jit
def helper(x):
    return x


@triton.jit
def other_helper(x):
    return x


@pytest.mark.parametrize(
    ("value", "type_", "form", "seen"),
    [
        ((X, 3), ("*fp32", "i32"), "Qi", (0x1000, 3)),
        ((X, (3, (2.5, True))), ("*fp32", ("i32", ("fp32", "u1"))), "QifB", (0x1000, 3, 2.5, 1)),
        ((1, None, 2**40), ("constexpr", "constexpr", "i64"), "q", (2**40,)),
        ((), (), "", ()),
        (((), (1,), 7), ((), ("constexpr",), "i32"), "i", (7,)),
        (Pair(X, 3), Pair("*fp32", "i32"), "Qi", (0x1000, 3)),
        (Pair(Pair(5, X), (3,)), Pair(Pair("i32", "*fp32"), ("i32",)), "iQi", (5, 0x1000, 3)),
        ((tl.constexpr(5), 7), ("constexpr", "i32"), "i", (7,)),
    ],
)
def test_tuples_are_taken_apart(rig, value, type_, form, seen):
    """Row 7: nested and named tuples."""
    kernel = triton.jit(single)
    compiled = [kernel[(2,)](value) for _ in range(2)]
    assert rig.went() == {FIRST: 1, FAST: 1} and compiled[0] is compiled[1]
    assert signature(compiled[0]) == (type_,) and type(signature(compiled[0])[0]) is type(type_)
    assert [values(launch, form) for launch in rig.launches()] == [seen] * 2
    rig.same(jit(single), launch_one(value), launch_one(value))


def test_what_is_special_about_an_element_chooses_the_kernel(rig):
    """Row 7: elements are specialised as arguments are."""
    tuples = [(X, 3), (X, 16), (ptr(0x1004), 3), (X, 5), (Y, 32), (X, 1), (X, (3,)), (X,), (Y, (5,))]
    outcomes = rig.same(jit(single), *map(launch_one, tuples))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 3, 1, 2, 4, 5, 6, 5)]
    assert rig.went() == {FIRST: 6, FAST: 3}


def test_a_list_is_no_tuple(rig):
    """Row 7: it is refused as Triton refuses it."""
    for outcome in rig.same(jit(single), launch_one([X, 3]), launch_one([X, 3])):
        assert outcome.error.startswith("TypeError: ")


def calls_function(function, x):
    pass


def calls_constant(function: tl.constexpr, x):
    pass


@pytest.mark.parametrize("kernel", [calls_function, calls_constant])
def test_functions_are_told_apart_by_their_keys(rig, kernel):
    """Row 7: JITFunction arguments."""
    functions = [helper, other_helper, helper, other_helper, triton.jit(helper.fn)]
    outcomes = rig.same(jit(kernel), *(lambda k, f=f: k[(2,)](f, X) for f in functions))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1, 2, 1)]
    if kernel is calls_constant:
        assert rig.went() == {FIRST: 3, FAST: 2}


class Number(int):
    pass


@pytest.mark.parametrize("value", [Number(16), Number(1), Size.FOUR, Size.ONE, tl.constexpr(16), tl.constexpr(1.0)])
def test_subclasses_and_wrapped_constants_are_taken_as_in_tree(rig, value):
    """Row 7: subclasses of int, enumerations, and `tl.constexpr` arguments."""
    rig.same(jit(single), launch_one(value), launch_one(value), launch_one(16), launch_one(value), launch_one((value, value)))
    rig.same(jit(calls_constant), *[lambda k: k[(2,)](value, X)] * 2, lambda k: k[(2,)](16, X), lambda k: k[(2,)](value, X))


# -- Row 8


def test_a_tensor_map_is_made_for_every_launch(rig):
    """Row 8: equal descriptors share a kernel and each launch has a map of its own."""
    wide, narrow = [16, 64], [16, 32]
    descriptors = [descriptor(0x1000, wide, [8, 32]), descriptor(0x2000, wide, [8, 32]), descriptor(0x1000, narrow, [8, 32])]
    descriptors += [descriptor(0x1000, wide, [8, 32]), descriptor(0x1000, wide, [8, 16])]
    outcomes = rig.same(jit(single), *map(launch_one, descriptors))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 1, 1, 1, 2)]
    maps = [outcome.launches[0].params[0] for outcome in outcomes]
    assert maps[0] == maps[3] and len(set(maps[:3])) == 3
    sizes = [struct.unpack("<ii", b"".join(outcome.launches[0].params[1:3])) for outcome in outcomes]
    assert sizes == [(16, 64), (16, 64), (16, 32), (16, 64), (16, 64)]


def test_a_descriptor_changed_in_place_is_read_anew(rig):
    """Row 8: the object may be the same and what it describes another."""
    changing = descriptor(0x1000, [16, 64], [8, 32])

    def move(kernel):
        changing.base = ptr(changing.base.data_ptr() ^ 0x3000, "fp16")
        return kernel[(2,)](changing)

    outcomes = rig.same(jit(single), launch_one(changing), move, move)
    maps = [outcome.launches[0].params[0] for outcome in outcomes]
    assert maps[0] == maps[2] != maps[1]


def test_a_descriptor_that_is_taken_apart_is_passed_as_numbers(rig):
    """Row 8: where the compiler makes no tensor map, the base, shape and strides are parameters."""
    rig.compiler.settings["tensordesc"] = False
    described = descriptor(0x1000, [16, 64], [8, 32])
    outcomes = rig.same(jit(single), launch_one(described), launch_one(described), launch_one((described, 5)))
    assert values(outcomes[1].launches[0], "QqqqqBBiiqq") == (0x1000, 16, 64, 64, 1, 0, 0, 16, 64, 64, 1)


@pytest.mark.parametrize("kind", ["tiled", "im2col"])
def test_descriptors_of_gluon_have_their_layout_in_the_type(rig, kind):
    """Row 8: Gluon's layout and the rank of an im2col tensor are part of what a kernel is compiled for."""
    from triton.experimental.gluon.language import NVMMASharedLayout
    from triton.experimental.gluon.nvidia.hopper import TensorDescriptor, TensorDescriptorIm2Col

    def make(swizzle):
        layout = NVMMASharedLayout(swizzle_byte_width=swizzle, element_bitwidth=16, rank=2)
        base = ptr(0x1000, DType("fp16"))
        if kind == "tiled":
            return TensorDescriptor(base, [16, 64], [64, 1], [8, 32], layout)
        return TensorDescriptorIm2Col(
            base,
            [1, 8, 8, 32],
            [2048, 256, 32, 1],
            [8, 32],
            layout,
            pixel_box_lower_corner=[0, 0],
            pixel_box_upper_corner=[0, 0],
        )

    if kind == "im2col":
        tensor_map = {
            "swizzle": 2,
            "elem_size": 2,
            "elem_type": 6,
            "block_size": [8, 32],
            "fp4_padded": False,
            "is_im2col": True,
        }
        rig.compiler.settings["metadata"] = {"tensordesc_meta": [tensor_map]}
    outcomes = rig.same(jit(single), *(launch_one(make(swizzle)) for swizzle in (64, 32, 64)))
    assert [outcome.result for outcome in outcomes] == ["kernel 1", "kernel 2", "kernel 1"]
    assert ("input_rank=4" in outcomes[0].compiled[0]) == (kind == "im2col")


# -- Row 9


def constant(C: tl.constexpr):
    pass


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, {1}, (1, [2])])
def test_an_unhashable_constant_is_a_type_error(rig, value):
    """Row 9: each time, also when the kernel has others."""
    outcomes = rig.same(jit(constant), launch_one(3), launch_one(value), launch_one(value), launch_one(3))
    assert outcomes[1].error == outcomes[2].error
    assert outcomes[1].error.startswith("TypeError: ") and "hash" in outcomes[1].error
    assert rig.went() == {FIRST: 1, FAST: 1, "constant without a hash": 2}


def test_an_error_in_a_hash_is_raised(rig):
    """Row 9: also one that is not about hashing."""

    class Sour:
        def __hash__(self):
            raise ZeroDivisionError("no hash today")

    kernel = triton.jit(constant)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match=r"^no hash today$"):
            kernel[(2,)](Sour())


# -- Constants that Python takes for equal


EQUAL = [(0, 0.0, False, -0.0), (1, 1.0, True), ((0,), (0.0,), (False,), (-0.0,)), (2, 2.0), (2**53, 2.0**53)]


@pytest.mark.parametrize("constants", EQUAL)
@pytest.mark.parametrize("wrap", [lambda value: value, tl.constexpr, lambda value: (value, 5)])
def test_regression_equal_constants_of_other_types_have_kernels_of_their_own(rig, constants, wrap):
    """Regression: to Triton's cache in memory 0, 0.0, False and -0.0 are one key, so the second caller got the first one's
    kernel."""
    kernel = triton.jit(constant)
    made = {repr(value): kernel[(2,)](wrap(value)) for value in constants}
    assert len(set(map(id, made.values()))) == len(made)
    rig.went()
    for value in reversed(constants):
        assert kernel[(2,)](wrap(value)) is made[repr(value)], value
    assert rig.went() == {FAST: len(constants)}


def test_regression_equal_constants_have_kernels_of_their_own_on_the_slow_path(rig):
    """Regression: as above, where each launch goes Triton's own way."""
    kernel = triton.jit(constant)
    run = launching.run_tritons_way
    calls = {repr(value): lambda value=value: run(kernel, value, grid=(2,), warmup=False) for value in EQUAL[0] + EQUAL[1]}
    made = {name: call() for name, call in calls.items()}
    assert len(set(map(id, made.values()))) == 7
    assert all(call() is made[name] for name, call in calls.items())
    assert all(kernel.warmup(value, grid=(2,)) is made[repr(value)] for value in EQUAL[0] + EQUAL[1])
    assert rig.went() == {}


def test_regression_equal_options_have_kernels_of_their_own(rig):
    """Regression: options are text in Triton's key, and so are told apart; by us as well."""
    works = [lambda k, v=v: k[(2,)](3, launch_pdl=v) for v in (True, 1, False, 0, True, 1)]
    outcomes = rig.same(jit(constant), *works)
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 3, 4, 1, 2)]
    assert rig.went() == {FIRST: 4, FAST: 2}


def add_constant(out, n, C: tl.constexpr):
    tl.store(out, n + C)


def test_regression_a_real_kernel_has_the_constant_that_it_was_given(rig):
    """Regression: with Triton's own cache in memory, n + 1.0 here was n + 1, which is another number for a large n."""
    with rig.compiling():
        kernel = triton.jit(add_constant)
        one, single, again = (kernel[(1,)](X, 7, C) for C in (1, 1.0, 1.0))
    assert again is single and "arith.addi" in one.asm["ttir"] and "arith.addf" in single.asm["ttir"]
    assert [values(launch, "Qi") for launch in rig.launches()] == [(0x1000, 7)] * 3
    assert rig.went() == {FIRST: 2, FAST: 1}


# -- Row 10


def options_of(compiled):
    """The options that every launch sets, as a kernel was compiled with them."""
    metadata = compiled.metadata
    return metadata.debug, metadata.instrumentation_mode, metadata.fpsan_homomorphic_casts


def set_knob(group, name, value):
    def work(kernel):
        setattr(getattr(knobs, group), name, value)
        return kernel[(2,)](X)

    return work


def set_variable(name, value):
    def work(kernel):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
        return kernel[(2,)](X)

    return work


@pytest.mark.parametrize(
    ("own", "given", "knob", "expected"),
    [
        (None, None, False, False),
        (None, None, True, True),
        (True, None, False, True),
        (False, None, True, True),
        (None, True, False, True),
        (True, False, False, False),
        (True, False, True, True),
        (False, False, False, False),
    ],
)
def test_debug_is_the_functions_or_the_calls_or_the_knobs(rig, own, given, knob, expected):
    """Row 10: the option given replaces the function's, and the knob switches debugging on whatever they are."""
    knobs.runtime.debug = knob
    kernel, keywords = triton.jit(single, debug=own), {} if given is None else {"debug": given}
    compiled = [kernel[(2,)](X, **keywords) for _ in range(2)]
    assert rig.went() == {FIRST: 1, FAST: 1}
    assert options_of(compiled[1])[0] is expected
    rig.same(jit(single, debug=own), lambda k: k[(2,)](X, **keywords), lambda k: k[(2,)](X, **keywords))


def test_debug_is_read_for_every_launch(rig):
    """Row 10: from the function and from the knob."""

    def change_function(kernel):
        kernel.debug = not kernel.debug
        return kernel[(2,)](X)

    changes = [set_knob("runtime", "debug", value) for value in (False, True, False, True)]
    outcomes = rig.same(jit(single), *changes, change_function, change_function, changes[0])
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1, 2, 2, 2, 1)]
    assert ["'debug': True" in outcome.compiled[0] for outcome in outcomes[:2]] == [False, True]


def test_instrumentation_is_read_for_every_launch(rig):
    """Row 10: `instrumentation_mode`."""
    modes = ["", "fpsan", "", "fpsan", "consan"]
    outcomes = rig.same(jit(single), *(set_knob("compilation", "instrumentation_mode", mode) for mode in modes))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1, 2, 3)]
    assert rig.went() == {FIRST: 3, FAST: 2}


def test_homomorphic_casts_are_read_from_the_environment_for_every_launch(rig, monkeypatch):
    """Row 10: `fpsan_homomorphic_casts`, with no word to us when the variable changes."""
    name = "TRITON_FPSAN_HOMOMORPHIC_CASTS"
    monkeypatch.delenv(name, raising=False)
    values = [None, "1", None, "0", "1", "true", None]
    outcomes = rig.same(jit(single), *(set_variable(name, value) for value in values))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1, 1, 2, 2, 1)]
    assert rig.went() == {FIRST: 2, FAST: 5}


def test_regression_a_variable_that_takes_the_place_of_another_is_noticed(rig, monkeypatch):
    """Regression: with as many variables as before and the same last one, the environment was taken for unchanged."""
    name = "TRITON_FPSAN_HOMOMORPHIC_CASTS"
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAFT_TEST_FIRST", "1")
    monkeypatch.setenv("GRAFT_TEST_LAST", "2")
    kernel = triton.jit(single)
    assert [options_of(kernel[(2,)](X))[2] for _ in range(2)] == [False, False]
    for gone in ("GRAFT_TEST_FIRST", "GRAFT_TEST_LAST"):
        monkeypatch.delenv(gone)
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("GRAFT_TEST_LAST", "2")
    assert [options_of(kernel[(2,)](X))[2] for _ in range(2)] == [True, True]


def test_homomorphic_casts_can_be_set_as_a_knob(rig, monkeypatch):
    """Row 10: a knob that is set is not read from the environment."""
    monkeypatch.setenv("TRITON_FPSAN_HOMOMORPHIC_CASTS", "1")
    values = [True, False, True]
    outcomes = rig.same(jit(single), *(set_knob("compilation", "fpsan_homomorphic_casts", value) for value in values))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1)]
    assert rig.went() == {FIRST: 2, FAST: 1}


def test_the_variable_of_debug_is_read_as_triton_reads_it(rig, monkeypatch):
    """Row 10: `TRITON_DEBUG` counts from `knobs.refresh_knobs()` on."""
    monkeypatch.delenv("TRITON_DEBUG", raising=False)

    def refresh(kernel):
        knobs.refresh_knobs()
        return kernel[(2,)](X)

    before = knobs.runtime.debug, knobs.compilation.instrumentation_mode
    try:
        works = [launch_one(X), set_variable("TRITON_DEBUG", "1"), refresh, set_variable("TRITON_DEBUG", None), refresh]
        outcomes = rig.same(jit(single), *works)
    finally:
        monkeypatch.undo()
        knobs.refresh_knobs()
    assert (knobs.runtime.debug, knobs.compilation.instrumentation_mode) == before
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 1, 2, 2, 1)]


def test_knobs_may_be_replaced_wholesale(rig):
    """Row 10: as Triton's own fixtures do, `knobs.runtime` may be another object from one launch to the next."""
    seen = []
    kernel = triton.jit(single)
    first = kernel[(2,)](X)
    knobs.runtime = knobs.runtime.copy()
    assert kernel[(2,)](X) is first
    knobs.runtime.debug = True
    assert options_of(kernel[(2,)](X))[0] is True
    knobs.runtime.launch_enter_hook = knobs.HookChain()
    knobs.runtime.launch_enter_hook.add(lambda metadata: seen.append(metadata.get()["name"]))
    kernel[(2,)](X)
    assert seen == ["single"] and rig.went() == {FIRST: 2, FAST: 2}
    knobs.compilation = knobs.compilation.copy()
    knobs.compilation.instrumentation_mode = "consan"
    assert options_of(kernel[(2,)](X)) == (True, "consan", False)


# -- Row 11


def test_pre_run_hooks_are_called_with_what_the_launch_was_given(rig):
    """Row 11: before the lookup, with the original arguments and the three options that each launch sets."""
    seen = []

    def make():
        kernel = triton.jit(shapes)
        kernel.add_pre_run_hook(lambda *args, **kwargs: seen.append(("first", args, kwargs, len(rig.launches()))))
        kernel.add_pre_run_hook(lambda *args, **kwargs: seen.append(("second", args, kwargs, len(rig.launches()))))
        return kernel

    works = [
        lambda k: k[(2,)](X, n=7),
        lambda k: k[(2,)](X, n=7),
        lambda k: k[(2,)](X, num_warps=8, debug=True),
        lambda k: k[(2,)](X),
    ]
    rig.same(make, *works)
    assert rig.went() == {FIRST: 3, FAST: 1}
    assert seen[:8] == seen[8:]
    options = {"debug": False, "instrumentation_mode": "", "fpsan_homomorphic_casts": False}
    assert seen[0] == ("first", (X,), {"n": 7, **options}, 0)
    assert seen[5] == ("second", (X,), {"num_warps": 8, **options, "debug": True}, 0)
    assert [name for name, *_ in seen] == ["first", "second"] * 8


def test_pre_run_hooks_may_be_added_and_taken_away(rig):
    """Row 11: the list of a launch is that of the moment."""
    seen = []
    kernel = triton.jit(single)
    kernel[(2,)](X)
    kernel.add_pre_run_hook(lambda value, **kwargs: seen.append(value))
    kernel[(2,)](X)
    kernel[(2,)](Y)
    kernel.pre_run_hooks.clear()
    kernel[(2,)](X)
    kernel.pre_run_hooks = [lambda value, **kwargs: seen.append("other")]
    kernel[(2,)](X)
    assert seen == [X, Y, "other"] and rig.went() == {FIRST: 1, FAST: 4}


def test_an_error_in_a_pre_run_hook_keeps_the_kernel_from_running(rig):
    """Row 11: it is raised, and neither further hooks nor the kernel follow."""
    seen = []

    def fail(*args, **kwargs):
        raise ZeroDivisionError("not today")

    def make():
        kernel = triton.jit(single)
        kernel.pre_run_hooks = [seen.append, fail, seen.append]
        return kernel

    def without(kernel):
        kernel.pre_run_hooks = []
        return kernel[(2,)](X)

    def again(kernel):
        kernel.pre_run_hooks = [fail, fail]
        return kernel[(2,)](X)

    outcomes = rig.same(make, without, again, again)
    assert [outcome.error for outcome in outcomes[1:]] == ["ZeroDivisionError: not today"] * 2
    assert outcomes[1].launches == () and seen == []


def test_what_a_pre_run_hook_changes_counts_for_its_launch(rig):
    """Row 11: a knob that a hook sets, and a pointer that it moves, are looked at after it; options were read before."""
    moving = ptr(0x1000)

    def hook(value, **kwargs):
        moving.address ^= 0x2004
        knobs.runtime.debug = not knobs.runtime.debug

    def make():
        knobs.runtime.debug, moving.address = False, 0x1000
        kernel = triton.jit(single)
        kernel.add_pre_run_hook(hook)
        return kernel

    outcomes = rig.same(make, *[launch_one(moving)] * 6)
    assert [values(outcome.launches[0], "Q")[0] for outcome in outcomes] == [0x3004, 0x1000] * 3


# -- Row 12


def test_the_stages_hook_is_called_for_every_run_and_its_hash_joins_the_key(rig):
    """Row 12: a kernel compiled with one hash is not launched for another."""
    calls = []
    answer = ["one"]

    def hook(*args):
        calls.append(answer[0])
        return "key", answer[0]

    def set_answer(text):
        def work(kernel):
            knobs.runtime.add_stages_inspection_hook = hook if text else None
            answer[0] = text
            return kernel[(2,)](X)

        return work

    outcomes = rig.same(jit(single), *map(set_answer, [None, "one", "two", "one", "one", None, None]))
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 3, 2, 2, 1, 1)]
    assert rig.went() == {FIRST: 1, FAST: 2, "add_stages_inspection_hook is set": 4}
    half = len(calls) // 2
    assert calls[:half] == calls[half:] and half > 4


# -- Row 13

SIZE = tl.constexpr(4)
OTHER_SIZE = tl.constexpr(16)


@triton.jit
def sized_helper(x):
    return x + OTHER_SIZE


def uses_globals(x):
    sized_helper(x) + SIZE


def set_global(name, value):
    def work(kernel):
        globals()[name] = value
        return kernel[(2,)](X)

    return work


def missing_global(name):
    def work(kernel):
        value = globals().pop(name)
        try:
            return kernel[(2,)](X)
        finally:
            globals()[name] = value

    return work


def changed(name, before, after):
    return f"RuntimeError: Global variable {name} has changed since we compiled this kernel, from {before} to {after}"


def test_a_global_that_changed_is_an_error(rig):
    """Row 13: for the kernel's own and for those of functions that it calls, as long as they are another."""
    small, large = tl.constexpr(4), tl.constexpr(16)
    works = [set_global("SIZE", small), set_global("SIZE", tl.constexpr(8)), launch_one(X), set_global("SIZE", tl.constexpr(4))]
    works += [set_global("OTHER_SIZE", tl.constexpr(32)), set_global("OTHER_SIZE", large), set_global("SIZE", 4), launch_one(Y)]
    works += [set_global("SIZE", small), missing_global("SIZE"), launch_one(X)]
    outcomes = rig.same(jit(uses_globals), *works)
    first, other = changed("SIZE", "constexpr[4]", "constexpr[8]"), changed("OTHER_SIZE", "constexpr[16]", "constexpr[32]")
    assert [outcome.error for outcome in outcomes[:9]] == ["", first, first, "", other, "", "", "", ""]
    assert outcomes[9].error.startswith(changed("SIZE", "constexpr[4]", "<object object at "))
    assert [len(outcome.launches) for outcome in outcomes] == [1, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1]
    assert rig.went() == {FIRST: 1, FAST: 6, "a used global has changed": 4}


def test_a_global_that_changed_is_an_error_under_warmup(rig):
    """Row 13: nothing is launched then, and the error is the same."""
    works = [set_global("SIZE", tl.constexpr(4)), set_global("SIZE", tl.constexpr(8)), lambda k: k.warmup(X, grid=(2,))]
    works.append(set_global("SIZE", tl.constexpr(4)))
    outcomes = rig.same(jit(uses_globals), *works)
    assert outcomes[2].error == outcomes[1].error == changed("SIZE", "constexpr[4]", "constexpr[8]")


def test_a_global_that_cannot_be_compared_is_an_error(rig):
    """Row 13: what its comparison raises."""

    class Sour(tl.constexpr):
        def __eq__(self, other):
            raise ZeroDivisionError("no comparison today")

        __ne__ = __eq__
        __hash__ = None

    works = [
        set_global("SIZE", tl.constexpr(4)),
        set_global("SIZE", Sour(4)),
        launch_one(X),
        set_global("SIZE", tl.constexpr(4)),
    ]
    outcomes = rig.same(jit(uses_globals), *works)
    assert [outcome.error for outcome in outcomes] == ["", *["ZeroDivisionError: no comparison today"] * 2, ""]


# -- Row 14


@pytest.mark.parametrize(
    ("grid", "seen"),
    [
        ((3,), (3, 1, 1)),
        ((3, 2), (3, 2, 1)),
        ((3, 2, 5), (3, 2, 5)),
        ((3, 2, 5, 7), (3, 2, 5)),
        ([3], (3, 1, 1)),
        ([3, 2], (3, 2, 1)),
        (lambda meta: (meta["n"],), (48, 1, 1)),
        (lambda meta: [meta["n"], meta["BLOCK"]], (48, 64, 1)),
        ((2**31 - 1, 1, 1), (2**31 - 1, 1, 1)),
        ((1, 65535, 65535), None),
        ((True,), (1, 1, 1)),
        ((Number(3), Size.FOUR), (3, 4, 1)),
    ],
)
def test_grids_have_one_to_three_dimensions(rig, grid, seen):
    """Row 14: a tuple, a list, or a function of the bound arguments."""
    kernel = triton.jit(shapes)
    for _ in range(2):
        kernel[grid](X, n=48)
    assert rig.went() == {FIRST: 1, FAST: 1}
    assert [launch.grid for launch in rig.launches()] == [seen or grid] * 2
    if seen:
        rig.same(jit(shapes), *[lambda k: k[grid](X, n=48)] * 2)


@pytest.mark.parametrize(
    "grid", [(), [], None, 5, "12", (1.0,), (None,), (2**31,), (2**64,), (1, "2"), lambda meta: None, lambda: (1,)]
)
def test_grids_that_are_none_are_the_errors_of_triton(rig, grid):
    """Row 14: what cannot be a grid, with whatever Triton says to it."""
    for outcome in rig.same(jit(shapes), lambda k: k[grid](X), lambda k: k[grid](X))[1:]:
        assert outcome.error and not outcome.launches


@pytest.mark.parametrize("grid", [(0,), (2, 0), (3, 2, 0), (-1,), (3, -2)])
def test_an_empty_grid_launches_nothing(rig, grid):
    """Row 14: and is no error; the kernel is returned."""
    outcomes = rig.same(jit(shapes), lambda k: k[grid](X), lambda k: k[grid](X))
    assert [(outcome.result, outcome.launches) for outcome in outcomes] == [("kernel 1", ())] * 2
    assert rig.went() == {FIRST: 1, FAST: 1}


@pytest.mark.parametrize("grid", [(65536, 65535), (2**31 - 1, 2), (65536, 32768, 1), (2**20, 2**11, 2), (2**16, 2**15, 2**15)])
def test_regression_a_grid_of_more_than_2_to_the_31_blocks_is_launched(rig, grid):
    """Regression: the product was an int, and such a grid was skipped in silence."""
    kernel = triton.jit(shapes)
    for _ in range(2):
        kernel[grid](X)
    assert [launch.grid for launch in rig.launches()] == [(*grid, 1)[:3]] * 2
    kernel[(*grid[:-1], 0)](X)
    assert rig.launches() == [] and rig.went() == {FIRST: 1, FAST: 2}


def test_a_callable_grid_sees_all_bound_arguments(rig):
    """Row 14: by name, in the order of the parameters, with defaults; the dictionary is new for each launch."""
    seen = []

    def grid(meta):
        seen.append(meta)
        return (2,)

    kernel = triton.jit(variadic)
    for _ in range(2):
        kernel[grid](X, 7, n=8)
    assert [list(meta.items()) for meta in seen] == [[("x", X), ("rest", (7,)), ("n", 8)]] * 2
    assert seen[0] is not seen[1] and rig.went() == {FIRST: 1, FAST: 1}


def test_what_a_callable_grid_changes_is_launched(rig):
    """Row 14: with the kernel that was chosen before."""

    def change(**changes):
        def grid(meta):
            meta.update(changes)
            return (meta["n"],)

        return lambda kernel: kernel[grid](X, n=48)

    works = [change(), change(n=7), change(x=ptr(0x5004), scale=0.25), change(), change(x="text"), change(n=1), change(extra=5)]
    outcomes = rig.same(jit(shapes), *works)
    seen = [values(outcome.launches[0], "QQif") if outcome.launches else None for outcome in outcomes]
    assert seen[:4] == [(0x1000, 0x2000, n, s) for n, s in ((48, 1.5), (7, 1.5))] + [
        (0x5004, 0x2000, 48, 0.25),
        (0x1000, 0x2000, 48, 1.5),
    ]
    assert seen[4] is None and outcomes[4].error.startswith("TypeError: ")


def test_an_error_in_a_callable_grid_is_raised(rig):
    """Row 14: each time."""
    outcomes = rig.same(jit(shapes), lambda k: k[(2,)](X), *[lambda k: k[lambda meta: (1 // 0,)](X)] * 2)
    assert [outcome.error for outcome in outcomes] == ["", *["ZeroDivisionError: integer division or modulo by zero"] * 2]


# -- Row 15


def test_a_launch_returns_the_compiled_kernel(rig):
    """Row 15: the same object each time, and the one in Triton's cache."""
    kernel = triton.jit(single)
    first, second = kernel[(2,)](X), kernel[(2,)](X)
    assert type(first) is CompiledKernel and first is second
    assert list(kernel.device_caches[0][0].values()) == [first]


def test_a_vetoed_compilation_gives_none(rig):
    """Row 15: `jit_cache_hook` is asked each time, until it lets the kernel be compiled."""
    asked = []

    def veto(**kwargs):
        asked.append(kwargs["repr"])
        return len(asked) % 3 != 0

    knobs.runtime.jit_cache_hook = veto
    outcomes = rig.same(jit(single), *[launch_one(X)] * 4)
    assert [outcome.result for outcome in outcomes] == ["None", "None", "kernel 1", "kernel 1"]
    assert rig.went() == {"not compiled here (hook, future or failure)": 2, FIRST: 1, FAST: 1}
    assert asked[:3] == asked[3:]


def test_hooks_around_compilation_are_called_once_for_a_kernel(rig):
    """Row 15: `jit_cache_hook` before and `jit_post_compile_hook` after it."""
    seen = []
    knobs.runtime.jit_cache_hook = lambda **kwargs: (
        seen.append(("before", kwargs["fn"].name, kwargs["compile"]["is_warmup"])) or False
    )
    knobs.runtime.jit_post_compile_hook = lambda **kwargs: seen.append(("after", kwargs["repr"], kwargs["is_manual_warmup"]))
    rig.same(jit(single), launch_one(X), launch_one(X), lambda k: k.warmup(3, grid=(1,)), launch_one(3))
    assert len(seen) == 8 and seen[:4] == seen[4:] and seen[0] == ("before", "single", False)


def test_an_error_in_compiling_is_raised_and_tried_again(rig):
    """Row 15: what could not be compiled is not remembered."""

    def failing(kernel):
        rig.compiler.settings["error"] = "this kernel does not compile"
        return kernel[(2,)](X)

    def working(kernel):
        rig.compiler.settings.clear()
        return kernel[(2,)](X)

    outcomes = rig.same(jit(single), failing, failing, working, launch_one(X))
    assert [outcome.error for outcome in outcomes] == [*["ValueError: this kernel does not compile"] * 2, "", ""]
    assert rig.went() == {FIRST: 1, FAST: 1}


def test_asynchronous_compilation_gives_a_future_and_then_the_kernel(rig):
    """Row 15: inside the mode, a first launch waits for its kernel and returns the future of it."""
    kernel = triton.jit(single)
    with ThreadPoolExecutor(1) as executor, triton.AsyncCompileMode(executor):
        future = kernel[(2,)](X)
        assert type(future) is FutureKernel and len(rig.launches()) == 1
        warm = kernel.warmup(7, grid=(2,))
        assert type(warm) is FutureKernel
        inside = kernel[(2,)](X)
    assert inside is future.result() and warm.result() is kernel[(2,)](7)
    rig.went()
    assert kernel[(2,)](X) is inside and kernel[(2,)](7) is warm.result()
    assert rig.went() == {FAST: 2} and rig.compiler.number == 2


def test_a_failing_asynchronous_compilation_is_raised(rig):
    """Row 15: and forgotten."""
    kernel = triton.jit(single)
    rig.compiler.settings["error"] = "this kernel does not compile"
    failing = pytest.raises(ValueError, match=r"^this kernel does not compile$")
    with ThreadPoolExecutor(1) as executor, triton.AsyncCompileMode(executor, ignore_errors=True), failing:
        kernel[(2,)](X)
    rig.compiler.settings.clear()
    assert type(kernel[(2,)](X)) is CompiledKernel


# -- Row 16


def noting(seen, name):
    """A launch hook that notes what it is given."""
    return lambda metadata: seen.append((name, metadata.get()))


def test_launch_hooks_may_be_added_and_taken_away_at_any_time(rig):
    """Row 16: enter hooks in order, the launch, exit hooks in reverse."""
    seen = []

    def hook(name):
        return lambda metadata: seen.append((name, metadata.get()["name"], metadata.get()["stream"], len(rig.stub.launches())))

    enter, exit_ = knobs.runtime.launch_enter_hook, knobs.runtime.launch_exit_hook
    hooks = [hook(name) for name in ("enter 1", "enter 2", "exit 1", "exit 2")]
    kernel = triton.jit(single)
    kernel[(2,)](X)
    enter.add(hooks[0])
    kernel[(2,)](X)
    for chain, function in ((enter, hooks[1]), (exit_, hooks[2]), (exit_, hooks[3])):
        chain.add(function)
    rig.launches()
    kernel[(2,)](X)
    enter.remove(hooks[0])
    enter.remove(hooks[1])
    kernel[(2,)](X)
    exit_.calls.clear()
    kernel[(2,)](X)
    single_call = [("enter 1", "single", 0, 1)]
    both = [("enter 1", "single", 0, 0), ("enter 2", "single", 0, 0), ("exit 2", "single", 0, 1), ("exit 1", "single", 0, 0)]
    assert seen == single_call + both + both[2:]
    assert rig.went() == {FIRST: 1, FAST: 4}


def test_hooks_and_scratch_memory_keep_launches_native(rig, context, monkeypatch):
    """Once a variant is known, Python's launcher is not called."""
    rig.compiler.settings |= {"global_scratch_size": 64, "metadata": {"profile_scratch_size": 32, "profile_scratch_align": 8}}
    seen, own, profile = [], Allocator(0x90000), Allocator(0xA0000)

    def run():
        triton.set_allocator(own)
        _allocation.set_profile_allocator(profile)
        kernel = triton.jit(single)
        kernel[(2,)](X)
        monkeypatch.setattr(launching.launcher.Launcher, "__call__", lambda *args: seen.append("Python's launcher"))
        kernel[(2,)](X)
        knobs.runtime.launch_enter_hook.add(lambda metadata: seen.append(metadata.get()["name"]))
        knobs.runtime.launch_exit_hook.add(lambda metadata: seen.append("after"))
        kernel[(2,)](X)
        rig.compiler.settings.clear()
        triton.jit(numbered)[(2,)](X, 5)

    try:
        context(run)
    finally:
        _allocation.set_profile_allocator(None)
    assert seen == ["single", "after", "Python's launcher"]
    launched = [struct.unpack("<QQQ", b"".join(each.params)) for each in rig.launches()]
    assert launched == [(0x1000, 0x90000, 0xA0000)] * 3


def test_scratch_memory_is_located_after_the_enter_hook(rig, context):
    """As Triton's launcher does: allocated, the hook, the arguments' addresses, the memory's."""
    rig.compiler.settings["global_scratch_size"] = 64

    def make():
        memory = ptr(0x90000, "i8")
        triton.set_allocator(lambda *args: memory)
        knobs.runtime.launch_enter_hook.calls[:] = [lambda metadata: setattr(memory, "address", memory.address + 0x1000)]
        return triton.jit(single)

    outcomes = context(rig.same, make, launch_one(X), launch_one(X))
    assert [struct.unpack("<Q", outcome.launches[0].params[1])[0] for outcome in outcomes] == [0x91000, 0x92000]


def test_an_argument_that_the_base_of_a_descriptor_moves_is_read_after_it(rig):
    class Moving(Pointer):
        def data_ptr(self):
            self.moved.address = 0x7000
            return super().data_ptr()

    def make():
        made, moved = descriptor(0x4000, [16, 64], [8, 32]), ptr(0x1000)
        return triton.jit(numbered), made, moved

    def plain(made):
        made[2].address = 0x1000
        return made[0][(2,)](made[2], made[1])

    def moving(made):
        made[1].base = Moving(0x4000, made[1].base.dtype)
        made[1].base.moved = made[2]
        return plain(made)

    outcomes = rig.same(make, plain, moving)
    assert [struct.unpack("<Q", outcome.launches[0].params[0])[0] for outcome in outcomes] == [0x1000, 0x7000]


@pytest.mark.parametrize("where", ["hook", "allocator"])
def test_an_argument_that_python_moves_is_read_after_it(rig, context, where):
    """As Triton's launcher does."""
    rig.compiler.settings["global_scratch_size"] = 64

    def make():
        moving = ptr(0x1000)

        def move(*args):
            moving.address = 0x5000
            return ptr(0x90000, "i8")

        triton.set_allocator(lambda *args: ptr(0x90000, "i8"))
        knobs.runtime.launch_enter_hook.calls.clear()
        return triton.jit(single), moving, move

    def plain(made):
        return made[0][(2,)](made[1])

    def moved(made):
        triton.set_allocator(made[2]) if where == "allocator" else knobs.runtime.launch_enter_hook.add(made[2])
        return plain(made)

    outcomes = context(rig.same, make, plain, moved)
    assert [struct.unpack("<Q", outcome.launches[0].params[0])[0] for outcome in outcomes] == [0x1000, 0x5000]


def test_launch_hooks_are_called_for_an_empty_grid(rig):
    """Row 16: although nothing is launched."""
    seen = []

    def make():
        knobs.runtime.launch_enter_hook.calls[:] = [noting(seen, "enter")]
        knobs.runtime.launch_exit_hook.calls[:] = [noting(seen, "exit")]
        return triton.jit(single)

    for outcome in rig.same(make, *[launch_one(X, (0,))] * 2):
        assert outcome.launches == ()
    assert [name for name, _ in seen] == ["enter", "exit"] * 4


def test_metadata_of_a_launch_is_made_when_it_is_asked_for(rig):
    """Row 16: the kernel's `launch_metadata` function is called with grid, metadata and arguments, and only if somebody looks."""
    asked, seen = [], []

    def describe(grid, metadata, args):
        asked.append((grid, metadata.name, metadata.num_warps, args))
        return {"flops": args["n"]}

    kernel = triton.jit(shapes, launch_metadata=describe)
    knobs.runtime.launch_enter_hook.add(lambda metadata: None)
    for _ in range(2):
        kernel[(2,)](X, n=7)
    assert asked == []
    knobs.runtime.launch_enter_hook.add(lambda metadata: seen.append(metadata.get()))
    compiled = kernel[lambda meta: [2]](X, n=9)
    assert asked == [([2], "shapes", 4, {"x": X, "y": Y, "n": 9, "scale": 1.5, "BLOCK": 64})]
    assert seen == [{"name": "shapes", "function": compiled.function, "stream": 0, "flops": 9}]
    assert rig.went() == {FIRST: 1, FAST: 2}


def test_without_an_enter_hook_there_is_no_metadata(rig):
    """Row 16: where the knob is None, exit hooks are given None."""
    seen = []

    def make():
        knobs.runtime.launch_enter_hook = None
        knobs.runtime.launch_exit_hook = seen.append
        return triton.jit(single)

    rig.same(make, launch_one(X), launch_one(X))
    assert seen == [None] * 4 and rig.went() == {FIRST: 1, FAST: 1}
    knobs.runtime.launch_exit_hook = None
    triton.jit(single)[(2,)](X)
    assert seen == [None] * 4


@pytest.mark.parametrize("chain", ["launch_enter_hook", "launch_exit_hook"])
def test_an_error_in_a_launch_hook_is_raised(rig, chain):
    """Row 16: before the launch it keeps the kernel from running; after it, the kernel has run."""

    def fail(metadata):
        raise ZeroDivisionError("not today")

    def make():
        knobs.runtime.launch_enter_hook.calls.clear()
        knobs.runtime.launch_exit_hook.calls.clear()
        return triton.jit(single)

    def failing(kernel):
        getattr(knobs.runtime, chain).add(fail)
        return kernel[(2,)](X)

    outcomes = rig.same(make, launch_one(X), failing, launch_one(X))
    assert [outcome.error for outcome in outcomes] == ["", *["ZeroDivisionError: not today"] * 2]
    assert [len(outcome.launches) for outcome in outcomes[1:]] == [chain == "launch_exit_hook"] * 2


def test_a_hook_that_adds_a_hook_is_followed(rig):
    """Row 16: what a callable grid or pre-run hook adds is called for the same launch."""
    seen = []

    def make():
        knobs.runtime.launch_enter_hook.calls.clear()
        return triton.jit(single)

    def grid(meta):
        knobs.runtime.launch_enter_hook.add(noting(seen, "enter"))
        return (2,)

    rig.same(make, launch_one(X), launch_one(X, grid))
    assert [name for name, _ in seen] == ["enter"] * 2


# -- Row 17


def on_device(device, work):
    def switched(kernel):
        triton.runtime.driver.active.set_current_device(device)
        return work(kernel)

    return switched


def test_kernels_are_launched_on_the_current_device(rig):
    """Row 17: each device has kernels, modules and contexts of its own."""
    works = [on_device(device, launch_one(X)) for device in (0, 1, 0, 1, 1, 0)]
    outcomes = rig.same(jit(single), *works)
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 2, 1, 2, 2, 1)]
    assert [outcome.launches[0].device for outcome in outcomes] == [0, 1, 0, 1, 1, 0]
    assert rig.went() == {FIRST: 2, FAST: 4}


def test_kernels_are_launched_on_the_current_stream(rig):
    """Row 17: asked for with the device, for every launch."""
    current, kernel = {0: 0x70, 1: 2}, triton.jit(single)
    kernel[(2,)](X)
    rig.driver.get_current_stream = current.__getitem__
    for device, stream in ((0, 0x70), (0, 0x7F0000000010), (1, 2), (1, 0x70), (0, 0x7F0000000010)):
        current[device] = stream
        rig.driver.set_current_device(device)
        kernel[(2,)](X)
    assert [launch.stream for launch in rig.launches()] == [0, 0x70, 0x7F0000000010, 2, 0x70, 0x7F0000000010]
    assert rig.went() == {FIRST: 2, FAST: 4}


@pytest.mark.parametrize("function", ["get_current_device", "get_current_stream"])
def test_an_error_in_asking_for_device_or_stream_is_raised(rig, function):
    """Row 17: what the driver's function raises."""

    def fail(*device):
        raise ZeroDivisionError("not today")

    kernel = triton.jit(single)
    kernel[(2,)](X)
    setattr(rig.driver, function, fail)
    with pytest.raises(ZeroDivisionError, match=r"^not today$"):
        kernel[(2,)](X)
    setattr(rig.driver, function, lambda *device: "no number")
    with pytest.raises(TypeError):
        kernel[(2,)](X)
    setattr(rig.driver, function, lambda *device: 1)
    if function == "get_current_stream":
        kernel[(2,)](X)
    assert [launch.stream for launch in rig.launches()] == [0, 1][: 1 + (function == "get_current_stream")]


def test_a_new_thread_gets_a_context(rig):
    """Row 17: that of device 0, whatever the device of the thread that made it."""
    works = [launch_one(X), lambda k: in_thread(lambda: k[(2,)](X)), on_device(1, launch_one(X))]
    works += [lambda k: in_thread(lambda: k[(2,)](X)), launch_one(X), on_device(0, launch_one(X))]
    outcomes = rig.same(jit(single), *works)
    assert [outcome.launches[0].device for outcome in outcomes] == [0, 0, 1, 0, 1, 0]
    assert rig.went() == {FIRST: 2, FAST: 4}


def test_a_first_launch_in_a_new_thread_gets_a_context(rig):
    """Row 17: also for loading the kernel."""
    rig.stub.reset(devices=2)
    outcomes = rig.same(jit(single), lambda k: in_thread(lambda: k[(2,)](X)), launch_one(X))
    assert [outcome.launches[0].device for outcome in outcomes] == [0, 0]


def test_a_thread_keeps_the_device_that_it_chose(rig):
    """Row 17: the current device is the thread's."""
    kernel = triton.jit(single)
    kernel[(2,)](X)

    def work():
        rig.driver.set_current_device(1)
        return [kernel[(2,)](X) for _ in range(2)]

    on_1 = in_thread(work)
    assert kernel[(2,)](X) is not on_1[0] is on_1[1]
    assert [launch.device for launch in rig.launches()] == [0, 1, 1, 0]


# -- Row 18


class Allocator:
    """An allocator of scratch memory that notes what it was asked for."""

    def __init__(self, address):
        self.address, self.asked = address, []

    def __call__(self, size, align, stream):
        self.asked.append((size, align, stream))
        return ptr(self.address, "i8")


@pytest.fixture
def context():
    """A context of its own for what the test does to allocators: a function that runs another in it."""
    return contextvars.copy_context().run


def test_global_scratch_comes_from_the_allocator_of_the_context(rig, context):
    """Row 18: the size is that for all CTAs; a thread has a context of its own."""
    rig.compiler.settings["global_scratch_size"] = 64
    allocators = [Allocator(0x90000), Allocator(0xA0000)]

    def using(allocator, grid, **options):
        def work(kernel):
            triton.set_allocator(allocator)
            return kernel[grid](X, **options)

        return work

    works = [using(allocators[0], (3, 2)), using(allocators[1], (5,)), using(allocators[0], (2, 1, 2), num_ctas=2)]
    works += [lambda k: in_thread(lambda: k[(3,)](X)), launch_one(X)]
    outcomes = context(rig.same, jit(single), *works)
    assert [outcome.launches[0].params[1] for outcome in outcomes if outcome.launches] == [
        struct.pack("<Q", address) for address in (0x90000, 0xA0000, 0x90000, 0x90000)
    ]
    assert outcomes[3].error.startswith("RuntimeError: Kernel requires a runtime memory allocation")
    assert [allocator.asked for allocator in allocators] == [[(384, 16, 0), (512, 16, 0), (128, 16, 0)] * 2, [(320, 16, 0)] * 2]


def test_profile_scratch_comes_from_the_profile_allocator(rig):
    """Row 18: or, where there is none, from the driver."""
    rig.compiler.settings["metadata"] = {"profile_scratch_size": 32, "profile_scratch_align": 8}
    own, default = Allocator(0x90000), Allocator(0xA0000)

    def make():
        _allocation.set_profile_allocator(None)
        triton.runtime.driver.active.allocate_default_profile_scratch = default
        return triton.jit(single)

    def with_own(kernel):
        _allocation.set_profile_allocator(own)
        return kernel[(3,)](X)

    try:
        outcomes = rig.same(make, launch_one(X), launch_one(X), with_own)
    finally:
        _allocation.set_profile_allocator(None)
    assert [outcome.launches[0].params[2] for outcome in outcomes] == [
        struct.pack("<Q", at) for at in (0xA0000, 0xA0000, 0x90000)
    ]
    assert own.asked == [(96, 8, 0)] * 2 and default.asked == [(64, 8, 0)] * 4


# -- Row 19


@pytest.mark.parametrize(
    ("options", "metadata", "grid", "attributes"),
    [
        ({}, {}, (3, 2, 1), ()),
        ({"launch_pdl": True}, {}, (3, 2, 1), ((stub_cuda.PROGRAMMATIC_SERIALIZATION, 1),)),
        ({"launch_cooperative_grid": True}, {}, (3, 2, 1), ((stub_cuda.COOPERATIVE, 1),)),
        (
            {"num_ctas": 2},
            {},
            (6, 2, 1),
            ((stub_cuda.CLUSTER_DIMENSION, struct.pack("<III", 2, 1, 1)), (stub_cuda.CLUSTER_SCHEDULING, 1)),
        ),
        (
            {"num_ctas": 16},
            {},
            (48, 2, 1),
            ((stub_cuda.CLUSTER_DIMENSION, struct.pack("<III", 16, 1, 1)), (stub_cuda.CLUSTER_SCHEDULING, 1)),
        ),
        (
            {"num_ctas": 4, "launch_pdl": True, "launch_cooperative_grid": True, "num_warps": 8},
            {"shared": 100_000},
            (12, 2, 1),
            (
                (stub_cuda.COOPERATIVE, 1),
                (stub_cuda.CLUSTER_DIMENSION, struct.pack("<III", 4, 1, 1)),
                (stub_cuda.CLUSTER_SCHEDULING, 1),
                (stub_cuda.PROGRAMMATIC_SERIALIZATION, 1),
            ),
        ),
        ({"num_warps": 1}, {"shared": 227 * 1024}, (3, 2, 1), ()),
    ],
)
def test_launch_attributes_are_what_the_kernel_was_compiled_with(rig, options, metadata, grid, attributes):
    """Row 19: programmatic dependent launch, cooperative launch, and clusters, which spread; gridX counts CTAs."""
    rig.compiler.settings.update(metadata)
    outcomes = rig.same(jit(single), *[lambda k: k[(3, 2)](X, **options)] * 2)
    assert rig.went() == {FIRST: 1, FAST: 1}
    for outcome in outcomes:
        (launch,) = outcome.launches
        assert (launch.grid, launch.attributes) == (grid, attributes)
        assert (launch.block, launch.shared) == ((32 * options.get("num_warps", 4), 1, 1), metadata.get("shared", 0))


def test_a_cluster_of_16_is_asked_for_before_every_launch(rig):
    """Row 19: not every device has it to offer."""
    kernel = triton.jit(single)
    for _ in range(3):
        kernel[(3,)](X, num_ctas=16)
    assert rig.stub.calls()["cuFuncSetAttribute"] == 3
    rig.stub.fail("cuFuncSetAttribute", stub_cuda.INVALID_VALUE)
    with pytest.raises(
        LaunchError, match=r"\(cuFuncSetAttribute: CUDA_ERROR_INVALID_VALUE = 1, kernel 'single', grid \(48, 1, 1\)"
    ):
        kernel[(3,)](X, num_ctas=16)
    assert rig.went() == {FIRST: 1, FAST: 2}


def test_oversized_shared_memory_is_a_launch_attribute(rig):
    """Row 19: beyond 228 KiB, on devices that have it."""
    rig.stub.reset(devices=1, capability=107)
    triton.compiler.compiler.max_shared_mem.cache_clear()
    sizes = iter([228 * 1024, 228 * 1024 + 1, 400 * 1024] * 2)

    def launch_next(kernel):
        rig.compiler.settings["shared"] = next(sizes)
        return kernel[(2,)](X, num_stages=rig.compiler.settings["shared"])

    outcomes = rig.same(jit(single), launch_next, launch_next, launch_next)
    oversized = (stub_cuda.SHARED_MEMORY_MODE, struct.pack("<i60x", 3))
    assert [outcome.launches[0].attributes for outcome in outcomes] == [(), (oversized,), (oversized,)]
    assert [outcome.launches[0].shared for outcome in outcomes] == [233_472, 233_473, 409_600]


# -- Row 20

HOST, MAPPED, MAPPED_AT = 0x6000_0000, 0x6100_0000, 0x7300_0000


class IntPointer:
    """Its `data_ptr` gives what it is told to."""

    dtype = "fp32"

    def __init__(self, answer):
        self.answer = answer

    def data_ptr(self):
        if isinstance(self.answer, type):
            raise self.answer("this memory is gone")
        return self.answer


def pointers(a: "*fp32", b, n: tl.int32):  # noqa: F722
    pass


@pytest.mark.parametrize("value", [0, 4096, 2**63, None, X, ptr(0), IntPointer(Number(0x1000)), IntPointer(True)])
def test_a_pointer_is_an_int_or_none_or_has_an_address(rig, value):
    """Row 20: for a parameter that is annotated as one, an int is an address."""
    outcomes = rig.same(jit(pointers), *[lambda k: k[(2,)](value, Y, 7)] * 2)
    address = value.data_ptr() if hasattr(value, "data_ptr") else value or 0
    if value is not None:
        assert [values(outcome.launches[0], "QQi") for outcome in outcomes] == [(address, 0x2000, 7)] * 2
    assert rig.went() == {FIRST: 1, FAST: 1}


@pytest.mark.parametrize("answer", ["0x1000", None, 1.5, -1, 2**64, ValueError])
def test_an_object_without_a_proper_address_is_refused_as_in_tree(rig, answer):
    """Row 20: each time."""
    for outcome in rig.same(jit(single), *[launch_one(IntPointer(answer))] * 2):
        assert outcome.error and not outcome.launches


@pytest.mark.parametrize("value", ["text", 2.5, object(), [X], b"bytes", 3 + 1j])
def test_what_is_no_pointer_is_refused_as_in_tree(rig, value):
    """Row 20: for an annotated parameter."""
    for outcome in rig.same(jit(pointers), *[lambda k: k[(2,)](value, Y, 7)] * 2):
        assert outcome.error.startswith("TypeError: ")


def test_host_memory_that_is_mapped_is_translated(rig):
    """Row 20: to its address on the device; specialised is the one on the host."""
    rig.stub.mapped_memory(MAPPED, MAPPED + 0x1000, MAPPED_AT)
    outcomes = rig.same(jit(single), *(launch_one(ptr(MAPPED + offset)) for offset in (0, 16, 4, 0xFFF, 0x1000)))
    seen = [values(outcome.launches[0], "Q")[0] for outcome in outcomes]
    assert seen == [MAPPED_AT, MAPPED_AT + 16, MAPPED_AT + 4, MAPPED_AT + 0xFFF, MAPPED + 0x1000]
    assert rig.went() == {FIRST: 2, FAST: 3}


def test_other_host_memory_is_a_value_error(rig):
    """Row 20: with Triton's text, and what was passed to which kernel."""
    rig.stub.host_memory(HOST, HOST + 0x1000)
    kernel = triton.jit(pointers)
    kernel[(2,)](X, Y, 7)
    for arguments, address in (((ptr(HOST), Y), HOST), ((X, ptr(HOST + 0xFF0)), HOST + 0xFF0)):
        for _ in range(2):
            with pytest.raises(ValueError) as caught:
                kernel[(2,)](*arguments, 7)
            assert str(caught.value) == (
                f"Pointer argument cannot be accessed from Triton (cpu tensor?): address {address:#x}, kernel 'pointers'"
            )
    assert len(rig.launches()) == 1


def test_an_error_in_asking_about_a_pointer_is_raised(rig):
    """Row 20: the driver's other errors are what they are."""
    kernel = triton.jit(single)
    kernel[(2,)](X)
    rig.stub.fail("cuPointerGetAttribute", stub_cuda.ILLEGAL_ADDRESS)
    with pytest.raises(LaunchError) as caught:
        kernel[(2,)](X)
    assert str(caught.value) == (
        "Triton Error [CUDA]: an illegal memory access was encountered "
        "(cuPointerGetAttribute: CUDA_ERROR_ILLEGAL_ADDRESS = 700, 0x1000)"
    )


# -- Row 21


def floats(h: tl.float16, b: tl.bfloat16, s: tl.float32, d: tl.float64, plain):
    pass


FLOATS = [0.0, -0.0, 1.0, 0.1, -2.5, 1 / 3, 65504.0, 65519.99, 6e-8, 5.97e-8, 2.98e-8, 2.99e-8, 2**-14 - 2**-26, 1e-45, 5e-324]
FLOATS += [
    1 + 2**-11,
    1 + 3 * 2**-11,
    1 + 2**-11 + 2**-40,
    2049.0,
    2051.0,
    float("inf"),
    float("-inf"),
    float("nan"),
    -float("nan"),
]


@pytest.mark.parametrize("value", FLOATS)
def test_floats_are_narrowed_as_in_tree(rig, value):
    """Row 21: fp16 rounds to nearest even, bf16 truncates, fp32 rounds, fp64 is itself."""
    outcomes = rig.same(jit(floats), *[lambda k: k[(2,)](value, value, value, value, value)] * 2)
    half, brain, single_, double, plain = outcomes[1].launches[0].params[:-2]
    if not math.isnan(value):
        assert half[:2] == struct.pack("<e", value) and single_ == plain == struct.pack("<f", value)
        assert brain[:2] == struct.pack("<f", value)[2:] and double == struct.pack("<d", value)
    assert rig.went() == {FIRST: 1, FAST: 1}


@pytest.mark.parametrize("value", [65520.0, -65520.0, 1e300])
def test_a_float_too_large_for_half_precision_is_an_overflow_error(rig, value):
    """Row 21: also where the kernel is there."""
    outcomes = rig.same(jit(floats), *(lambda k, v=v: k[(2,)](v, 0.0, 0.0, 0.0, 0.0) for v in (1.0, value, value)))
    assert [outcome.error for outcome in outcomes] == ["", *["OverflowError: float too large to pack with e format"] * 2]


@pytest.mark.parametrize("value", [3.5e38, -1e39, 1e300])
def test_a_float_too_large_for_single_precision_is_infinite(rig, value):
    """Row 21: as C makes it."""
    outcomes = rig.same(jit(floats), *[lambda k: k[(2,)](0.0, value, value, value, value)] * 2)
    infinite = struct.pack("<f", float("inf") if value > 0 else float("-inf"))
    assert outcomes[1].launches[0].params[2] == infinite and outcomes[1].launches[0].params[1][:2] == infinite[2:]


def integers(a: tl.int8, b: tl.int16, c: tl.int32, d: tl.int64, e: tl.uint8, f: tl.uint16, g: tl.uint32, h: tl.uint64):
    pass


@pytest.mark.parametrize(
    "value", [0, 1, 127, 128, 255, 256, 300, 65535, 65536 + 7, 2**31 - 1, 2**31, 2**32 - 1, 2**32 + 5, 2**63 - 1]
)
def test_integers_are_cut_to_their_width(rig, value):
    """Row 21: as annotated, whatever their value."""
    outcomes = rig.same(jit(integers), *[lambda k: k[(2,)](*[value] * 8)] * 2)
    widths = [1, 2, 4, 8] * 2
    bits = value.to_bytes(8, "little")
    assert [param[:width] for param, width in zip(outcomes[1].launches[0].params, widths, strict=False)] == [
        bits[:w] for w in widths
    ]
    assert rig.went() == {FIRST: 1, FAST: 1}


def launch_all(arguments, kernel):
    return kernel[(2,)](*arguments)


@pytest.mark.parametrize("value", [-1, -128, -129, -(2**31), -(2**31) - 1, -(2**63)])
def test_negative_integers_are_for_signed_parameters(rig, value):
    """Row 21: for others they are what they are in-tree, and so are those that do not fit 64 bits."""
    signed = rig.same(jit(integers), *[lambda k: k[(2,)](*[value] * 4, 0, 0, 0, 0)] * 2)
    assert signed[1].launches[0].params[3] == struct.pack("<q", value)
    for place in range(4, 8):
        call = partial(launch_all, [value if index == place else 0 for index in range(8)])
        rig.same(jit(integers), call, call, partial(launch_all, [0] * 8), call)


# -- Row 22


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shared": 227 * 1024 + 1}, "out of resource: shared memory, Required: 232449, Hardware limit: 232448."),
        ({"tmem_size": 513}, "out of resource: tensor memory, Required: 513, Hardware limit: 512."),
        ({"max_threads": 127}, "out of resource: threads, Required: 128, Hardware limit: 127."),
    ],
)
def test_a_kernel_that_needs_too_much_is_out_of_resources(rig, settings, message):
    """Row 22: each time, and nothing is launched."""
    rig.compiler.settings.update(settings)
    for outcome in rig.same(jit(single), *[launch_one(X)] * 3):
        assert outcome.error.startswith(f"OutOfResources: {message}") and not outcome.launches
    assert FAST not in rig.went()


def test_a_module_that_cannot_be_loaded_is_an_error_and_tried_again(rig):
    """Row 22: with call, kernel and device in the message; afterwards the kernel can be launched."""
    kernel = triton.jit(single)
    rig.stub.fail("cuModuleLoadData", stub_cuda.OUT_OF_MEMORY)
    with pytest.raises(LaunchError) as caught:
        kernel[(2,)](X)
    size = len(kernel.device_caches[0][0].popitem()[1].asm["cubin"])
    assert str(caught.value) == (
        "Triton Error [CUDA]: out of memory (cuModuleLoadData: CUDA_ERROR_OUT_OF_MEMORY = 2, kernel 'single', cubin of "
        f"{size} bytes, 0 bytes of shared memory, device 0)"
    )
    for _ in range(2):
        kernel[(2,)](X)
    assert len(rig.launches()) == 2 and rig.went() == {FIRST: 1, FAST: 1}


def test_kernels_are_loaded_when_they_are_launched(rig):
    """Row 22: not by `warmup`, and once."""
    kernel = triton.jit(single)
    compiled = kernel.warmup(X, grid=(2,))
    assert compiled.module is None and rig.stub.modules == set()
    assert kernel[(2,)](X) is kernel[(2,)](X) is compiled
    assert rig.stub.modules == {compiled.module} and rig.stub.calls()["cuModuleLoadData"] == 1
    assert rig.went() == {FIRST: 1, FAST: 1}


def test_hooks_around_loading_and_unloading_are_called(rig):
    """Row 22: with the handles as they are at the time."""
    seen = []

    def note(name):
        return lambda module, function, kernel, group, hash_: seen.append((name, module is None, function is None, kernel))

    knobs.runtime.kernel_load_start_hook.add(note("start"))
    knobs.runtime.kernel_load_end_hook.add(note("end"))
    knobs.runtime.kernel_unload_hook.add(note("unload"))
    kernel = triton.jit(single)
    for _ in range(2):
        kernel[(2,)](X)
    assert seen == [("start", True, True, "single"), ("end", False, False, "single")]
    kernel.device_caches.clear()
    del kernel
    collect(rig)
    assert seen[2:] == [("unload", False, False, "single")] and rig.stub.modules == set()


def collect(rig):
    """Collects kernels that nobody holds; Triton's registry holds those that were made last."""
    triton.runtime.jit._triton_jit_function_registry.clear()
    gc.collect()


def test_a_forked_child_does_not_unload_the_modules_of_its_parent(rig):
    """Row 22: they belong to the process that loaded them."""
    kernel = triton.jit(single)
    compiled = [kernel[(2,)](X)]
    before = rig.stub.calls()["cuModuleUnload"]

    def drop():
        kernel.device_caches.clear()
        kernel.__dict__.clear()
        compiled.clear()
        collect(rig)
        return rig.stub.calls()["cuModuleUnload"] - before

    assert in_child(drop) == (0, "0")
    kernel[(2,)](X)
    assert rig.went() == {FIRST: 1, FAST: 1} and len(rig.stub.modules) == 1


# -- Row 23


@pytest.fixture
def gsan(monkeypatch):
    """What the GPU sanitiser is asked for at a launch, without a device behind it."""
    package, allocator, sync = (
        types.ModuleType(f"triton.experimental.gsan{name}") for name in ("", "._allocator", "._stream_sync")
    )
    package._allocator, package._stream_sync = allocator, sync
    allocator.get_device_rank = lambda device: device + 1
    allocator.get_global_state_pointer = lambda: 0x100000
    sync.launches = []
    sync.get_launch_state = lambda device, stream, pdl: (
        sync.launches.append((device, stream, pdl)) or (0x5000, len(sync.launches))
    )
    for module in (package, allocator, sync):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(triton.experimental, "gsan", package, raising=False)
    return sync


def test_a_sanitised_kernel_is_given_the_state_of_the_sanitiser(rig, gsan):
    """Row 23: with each launch, and therefore not on the fast path alone."""
    knobs.compilation.instrumentation_mode = "gsan"

    def make():
        gsan.launches.clear()
        return triton.jit(single)

    rig.compiler.settings["image"] = stub_cuda.fake_cubin("single", [8] * 6)
    outcomes = rig.same(make, launch_one(X), launch_one(X), on_device(1, launch_one(X)), on_device(0, launch_one(X)))
    assert gsan.launches == [(0, 0, False), (0, 0, False), (1, 0, False), (0, 0, False)]
    seen = [values(outcome.launches[0], "QQQQ") for outcome in outcomes]
    stride = nvidia.GSAN_PER_DEVICE_STATE_STRIDE
    assert seen == [(0x1000, 0x100000 + rank * stride, 0x5000, n) for n, rank in enumerate((1, 1, 2, 1), start=1)]


def test_a_sanitised_kernel_is_not_captured(rig, gsan):
    """Row 23: there is no such graph."""
    knobs.compilation.instrumentation_mode = "gsan"

    def capturing(kernel):
        rig.stub.capturing = True
        try:
            return kernel[(2,)](X)
        finally:
            rig.stub.capturing = False

    outcomes = rig.same(jit(single), launch_one(X), capturing, capturing)
    assert [outcome.error for outcome in outcomes] == ["", *["RuntimeError: GSan does not support CUDA graph capture"] * 2]


# -- Row 24


def test_warmup_compiles_what_a_launch_would_and_launches_nothing(rig):
    """Row 24: also from dtypes and `MockTensor`s, whose address is aligned."""
    works = [
        lambda k: k.warmup(X, n=7, grid=(2,)),
        lambda k: k.warmup(triton.MockTensor("fp32"), n=9, grid=(2,)),
        lambda k: k[(2,)](X, n=7),
        lambda k: k[(2,)](X, n=7),
        lambda k: k.warmup(ptr(0x1004), n=7, grid=lambda meta: 1 // 0),
        lambda k: k[(2,)](ptr(0x1004), n=7),
        lambda k: k[(2,)](triton.MockTensor("fp32"), n=7),
    ]
    outcomes = rig.same(jit(shapes), *works)
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 1, 1, 1, 2, 2, 1)]
    assert [len(outcome.launches) for outcome in outcomes] == [0, 0, 1, 1, 0, 1, 1]
    assert rig.went() == {FIRST: 2, FAST: 2}


def test_a_preloaded_kernel_is_launched_without_compiling(rig):
    """Row 24: `preload`, from what a hook was told when another process compiled the kernel."""
    told = []
    knobs.runtime.jit_cache_hook = lambda **kwargs: told.append(kwargs["compile"]["specialization_data"])
    triton.jit(shapes)[(2,)](X, n=48, scale=2.5, num_warps=8)
    knobs.runtime.jit_cache_hook = None

    def preload(kernel):
        return kernel.preload(told[0])

    works = [preload, *[lambda k: k[(2,)](X, n=48, scale=2.5, num_warps=8)] * 2]
    outcomes = rig.same(jit(shapes), *works)
    assert [outcome.result for outcome in outcomes] == ["kernel 1"] * 3
    assert [len(outcome.compiled) for outcome in outcomes] == [1, 0, 0]
    assert rig.went() == {FIRST: 1, FAST: 1}


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_interpreted_kernel_is_not_ours(rig, monkeypatch, wrapped):
    """Row 24: with `TRITON_INTERPRET=1`, kernels run on the CPU, also those behind heuristics."""
    pytest.importorskip("numpy")
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    kernel = triton.jit(fill)
    if wrapped:
        kernel = triton.heuristics({"VALUE": lambda args: 3})(kernel)
    out = torch.zeros(4)
    for _ in range(2):
        kernel[(4,)](out, **({} if wrapped else {"VALUE": 3}))
    assert out.tolist() == [3, 3, 3, 3]
    assert rig.launches() == [] and rig.stub.modules == set()


def fill(out, VALUE: tl.constexpr):
    tl.store(out + tl.program_id(0), VALUE)


# -- Row 25


def test_cleared_caches_are_compiled_anew(rig):
    """Row 25: `device_caches.clear()`, and what is gone from a device's cache in another way."""

    def clear(kernel):
        kernel.device_caches.clear()
        return kernel[(2,)](X)

    def clear_device(kernel):
        kernel.device_caches[0][0].clear()
        return kernel[(2,)](X)

    def clear_other_device(kernel):
        kernel.device_caches[1][0].clear()
        return kernel[(2,)](X)

    def replace(kernel):
        (key,) = kernel.device_caches[0][0]
        kernel.device_caches[0][0][key] = kernel.warmup(X, Y, grid=(1,))
        return kernel[(2,)](X)

    def one(value, other=5):
        pass

    works = [launch_one(X), launch_one(X), clear, launch_one(X), clear_device, launch_one(X), clear_other_device, launch_one(X)]
    outcomes = rig.same(jit(one), *works)
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in (1, 1, 2, 2, 3, 3, 3, 3)]
    assert rig.went() == {FIRST: 3, FAST: 5}


def test_a_kernel_put_into_the_cache_by_hand_is_launched(rig):
    """Row 25: what Triton would launch is launched."""

    def replace(kernel):
        (cache, *_), other = kernel.device_caches[0], kernel.warmup(7, grid=(1,))
        key = next(iter(cache))
        cache[key] = other
        return kernel[(2,)](X)

    rig.same(jit(single), launch_one(X), replace, launch_one(X))


def used_by(x):
    return x


def uses_function(x, FUNCTION: tl.constexpr):
    changing(x)


changing = None


def test_a_changed_source_is_compiled_anew(rig):
    """Row 25: `_unsafe_update_src` of the kernel, of a function that it calls, and of one that it is given."""

    def make():
        globals()["changing"] = triton.jit(used_by)
        kernel = triton.jit(uses_function)
        kernel.given = triton.jit(used_by)
        return kernel

    def launch(kernel):
        return kernel[(2,)](X, kernel.given)

    def update(which):
        def work(kernel):
            function = {"kernel": kernel, "called": changing, "given": kernel.given}[which]
            function._unsafe_update_src(function.src + "    # changed\n")
            return launch(kernel)

        return work

    works = [launch, launch, update("given"), launch, update("kernel"), launch, update("called"), launch]
    rig.same(make, *works)
    assert set(rig.went()) <= {FIRST, FAST, "function as an argument"}


# -- Capturing CUDA graphs


def test_regression_loading_and_unloading_do_not_break_a_capture(rig):
    """Regression: a module loaded or unloaded while a graph is captured ended the capture."""
    kernel = triton.jit(single)
    kernel[(2,)](X)
    rig.stub.capturing = True
    kernel[(2,)](X)
    kernel[(2,)](7)
    triton.jit(single)[(2,)](X)
    kernel.device_caches.clear()
    del kernel
    collect(rig)
    rig.stub.capturing = False
    calls = rig.stub.calls()
    assert (calls["cuModuleLoadData"], calls["cuModuleUnload"]) == (3, 3)
    assert rig.stub.broken_captures == [] and len(rig.launches()) == 4


# -- Errors of the CUDA driver

LAUNCH = "kernel 'shapes', grid (3, 2, 1), block (128, 1, 1), 0 bytes of shared memory"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            stub_cuda.ILLEGAL_ADDRESS,
            "an illegal memory access was encountered (cuLaunchKernelEx: CUDA_ERROR_ILLEGAL_ADDRESS = 700",
        ),
        (stub_cuda.OUT_OF_MEMORY, "out of memory (cuLaunchKernelEx: CUDA_ERROR_OUT_OF_MEMORY = 2"),
        (stub_cuda.INVALID_CONTEXT, "invalid device context (cuLaunchKernelEx: CUDA_ERROR_INVALID_CONTEXT = 201"),
        (stub_cuda.INVALID_HANDLE, "invalid resource handle (cuLaunchKernelEx: CUDA_ERROR_INVALID_HANDLE = 400"),
    ],
)
def test_regression_a_launch_that_fails_is_an_error(rig, code, text):
    """Regression: ignored errors make a benchmark look fast. The message names the call, the kernel and what it was given; the
    next launch is as if nothing had been."""
    kernel = triton.jit(shapes)
    for _ in range(3):  # at the first launch, and then on the fast path
        rig.stub.fail("cuLaunchKernelEx", code)
        with pytest.raises(LaunchError) as caught:
            kernel[(3, 2)](X)
        assert str(caught.value) == f"Triton Error [CUDA]: {text}, {LAUNCH})"
        assert isinstance(caught.value, RuntimeError) and rig.launches() == []
        kernel[(3, 2)](X)
        assert len(rig.launches()) == 1
    assert rig.went() == {FIRST: 1, FAST: 2}


def test_a_grid_beyond_the_limits_is_the_drivers_error(rig):
    """With the grid in the message."""
    kernel = triton.jit(shapes)
    for _ in range(2):
        with pytest.raises(LaunchError, match=r"CUDA_ERROR_INVALID_VALUE = 1, kernel 'shapes', grid \(1, 65536, 1\), block"):
            kernel[(1, 65536)](X)
        kernel[(1, 65535)](X)
    assert rig.went() == {FIRST: 1, FAST: 1}


# -- What is not the fast path's


def test_a_kernel_may_have_no_parameters(rig):
    """And then still a grid and options."""

    def empty():
        pass

    outcomes = rig.same(jit(empty), *[lambda k: k[(3,)]()] * 2, *[lambda k: k[(3,)](num_warps=8)] * 2, lambda k: k[(3,)](5))
    assert [outcome.launches[0].params for outcome in outcomes[:4]] == [(bytes(8),) * 2] * 4
    assert rig.went() == {FIRST: 2, FAST: 2, BIND: 1}


@pytest.mark.parametrize("number", [255, 256, 257, 300, 1000])
def test_launches_larger_than_the_fast_path_takes_are_tritons(rig, number):
    """They are equal in all but speed: many parameters, many elements of a tuple, large constants."""
    names = [f"p{index}" for index in range(number)]
    wide = make_wide(rig.folder, names)
    arguments = [X if index % 2 else index for index in range(number)]
    rig.same(jit(wide), *[lambda k: k[(2,)](*arguments)] * 2)
    rig.same(jit(single), *[launch_one(tuple(arguments))] * 2)
    rig.same(jit(constant), *[launch_one(tuple(range(number)))] * 2, *[launch_one((1,) * number)] * 2)


def make_wide(folder, names):
    """A function with parameters of these names."""
    path = folder / f"wide_{len(names)}.py"
    path.write_text(f"def wide({', '.join(names)}):\n    pass\n")
    names = {"__name__": "wide", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names["wide"]


@pytest.mark.parametrize("name", ["debug", "instrumentation_mode", "grid", "warmup", "num_warps", "self", "args", "kwargs"])
def test_parameters_with_names_of_tritons_own_are_bound_as_in_tree(rig, name):
    """By position, by name, and beside an option of the same name."""
    function = make_wide(rig.folder, ["x", name])
    works = [
        lambda k: k[(2,)](X, 4),
        lambda k: k[(2,)](X, 4),
        lambda k: k[(2,)](X, **{name: 4}),
        lambda k: k[(2,)](x=X, **{name: 8}),
    ]
    rig.same(jit(function), *works)


# -- Drivers


def test_a_kernel_may_be_launched_with_one_driver_and_then_with_another(rig):
    """Each has kernels of its own, and finds them again."""
    kernel = triton.jit(single)
    ours = kernel[(2,)](X)
    kept = kernel[(2,)]
    assert kept(X) is ours and rig.went() == {FIRST: 1, FAST: 1}
    rig.use(rig.in_tree)
    theirs = kept(X)
    assert kernel[(2,)](X) is theirs is not ours and rig.went() == {"another driver is active": 1}
    kept_theirs = kernel[(2,)]
    assert type(theirs.run) is CudaLauncher and type(ours.run) is launching.launcher.Launcher
    rig.use(rig.driver)
    assert kernel[(2,)](X) is kept(X) is kept_theirs(X) is ours and rig.went() == {FAST: 3}
    other = launching.make_driver(rig.stub)
    rig.use(other)
    assert kernel[(2,)](X) is ours and rig.went() == {FAST: 1}
    assert len(rig.launches()) == 8
    rig.use(rig.driver)


def test_switching_drivers_leaves_nothing_behind(rig):
    """In Triton's classes: what kernels of ours keep hangs on them."""
    classes = (triton.JITFunction, Autotuner, Heuristics)
    assert all("__getitem__" in vars(cls) and cls.run is callbacks.NATIVE_RUNS[cls] for cls in classes)
    rig.use(rig.in_tree)
    assert not any("__getitem__" in vars(cls) for cls in classes)
    assert all(cls.run is callbacks.RUNS[cls] for cls in classes)
    assert triton.JITFunction.__getitem__ is KernelInterface.__getitem__
    rig.use(rig.driver)
    assert all("__getitem__" in vars(cls) for cls in classes)


def test_a_driver_of_ours_that_is_dropped_is_gone(rig):
    """Its functions are not kept for the device and stream of launches to come."""
    driver = launching.make_driver(rig.stub)
    rig.use(driver)
    triton.jit(single)[(2,)](X)
    gone = weakref.ref(driver)
    rig.use(rig.in_tree)
    del driver
    collect(rig)
    assert gone() is None
    rig.use(rig.driver)


def test_without_the_native_launcher_launches_are_tritons_own(rig, monkeypatch):
    """`GRAFT_LAUNCHER=0`: Triton's C launcher, and nothing of ours where launches begin."""
    monkeypatch.setenv("GRAFT_LAUNCHER", "0")
    driver = launching.make_driver(rig.stub)
    rig.use(driver)
    assert driver.launches_natively is False and driver.launcher_cls is CudaLauncher
    assert type(driver.utils) is nvidia.CudaUtils
    assert not any("__getitem__" in vars(cls) for cls in (triton.JITFunction, Autotuner, Heuristics))
    kernel = triton.jit(single)
    compiled = [kernel[(2,)](X) for _ in range(2)]
    assert type(compiled[1].run) is CudaLauncher and "_graft_target" not in vars(kernel)
    assert len(rig.launches()) == 2 and rig.went() == {}
    rig.use(rig.driver)
    assert kernel[(2,)](X) is not compiled[0] and rig.went() == {FIRST: 1}
    rig.use(driver)
    kernel.device_caches.clear()
    del kernel, compiled
    collect(rig)
    rig.use(rig.driver)


# -- What others put in place of Triton's


def test_a_replaced_run_is_respected(rig):
    """On a kernel, on the class, and taken away again."""
    seen = []

    def spy(run, name):
        def spied(*args, **kwargs):
            seen.append((name, len(args), sorted(kwargs)))
            return run(*args, **kwargs)

        return spied

    kernel = triton.jit(single)
    kernel[(2,)](X)
    kernel.run = spy(kernel.run, "kernel")
    kernel[(2,)](X)
    del kernel.run
    kernel[(2,)](X)
    original = triton.JITFunction.run
    triton.JITFunction.run = spy(original, "class")
    try:
        kernel[(2,)](X)
    finally:
        triton.JITFunction.run = original
    kernel[(2,)](X)
    assert seen == [("kernel", 1, ["grid", "warmup"]), ("class", 2, ["grid", "warmup"])]
    assert rig.went() == {FIRST: 1, FAST: 4, OTHER_RUN: 2} and len(rig.launches()) == 5


def test_a_subclass_with_a_run_of_its_own_is_respected(rig):
    """What it calls of Triton's is native, and so is one without."""
    seen = []

    class Plain(triton.JITFunction):
        pass

    class Spying(Plain):
        def run(self, *args, **kwargs):
            seen.append(self.fn.__name__)
            return super().run(*args, **kwargs)

    for cls in (Plain, Spying):
        kernel = cls(single)
        for _ in range(2):
            kernel[(2,)](X)
    assert seen == ["single"] * 2
    assert rig.went() == {FIRST: 2, FAST: 2, OTHER_RUN: 2}
    Plain.run = lambda self, *args, **kwargs: seen.append("plain")
    assert Plain(single)[(2,)](X) is None and seen[2:] == ["plain"]


def test_a_run_of_somebody_elses_that_meets_an_odd_argument_ends(rig):
    """Triton's own way is past it then: it has been called already."""
    seen = []

    class Spying(triton.JITFunction):
        def run(self, *args, **kwargs):
            seen.append(len(args))
            return super().run(*args, **kwargs)

    kernel = Spying(single)
    odd = types.SimpleNamespace(data_ptr=lambda: 0x1000, dtype="fp32", __class__=type)
    for argument in (odd, odd, object()):
        with contextlib.suppress(TypeError):
            kernel[(2,)](argument)
    assert seen == [1, 1, 1] and len(rig.launches()) == 2


def test_a_run_that_was_replaced_before_ours_came_is_respected(rig, monkeypatch):
    seen = []
    rig.use(rig.in_tree)
    own = triton.JITFunction.run

    def run(self, *args, **kwargs):
        seen.append(len(args))
        return own(self, *args, **kwargs)

    monkeypatch.setattr(triton.JITFunction, "run", run)
    rig.use(rig.driver)
    kernel = triton.jit(single)
    for _ in range(2):
        kernel[(2,)](X)
    assert triton.JITFunction.run is run and seen == [1, 1] and rig.went() == {OTHER_RUN: 2}
    rig.use(rig.in_tree)
    assert triton.JITFunction.run is run
    monkeypatch.undo()
    rig.use(rig.driver)
    for _ in range(2):
        kernel[(2,)](X)
    assert seen == [1, 1] and rig.went() == {FIRST: 1, FAST: 1}


def test_a_library_that_has_an_init_of_its_own_does_not_make_run_its_own(rig, monkeypatch):
    """Some give Triton's autotuner another `__init__`."""
    rig.use(rig.in_tree)
    for cls in (triton.JITFunction, Autotuner, Heuristics):
        init = cls.__init__
        monkeypatch.setattr(cls, "__init__", lambda self, *args, init=init, **kwargs: init(self, *args, **kwargs))
    rig.use(rig.driver)
    kernel = triton.heuristics({"n": lambda arguments: 5})(triton.autotune([triton.Config({})], key=[])(triton.jit(numbered)))
    for _ in range(2):
        kernel[(2,)](X)
    assert OTHER_RUN not in rig.went()


def test_a_run_that_is_taken_away_after_a_switch_leaves_nothing_behind(rig):
    """Whoever put it there has kept ours, and puts that back."""
    other = launching.make_driver(rig.stub)
    kept = triton.JITFunction.run
    triton.JITFunction.run = lambda *args, **kwargs: None
    rig.use(other)
    triton.JITFunction.run = kept
    kernel = triton.jit(single)
    for _ in range(2):
        kernel[(2,)](X)
    assert rig.went() == {FIRST: 1, FAST: 1}
    rig.use(rig.in_tree)
    assert triton.JITFunction.run is callbacks.RUNS[triton.JITFunction]
    rig.use(rig.driver)
    assert triton.JITFunction.run is kept


def test_a_run_that_was_replaced_when_we_were_imported_is_forgotten_with_the_patch(rig, monkeypatch):
    """What was there then is not taken for Triton's."""
    rig.use(rig.in_tree)
    cls, seen = triton.JITFunction, []
    own = cls.run

    def patched(self, *args, **kwargs):
        seen.append(type(self))
        return own(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(cls, "run", patched)
        callbacks.RUNS[cls] = patched  # as an import finds it
        callbacks.NATIVE_RUNS.pop(cls)
        rig.use(rig.driver)
        kernel = triton.jit(single)
        for _ in range(2):
            kernel[(2,)](X)
        assert seen == [cls, cls] and rig.went() == {OTHER_RUN: 2} and cls.run is patched
    rig.use(rig.in_tree)
    rig.use(rig.driver)
    for _ in range(2):
        kernel[(2,)](X)
    assert rig.went() == {FIRST: 1, FAST: 1} and len(seen) == 2 and callbacks.RUNS[cls] is own


def test_what_calls_run_is_launched_natively(rig):
    """However it is written; a warm-up is Triton's. Code of Python 3.11 that names it calls Triton's."""
    kernel = triton.jit(numbered)
    kernel[(2,)](X, n=5)
    rig.went()

    def call(function, *args, **kwargs):
        return function(*args, **kwargs)

    for _ in range(2):
        call(kernel.run, X, 5, grid=(2,), warmup=False)
        call(kernel.run, X, n=5, warmup=False, grid=(2,))
        call(kernel.run, grid=lambda meta: (2,), x=X, warmup=False, n=5)
        call(triton.JITFunction.run, kernel, X, 5, grid=(2,), warmup=False)
        partial(kernel.run, X)(5, grid=(2,), warmup=False)
    assert rig.went() == {FAST: 10} and len({launched.params for launched in rig.launches()}) == 1
    compiled = kernel.run(X, 5, grid=(2,), warmup=False)
    rig.went()
    assert call(kernel.run, X, 5, grid=(2,), warmup=True) is compiled is call(kernel.run, X, 5, grid=(2,), warmup=False)
    assert rig.went() == {FAST: 1}


def test_our_run_is_a_function_like_tritons(rig):
    """To whoever asks for its signature, its name or its code, wraps it, copies it or mocks it."""
    ours, kernel, own = triton.JITFunction.run, triton.jit(single), callbacks.RUNS[triton.JITFunction]
    assert ours is not own and type(ours) is types.FunctionType and inspect.getsource(ours) == inspect.getsource(own)
    assert inspect.signature(ours) == inspect.signature(own) and copy.deepcopy(ours) is ours and weakref.ref(ours)() is ours
    for name in (
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
        "__code__",
        "__kwdefaults__",
        "__annotations__",
        "__dict__",
    ):
        assert getattr(ours, name) == getattr(own, name)
    for call in (
        lambda f: f(),
        lambda f: f(5),
        lambda f: f(5, grid=(1,), warmup=False),
        lambda f: f(kernel, X),
        lambda f: f(kernel, X, g=1),
    ):
        assert raised(call, ours) == raised(call, own)
    with mock.patch.object(triton.JITFunction, "run", autospec=True, side_effect=ours) as mocked:
        kernel[(2,)](X)
    assert mocked.call_args.args == (kernel, X) and len(rig.launches()) == 1


def test_a_kernel_of_several_classes_runs_what_was_called(rig):
    """Which is decided by whose `run` that is."""

    class Both(Autotuner, Heuristics):
        def run(self, *args, **kwargs):
            return Heuristics.run(self, *args, **kwargs)

    class Mixed(Heuristics, Autotuner):
        pass

    def make(cls):
        made = cls.__new__(cls)
        Autotuner.__init__(made, triton.jit(numbered), ["x", "n"], [triton.Config({})], [], None, None)
        made.values = {"n": lambda arguments: 99}
        return made

    for cls in (Both, Mixed):
        outcomes = rig.same(lambda cls=cls: make(cls), *[lambda k: k[(2,)](X)] * 3)
        assert [struct.unpack("<i", outcome.launches[0].params[1])[0] for outcome in outcomes] == [99] * 3


def test_a_patch_that_ends_after_a_switch_does_not_slow_launches(rig):
    """Triton's own function is Triton's own, too."""
    rig.use(rig.in_tree)
    kernel = triton.jit(single)
    with mock.patch.object(triton.JITFunction, "run", lambda *args, **kwargs: None):
        rig.use(rig.driver)
    for _ in range(2):
        kernel[(2,)](X)
    assert rig.went() == {FIRST: 1, FAST: 1}


def raised(call, *args):
    with pytest.raises(Exception) as caught:
        call(*args)
    return type(caught.value), str(caught.value)


def test_a_replaced_getitem_is_respected(rig):
    """On the class or in a subclass, whichever of the subclass and our driver was there first."""
    seen = []

    def spying(get_item):
        return lambda self, grid: seen.append(grid) or get_item(self, grid)

    class Plain(triton.JITFunction):
        pass

    class Spying(triton.JITFunction):
        def __getitem__(self, grid):
            seen.append(grid)
            return super().__getitem__(grid)

    subclasses = [Plain, Spying]
    rig.use(rig.in_tree)
    subclasses.append(type("Late", (triton.JITFunction,), {}))
    late = subclasses[-1](single)
    late[(1,)](X)
    rig.use(rig.driver)
    rig.launches(), rig.went()
    for cls in subclasses:
        kernel = cls(single)
        for _ in range(2):
            kernel[(3,)](X)
        assert rig.went() == {FIRST: 1, FAST: 1} and seen == [(3,)] * 2 * (cls is Spying)
        seen.clear()
    original = triton.JITFunction.__getitem__
    triton.JITFunction.__getitem__ = spying(original)
    try:
        late[(4,)](X)
        Plain(single)[(5,)](X)
    finally:
        triton.JITFunction.__getitem__ = original
    assert seen == [(4,), (5,)] and late[(6,)](X) is late[(7,)](X) and seen == [(4,), (5,)]
    rig.use(rig.in_tree)
    rig.went()
    for cls in (Plain, type(late)):
        assert type(cls(single)[(2,)]) is types.FunctionType
        cls(single)[(2,)](X)
    assert rig.went() == {}
    rig.use(rig.driver)


def test_a_replaced_device_cache_is_respected(rig):
    """A kernel whose caches are assigned is compiled for those."""
    kernel = triton.jit(single)
    compiled = kernel[(2,)](X)
    kernel.device_caches[0] = kernel.create_binder()
    assert kernel[(2,)](X) is not compiled
    assert kernel[(2,)](X) is not compiled and rig.went() == {FIRST: 2, FAST: 1}


def test_a_subscript_shows_what_it_is_made_of_and_may_be_kept(rig):
    """It holds the kernel and the grid, and can be called any number of times."""
    kernel = triton.jit(single)
    grid = (2, 3)
    kept, other = kernel[grid], kernel[lambda meta: (5,)]
    assert kept.kernel is kernel and kept.grid is grid
    assert kept(X) is other(X) is kept(value=Y)
    assert [launch.grid for launch in rig.launches()] == [(2, 3, 1), (5, 1, 1), (2, 3, 1)]
    with pytest.raises(TypeError, match=r"^cannot create '.*Subscript' instances$"):
        type(kept)()


# -- Arrays of other libraries


def test_tensors_of_torch_are_read_by_dtype_and_address(rig):
    """Views that are not aligned, other dtypes and parameters included."""
    torch = pytest.importorskip("torch")
    base = torch.zeros(64)
    tensors = [
        base,
        base[4:],
        base[1:],
        base.to(torch.float16),
        torch.nn.Parameter(base),
        base[::2],
        base[2:],
        base.to(torch.bfloat16),
    ]
    tensors += [torch.zeros(0), torch.zeros(4, dtype=torch.int64), torch.zeros(4, dtype=torch.bool), base.detach()]
    outcomes = rig.same(jit(single), *map(launch_one, tensors), *map(launch_one, tensors))
    kinds = [1, 1, 2, 3, 1, 1, 2, 4, 1, 5, 6, 1]
    assert [outcome.result for outcome in outcomes] == [f"kernel {kind}" for kind in kinds * 2]
    assert [values(outcome.launches[0], "Q")[0] for outcome in outcomes] == [tensor.data_ptr() for tensor in tensors * 2]
    assert rig.went() == {FIRST: 6, FAST: 18}


class Tensor(ctypes.Structure):
    """DLPack's DLTensor."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device", ctypes.c_int32), ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p), ("byte_offset", ctypes.c_uint64),
    ]  # fmt: skip


class ExchangeAPI(ctypes.Structure):
    """DLPack's DLPackExchangeAPI."""

    _fields_ = [
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("previous", ctypes.c_void_p), ("unused", ctypes.c_void_p * 3),
        ("tensor_from_object", ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(Tensor))),
        ("current_stream", ctypes.c_void_p),
    ]  # fmt: skip


def exchange_type(**attributes):
    """A class of arrays that nobody but DLPack's C interface can read, as CuPy's or JAX's could be."""

    class Array:
        def __init__(self, address, code=2, bits=32, device_type=2, offset=0, lanes=1):
            self.described = (address, device_type, 0, 1, code, bits, lanes, None, None, offset)

    def describe(array, out):
        if array.described[0] is None:
            return -1
        for (name, _), value in zip(Tensor._fields_, array.described, strict=True):
            setattr(out.contents, name, value)
        return 0

    api = ExchangeAPI(major=1, minor=3, tensor_from_object=ExchangeAPI.tensor_from_object_type(describe))
    new_capsule = ctypes.pythonapi.PyCapsule_New
    new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    Array.api = api  # the capsule does not own it
    Array.__dlpack_c_exchange_api__ = new_capsule(ctypes.addressof(api), b"dlpack_exchange_api", None)
    for name, value in attributes.items():
        setattr(Array, name, value)
    return Array


ExchangeAPI.tensor_from_object_type = dict(ExchangeAPI._fields_)["tensor_from_object"]


def check_in_child(check):
    """Runs *check* in a child: that such arrays exist is remembered for the whole process."""
    assert in_child(check) == (0, "None")


def test_arrays_that_only_dlpack_can_read_are_launched(rig):
    """By the first launch of a kernel and by those after it; dtype, alignment and offset count."""

    def check():
        array = exchange_type()
        kernel = triton.jit(single)
        arrays = [
            array(0x1000),
            array(0x2000),
            array(0x1000, offset=4),
            array(0x1000, code=4, bits=16),
            array(0x3008, offset=8),
            array(0),
        ]
        compiled = [kernel[(2,)](each) for each in arrays]
        assert [each.number for each in compiled] == [1, 1, 2, 3, 1, 1]
        assert [signature(each)[0] for each in compiled] == ["*fp32", "*fp32", "*fp32", "*bf16", "*fp32", "*fp32"]
        seen = [values(launch, "Q")[0] for launch in rig.launches()]
        assert seen == [0x1000, 0x2000, 0x1004, 0x1000, 0x3010, 0]
        assert rig.went() == {FIRST: 3, FAST: 3}
        assert kernel[(2,)](ptr(0x1000)) is compiled[0] and kernel[(2,)]((array(0x1000), 3)) is kernel[(2,)]((array(0x2000), 5))

    check_in_child(check)


def test_arrays_that_only_dlpack_can_read_go_with_hooks_and_callable_grids(rig):
    """Hooks are given the arrays."""

    def check():
        array = exchange_type(size=property(lambda self: 12))
        kernel, seen = triton.jit(shapes, launch_metadata=lambda grid, metadata, args: {"size": args["x"].size}), []
        kernel.add_pre_run_hook(lambda x, **kwargs: seen.append(("pre-run", x.size)))
        knobs.runtime.launch_enter_hook.add(lambda metadata: seen.append(("enter", metadata.get()["size"])))
        for _ in range(3):
            kernel[lambda meta: (meta["x"].size,)](array(0x1000), n=7)
        assert seen == [("pre-run", 12), ("enter", 12)] * 3
        assert [(launch.grid[0], *values(launch, "QQif")) for launch in rig.launches()] == [(12, 0x1000, 0x2000, 7, 1.5)] * 3
        assert rig.went() == {FIRST: 1, FAST: 2}

    check_in_child(check)


def test_arrays_that_only_dlpack_can_read_may_be_the_hosts(rig):
    """What is not on a CUDA device is asked about."""

    def check():
        array, kernel = exchange_type(), triton.jit(single)
        rig.stub.mapped_memory(MAPPED, MAPPED + 0x1000, MAPPED_AT)
        rig.stub.host_memory(HOST, HOST + 0x1000)
        for _ in range(2):
            kernel[(2,)](array(MAPPED + 16, device_type=3))
            with pytest.raises(ValueError, match="Pointer argument cannot be accessed from Triton"):
                kernel[(2,)](array(HOST, device_type=1))
        assert [values(launch, "Q")[0] for launch in rig.launches()] == [MAPPED_AT + 16] * 2
        asked = rig.stub.calls()["cuPointerGetAttribute"]
        kernel[(2,)](array(0x1000))
        assert rig.stub.calls()["cuPointerGetAttribute"] == asked

    check_in_child(check)


def test_an_array_without_a_counterpart_in_triton_is_refused(rig):
    """With its dtype in the message; and one that cannot be described, too."""

    def check():
        array, kernel = exchange_type(), triton.jit(single)
        kernel[(2,)](array(0x1000))
        for _ in range(2):
            with pytest.raises(
                TypeError, match=r"^DLPack dtype \(code 5, 64 bits, 1 lanes\) of a <class '.*Array'> has no counterpart"
            ):
                kernel[(2,)](array(0x1000, code=5, bits=64))
            with pytest.raises((TypeError, SystemError)):
                kernel[(2,)](array(None))
        assert len(rig.launches()) == 1

    check_in_child(check)


# -- Statistics


def test_statistics_are_printed_at_exit(tmp_path):
    """`GRAFT_LAUNCH_STATS=1`: how many launches went which way, to standard error."""
    script = """
import stub_cuda
stub = stub_cuda.load()
stub.reset(devices=1)
import triton
import triton.language as tl

@triton.jit
def fill(out, value):
    tl.store(out, value)

class Pointer:
    dtype = "fp32"
    def data_ptr(self):
        return 0x1000

for value in (2.5, 3.5, 4.5, 5.5, 2):  # Triton makes the driver in the first launch, which is its own
    fill[(1,)](Pointer(), value)
print(len(stub.launches()))
"""
    variables = {"TRITON_DEFAULT_BACKEND": "graft", "GRAFT_LAUNCH_STATS": "1"}
    done = run_python(script, tmp_path, **variables)
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr
    assert done.stderr == (
        "graft: launches by what became of them\n           2  launched\n           2  first launch of a variant\n"
    )


# -- What changes while it is read


class Moving:
    """Its address is another each time, as that of an array that is made when it is first asked for."""

    dtype = "fp32"

    def __init__(self, *addresses):
        self.addresses = list(addresses)

    def data_ptr(self):
        return self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]


def test_regression_an_address_that_moves_does_not_make_a_wrong_entry(rig):
    """Regression: a kernel that Triton had compiled for an aligned address was remembered for the misaligned one that we saw."""
    for first, second in ((0x1004, 0x1000), (0x1000, 0x1004)):
        kernel = triton.jit(single)
        kernel[(2,)](Moving(first, second))
        for address in (0x2004, 0x2000, 0x2004, 0x2000):
            compiled = kernel[(2,)](ptr(address))
            assert compiled.src.attrs[(0,)] == ([["tt.divisibility", 16]] if address % 16 == 0 else []), (
                first,
                second,
                address,
            )


def test_regression_a_knob_that_changes_meanwhile_does_not_make_a_wrong_entry(rig):
    """Regression: as above, where compiling sets a knob."""

    def change(**kwargs):
        knobs.runtime.debug = not knobs.runtime.debug

    kernel = triton.jit(single)
    knobs.runtime.jit_cache_hook = change
    for debug in (False, True, False, True):
        knobs.runtime.debug = debug
        assert kernel[(2,)](X).metadata.debug is debug
