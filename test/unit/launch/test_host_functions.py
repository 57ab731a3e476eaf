# SPDX-License-Identifier: MIT
"""Functions for constants give the host what Triton's own way gives: results, errors, and what they are handed."""

import inspect
import random
import traceback

import pytest
import triton
import triton.language as tl
from triton.backends.graft import hooks
from triton.runtime.jit import ConstexprFunction

seen = []


@triton.constexpr_function
def note(*args, **kwargs):
    seen.append((args, kwargs))
    return args


@triton.constexpr_function
def divide(x, y=2):
    return x / y


class Number(int):
    """Not plain: it may say of itself what it is."""


class Disguised:
    """Says that it is a constant."""

    __class__ = tl.constexpr
    value = 5


FUNCTIONS = (note, divide, triton.cdiv, triton.next_power_of_2)
VALUES = (
    0, 7, -3, 2**70, 1.5, float("inf"), True, None, "text", b"bytes", 2j, (1, 2), [3], Number(4), tl.constexpr(6), tl.constexpr((7, 8)), (tl.constexpr(9),),
    tl.tuple([1, 2]), {"a": tl.constexpr(1)}, object, Disguised(), ConstexprFunction,
)  # fmt: skip


@pytest.fixture
def sides(rig):
    """The two drivers by name."""
    yield {"Triton": rig.in_tree, "ours": rig.driver}
    rig.use(rig.in_tree)


def called(function, args, kwargs):
    """What came of a call, and what the function was handed."""
    seen.clear()
    try:
        result = ("returned", function(*args, **kwargs))
    except Exception as error:
        result = (type(error), str(error))
    return [(type(each), repr(each)) for each in (*result, *seen)]


def test_they_are_called_as_in_triton(rig, sides):
    rng = random.Random(5)
    for _ in range(2000):
        function = rng.choice(FUNCTIONS)
        args = tuple(rng.choice(VALUES) for _ in range(rng.randrange(4)))
        kwargs = {name: rng.choice(VALUES) for name in rng.sample(["x", "y", "_semantic", "z"], rng.choice((0, 0, 1, 2)))}
        outcomes = []
        for driver in sides.values():
            rig.use(driver)
            outcomes.append(called(function, args, kwargs))
        assert outcomes[0] == outcomes[1], f"{function.__name__}(*{args}, **{kwargs})"


def test_pytorch_traces_what_the_host_computes(sides):
    """As under Triton: `torch.compile` looks into functions of Python's, and a graph that was compiled goes on."""
    torch = pytest.importorskip("torch")
    from triton.runtime import driver

    def work(x, n):
        return x + triton.cdiv(n, 128) + triton.next_power_of_2(n)

    compiled = torch.compile(work, fullgraph=True, backend="eager")
    for active in (sides["Triton"], sides["ours"], sides["Triton"]):
        driver.set_active(active)
        for made in (compiled, torch.compile(work, fullgraph=True, backend="eager", dynamic=True)):
            assert made(torch.zeros(2), 1000).tolist() == [8 + 1024] * 2


def test_the_host_is_served_at_once_while_ours_is_active(rig, sides):
    rig.use(sides["Triton"])
    own = ConstexprFunction.__call__
    rig.use(sides["ours"])
    assert hooks.is_in_place("constants") and ConstexprFunction.__call__ is not own
    assert list(inspect.signature(ConstexprFunction.__call__).parameters) == list(inspect.signature(own).parameters)
    assert triton.cdiv(1001, 128) == 8
    with pytest.raises(ZeroDivisionError) as caught:
        divide(1, 0)
    assert [frame.name for frame in traceback.extract_tb(caught.tb)][1:] == ["divide"]
    rig.use(sides["Triton"])
    assert ConstexprFunction.__call__ is own


def test_a_function_that_was_replaced_is_the_one_that_is_called(rig, sides):
    rig.use(sides["ours"])

    @triton.constexpr_function
    def changed(x):
        return x + 1

    assert changed(1) == 2
    changed.fn = lambda x: x + 10
    assert changed(1) == 11
    del changed.fn
    with pytest.raises(AttributeError, match="fn"):
        changed(1)


def test_a_kernel_still_calls_them_with_constants(rig, sides):
    @triton.jit
    def kernel(out, N: tl.constexpr):
        tl.store(out, triton.cdiv(N, 4))

    rig.use(sides["ours"])
    with rig.compiling():
        compiled = kernel.warmup(triton.MockTensor("i32"), 10, grid=(1,))
    assert "arith.constant 3 : i32" in compiled.asm["ttir"]
