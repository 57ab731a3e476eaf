# SPDX-License-Identifier: MIT
"""Python values as text: different texts for different values, and no text for what cannot be known by looking at it."""

import collections
import dataclasses
import enum
import itertools
import math
import os
import types
from typing import NamedTuple

import pytest
import triton
import triton.language as tl
from support import output_of, python_path
from triton.backends.graft.cache.encoding import Encoder, UnprovableError


class Point(NamedTuple):
    x: int
    y: int


class OtherPoint(NamedTuple):
    x: int
    y: int


class Mode(enum.Enum):
    A = 1
    B = 2


class Number(enum.IntEnum):
    A = 1


@dataclasses.dataclass(frozen=True)
class Config:
    block: int
    name: str = "c"


@dataclasses.dataclass
class OtherConfig:
    block: int
    name: str = "c"


@triton.jit
def helper(x):
    return x


@triton.jit
def other_helper(x):
    return x + 1


@triton.constexpr_function
def double(n):
    return n * 2


@triton.constexpr_function
def triple(n):
    return n * 3


def text(value):
    return Encoder(lines=True).text(value)


VALUES = [
    None, True, False, 0, 1, -1, 10**30, 0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1e-320, 1j, 0j, complex(-0.0, 0.0),
    "", "1", "None", "i1", "a\0b", "\ud800", b"", b"1", ..., range(3), range(0, 3, 2), slice(1, None), slice(None, 1),
    (), (1,), (1, 1), (1.0,), ((1,), 1), (1, (1,)), ("1",), [], [1], [[1]], {}, {1: 2}, {2: 1}, {"1": 2}, {(1, 2): 3}, set(),
    frozenset(), {1, 2}, frozenset((1, 2)), ("x", "y-z"), ("x-y", "z"), ("a", "b"), ("a4", "b"), Point(1, 2), OtherPoint(1, 2),
    Point(2, 1), Mode.A, Mode.B, Number.A, Config(1), Config(1.0), Config(1, "d"), OtherConfig(1), tl.constexpr(1),
    tl.constexpr("1"), tl.constexpr(1.0), tl.constexpr(None), tl.constexpr((1, 2)), tl.float16, tl.float32, tl.int1,
    tl.pointer_type(tl.float16), tl.pointer_type(tl.float32), tl.block_type(tl.float16, [16]), tl.block_type(tl.float16, [32]),
    helper, other_helper, double, triple, tl.sum, tl.max, tl.load, Mode, Config, int, float, len, math.sqrt,
]  # fmt: skip


def test_each_value_has_a_text_of_its_own():
    texts = [text(value) for value in VALUES]
    clashes = [(a, b) for (a, s), (b, t) in itertools.combinations(zip(VALUES, texts, strict=True), 2) if s == t]
    assert clashes == []


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_text_is_the_same_each_time_and_inside_others(value):
    assert text(value) == text(value)
    assert text((value,)) != text((value, value))
    assert text([value]) != text((value,))


def test_order_counts_where_it_shows():
    assert text({1: 2, 3: 4}) != text({3: 4, 1: 2})
    assert text([1, 2]) != text([2, 1])
    assert text({0, 8}) != text({8, 0}), "two that Python calls equal and goes through in different orders"
    assert Encoder(True).container({0, 8}) == Encoder(True).container({8, 0})


def test_texts_are_the_same_in_another_process(tmp_path):
    code = "from test_encoding import *\nprint([text(value) for value in VALUES])"
    shown = {output_of(code, tmp_path, PYTHONHASHSEED=seed, PYTHONPATH=python_path(__file__)) for seed in ("0", "1")}
    assert len(shown) == 1


# -- What has no text


class Opaque:
    pass


class WithMethod(NamedTuple):
    x: int

    def read(self):
        return os.environ["X"]


@dataclasses.dataclass
class WithOpaque:
    x: object


@dataclasses.dataclass
class InADict(dict):
    x: int


@dataclasses.dataclass(slots=True)
class InSlots:
    x: int


class OwnConstexpr(tl.constexpr):
    pass


class OwnInt(int):
    pass


class OwnDict(dict):
    def __missing__(self, key):
        return os.environ[key]


@triton.constexpr_function
def reads_a_file():
    return open("x").read()


@triton.constexpr_function
def imports():
    import os

    return os.getpid()


@triton.constexpr_function
def climbs(x):
    return x.__class__.__mro__


@triton.constexpr_function
def hands_a_module_on():
    return str(os)


@triton.constexpr_function
def sets_a_global():
    global counter  # noqa: PLW0603
    counter = 1


counter = 0


def contains_itself():
    value = []
    value.append(value)
    return value


UNKNOWN = {
    "an object": Opaque(),
    "a method that reads the environment": WithMethod(1),
    "an object in a field": WithOpaque(Opaque()),
    "a number of its own kind": OwnInt(1),
    "a function that reads a file": reads_a_file,
    "a function that imports": imports,
    "a function that climbs to other classes": climbs,
    "a function that hands a module on": hands_a_module_on,
    "a function that sets a global": sets_a_global,
    "a builtin that does more": open,
    "a bound method of an object": Opaque().__init__,
    "an object in a tuple": (1, (Opaque(),)),
    "a counter": collections.Counter("a"),
    "a module's loader": types.SimpleNamespace(x=1),
    "a dict of its own kind": OwnDict(),
    "a dataclass that is a dict": InADict(1),
    "a dataclass with slots": InSlots(1),
    "a constexpr of its own kind": OwnConstexpr(1),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_by_looking_at_it_has_no_text(name):
    with pytest.raises(UnprovableError):
        text(UNKNOWN[name])


def test_what_contains_itself_ends():
    assert text(contains_itself()) != text([[]])


# -- Looking up


def module(**values):
    made = types.ModuleType("made")
    vars(made).update(values)
    return made


def test_a_module_that_computes_its_attributes_is_not_known():
    with pytest.raises(UnprovableError, match="computes its attributes"):
        Encoder(True).look_up(module(__getattr__=lambda name: 1), "x")

    class Lazy(types.ModuleType):
        x = property(lambda self: 1)

    with pytest.raises(UnprovableError, match="computes its attributes"):
        Encoder(True).look_up(Lazy("lazy"), "x")


def test_an_attribute_that_is_not_there_has_a_text_too():
    assert Encoder(True).look_up(module(), "x") == "absent"
    assert Encoder(True).look_up(module(x="absent"), "x") != "absent"


def test_an_attribute_of_a_class_is_that_of_the_first_class_that_has_it():
    class Base:
        x, y = 1, 2

    class Derived(Base):
        x = 3

    found = [Encoder(True).look_up(Derived, name) for name in ("x", "y", "z")]
    assert found == [text(3), text(2), "absent"]


@pytest.mark.parametrize("member", [property(lambda self: 1), classmethod(len)])
def test_a_computed_attribute_of_a_class_is_not_known(member):
    with pytest.raises(UnprovableError, match="is computed when it is read"):
        Encoder(True).look_up(type("Made", (), {"x": member}), "x")


def test_a_class_with_a_metaclass_is_not_known():
    class Meta(type):
        def __getattr__(cls, name):
            return 1

    with pytest.raises(UnprovableError, match="has a metaclass"):
        Encoder(True).look_up(Meta("Made", (), {}), "x")


def test_a_function_that_pretends_to_be_the_languages_own_is_written_by_what_it_does():
    def make(n):
        @triton.jit
        def sum(x):
            return x + n_

        n_ = tl.constexpr(n)
        sum.__module__, sum.__qualname__ = "triton.language.standard", "make.<locals>.sum"
        return sum

    encoder = Encoder(True)
    first = make(1)
    assert text(first) != text(tl.sum)
    assert encoder.text(first).startswith("jit(")
    assert encoder.look_up(first, "n_") == text(tl.constexpr(1))
