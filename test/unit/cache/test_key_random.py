# SPDX-License-Identifier: MIT
"""Random programs in random states: the TTIR that a manifest names is the TTIR that the program has now."""

import random

import pytest
import triton
from programs import I32, Program
from sweeps import sampled
from triton.backends.graft.cache import key

MODULES = {
    "cfg": """
import enum
from typing import NamedTuple
import triton
import triton.language as tl

A = {0}
B = {1}
PAIR = ({2}, {3})
DT = tl.{4}

class Base:
    C = {5}

class Sizes(Base):
    D = tl.constexpr({6})

class Mode(enum.Enum):
    FIRST = {7}
    SECOND = 100

class Both(NamedTuple):
    x: int
    y: int

BOTH = Both({8}, 2)

@triton.constexpr_function
def twice(n):
    return n * 2 + A * {9}
""",
    "helpers": """
import triton
import triton.language as tl
import cfg

K = tl.constexpr({10})

@triton.jit(noinline={11})
def inner(x):
    return x + {12}

@triton.jit
def one(x, s: tl.constexpr = K):
    return inner(x) * s

@triton.jit
def two(x):
    return x - cfg.B

chosen = {13}
""",
}

MAIN = """
import cfg
import helpers
from helpers import one

LOCAL = tl.constexpr({14})
FN = helpers.{15}

def make(n):
    captured = tl.constexpr(n)

    @triton.jit
    def local(x):
        return x * captured

    return local

local = make({16})

@triton.jit
def kernel(p, FLAG: tl.constexpr = {17}):
    x = tl.load(p)
"""

#: What the kernel may do, each reading something else.
STATEMENTS = [
    "x += cfg.A",
    "x += cfg.PAIR[1]",
    "x = x.to(cfg.DT).to(tl.int32)",
    "x += cfg.Sizes.C",
    "x += cfg.Sizes.D",
    "x += cfg.Mode.FIRST.value",
    "x += cfg.BOTH.x",
    "x += cfg.twice(3)",
    "x = one(x)",
    "x = helpers.chosen(x)",
    "x = FN(x)",
    "x = local(x)",
    "x += LOCAL",
    "x += getattr(cfg, 'B')",
]

#: For each hole in the texts, what can stand there.
NUMBERS = [1, 2, 3, 5]
CHOICES = {4: ["float16", "float32"], 11: [True, False], 13: ["one", "two"], 15: ["one", "two"], 17: [True, False]}
HOLES = 18


def random_value(rng, hole):
    return rng.choice(CHOICES.get(hole, NUMBERS))


def write(run, values, statements):
    """Writes the program with *values* in its holes and a kernel of *statements*; the last is under `if FLAG`."""
    *always, last = statements
    body = "".join(f"    {line}\n" for line in always) + f"    if FLAG:\n        {last}\n    tl.store(p, x)\n"
    run.write(MAIN.format(*values) + body, **{name: text.format(*values) for name, text in MODULES.items()})


@pytest.mark.parametrize("seed", sampled(3, range(6)))
def test_the_manifest_names_the_ttir_of_the_program_as_it_is(seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    run = Program(tmp_path / "program", monkeypatch)
    seen = []
    look_up = key.look_up

    def compare(request):
        found = look_up(request)
        seen.append((found.way, found.own["source.text"], key._make_ttir(request), found.reason))
        raise StopHereError  # the rest of the compilation is not what this is about

    monkeypatch.setattr(key, "look_up", compare)
    monkeypatch.setattr(key, "_find", lambda place, lookup, source: True)
    statements = rng.sample(STATEMENTS, rng.randint(2, 7))
    values = [random_value(rng, hole) for hole in range(HOLES)]
    for step in range(40):
        write(run, values, statements)
        with pytest.raises(StopHereError):
            run.compile(I32)
        way, named, right, reason = seen[-1]
        assert named == right, f"seed {seed}, step {step}: stale by {way}; values {values}, statements {statements}"
        assert not reason
        hole = rng.randrange(HOLES)
        values[hole] = random_value(rng, hole)
    ways = [way for way, *_ in seen]
    assert ways.count("manifest") > 5, "most of what changes is not read, or was there before"
    assert len({right for _, _, right, _ in seen}) > 1


class StopHereError(Exception):
    """Ends a compilation once the key is known."""


#: Where values are in memory: for a hole, how to put another value there. Not globals that Triton compares, which is an error.
IN_MEMORY = {
    1: lambda main, value: setattr(main.cfg, "B", value),
    3: lambda main, value: setattr(main.cfg, "PAIR", (main.cfg.PAIR[0], value)),
    4: lambda main, value: setattr(main.cfg, "DT", getattr(triton.language, value)),
    5: lambda main, value: setattr(main.cfg.Base, "C", value),
    6: lambda main, value: setattr(main.cfg.Sizes, "D", triton.language.constexpr(value)),
    8: lambda main, value: setattr(main.cfg, "BOTH", main.cfg.BOTH._replace(x=value)),
    13: lambda main, value: setattr(main.helpers, "chosen", getattr(main.helpers, value)),
    15: lambda main, value: setattr(main, "FN", getattr(main.helpers, value)),
}


@pytest.mark.parametrize("seed", sampled(3, range(3)))
def test_a_kernel_in_memory_is_what_the_program_in_memory_would_give(seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    run = Program(tmp_path / "program", monkeypatch)
    statements = rng.sample(STATEMENTS, 9)
    values = [random_value(rng, hole) for hole in range(HOLES)]
    write(run, values, statements)
    main = run.load()
    kernels = set()
    for step in range(16):
        found = run.compile(I32, module=main).asm["ttir"]
        write(run, values, statements)
        assert found == run.compile_afresh(I32).asm["ttir"], (
            f"seed {seed}, step {step}: values {values}, statements {statements}"
        )
        kernels.add(found)
        hole = rng.choice(list(IN_MEMORY))
        values[hole] = random_value(rng, hole)
        IN_MEMORY[hole](main, values[hole])
    assert len(kernels) > 1
