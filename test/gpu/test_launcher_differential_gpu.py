# SPDX-License-Identifier: MIT
"""Two thousand random launches: kernels find the same in their arguments with our driver as with Triton's own; and a launcher
with a bug is found out.

A case that differs is printed with the fewest of its steps; `python test/gpu/value_cases.py --seed N` runs it again.
"""

import contextlib
import re
import struct
import subprocess
import sys
import zlib

import pytest
import torch
import value_cases
from launch_sides import Case
from triton.backends.graft.launch import typed_keys
from triton.backends.nvidia.driver import CudaDriver, CudaLauncher
from value_cases import ROOM, comparison, make_case, native_driver

CASES, LAUNCHES, FIRST_SEED = 140, 2000, 0


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """Makes the comparison of the in-tree driver with the one that a function makes."""
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # unset, Triton 3.9 warns
    with contextlib.ExitStack() as stack:
        yield lambda make_ours: stack.enter_context(comparison(tmp_path, make_ours))


def test_kernels_find_the_same_in_their_arguments():
    command = [sys.executable, value_cases.__file__, f"--seed={FIRST_SEED}", f"--cases={CASES}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{done.stdout[-20000:]}\n{done.stderr[-5000:]}", pytrace=False)
    count = {
        what: sum(map(int, re.findall(rf"(\d+) {what}(?:,|$)", done.stdout, re.MULTILINE)))
        for what in ("launches", "driver launches", "launches on the fast path")
    }
    assert count["launches"] >= LAUNCHES and count["driver launches"] > LAUNCHES / 2, done.stdout
    assert count["launches on the fast path"] > LAUNCHES / 4, done.stdout


def test_the_in_tree_driver_does_what_it_does(compared):
    failure = compared(CudaDriver).run(map(make_case, range(1000, 1008)))
    if failure is not None:
        pytest.fail(value_cases.describe(failure), pytrace=False)


def test_a_seed_gives_the_same_case():
    assert make_case(17) == make_case(17) != make_case(18)


# -- What is compared

NAMES = ("p0", "p1", "p2", "p3", "p4")
PLACES = [4 + ROOM * number for number in range(len(NAMES))]
CASE = "\n".join(
    [
        "@triton.jit",
        "def kernel(out, p0, p1, p2: tl.float16, p3: tl.constexpr, p4):",
        "    store_grid(out)",
        *[f"    store_argument(out, {place}, {ROOM}, {name})" for place, name in zip(PLACES, NAMES, strict=True)],
        "jit_fn = kernel",
    ]
)


def tag(text):
    return zlib.crc32(text.encode())


def test_what_a_kernel_finds_is_what_it_was_given(compared):
    side = compared(native_driver).ours
    (seen,) = side.run(Case(0, CASE, ("kernel[(4, 2)](out, T.i8[3:], -19, 2.5, 'text', (5, True, None))",)))
    (stored,) = seen.launches
    numbers = dict.fromkeys(range(2000), 0)
    numbers |= {
        place: int.from_bytes(raw, "little", signed=True) for place, raw in zip(stored.places, stored.params, strict=True)
    }
    pointer, integer, number, text, items = PLACES
    assert (seen.error, stored.grid, numbers[0]) == ("None", (4, 2, 1), 8)
    assert [numbers[pointer + i] for i in range(3)] == [tag("tensor: pointer<int8>"), side.tensors.i8[3:].data_ptr(), 4]
    assert [numbers[integer + i] for i in range(2)] == [tag("tensor: int32"), -19]
    assert [numbers[number + i] for i in range(2)] == [tag("tensor: fp16"), struct.unpack("<q", struct.pack("<d", 2.5))[0]]
    assert numbers[text] == tag("str:'text'")
    item = [items + 3 + i * ((ROOM - 3) // 4) for i in range(3)]
    assert [numbers[place + i] for place in item for i in range(2)] == [
        *(tag("tensor: int32"), 5),
        *(tag("tensor: int1"), 1),
        *(tag("NoneType:None"), 0),
    ]


# -- A launcher with a bug

STEPS = (
    "kernel[(4,)](out, T.f32, 17, 1.5, 0, (3, T.i8))",
    "kernel[(4, 2)](out, T.offset, 19, 2.5, 0, (5, T.i8))",
    "kernel[(4, 2)](out, T.offset, 19, 2.5, 0.0, (5, T.i8))",
    "kernel[(4, 2)](out, T.host, 19, 2.5, 0.0, (5, T.i8))",
)


def with_launch(change):
    """A maker of in-tree drivers whose launcher changes what it gives to the C function: a list of its arguments."""

    class Launcher(CudaLauncher):
        def __init__(self, src, metadata):
            super().__init__(src, metadata)
            launch = self.launch
            self.launch = lambda *args: launch(*change(launch, list(args)))

    def make():
        driver = CudaDriver()
        driver.launcher_cls = Launcher
        return driver

    return make


def changed_values(change):
    """A bug that changes the kernel's arguments, also those in tuples."""

    def deeply(value):
        return tuple(map(deeply, value)) if isinstance(value, tuple) else change(value)

    def bug(launch, args):
        return [*args[:-1], deeply(args[-1])]

    return bug


def swapped_grid(launch, args):
    return [args[1], args[0], *args[2:]]


def launched_twice(launch, args):
    launch(*args)
    return args


def is_tensor(value):
    return isinstance(value, torch.Tensor)


@pytest.mark.parametrize(
    ("bug", "step", "parts"),
    [
        (swapped_grid, 0, {"launches"}),
        (launched_twice, 0, {"launches"}),
        (changed_values(lambda value: 20 if type(value) is int and value == 19 else value), 1, {"launches"}),
        (changed_values(lambda value: 6 if type(value) is int and value == 5 else value), 1, {"launches"}),
        (changed_values(lambda value: 2.25 if type(value) is float and value == 2.5 else value), 1, {"launches"}),
        (changed_values(lambda value: value._base if is_tensor(value) and value.storage_offset() else value), 1, {"launches"}),
        (
            changed_values(lambda value: None if is_tensor(value) and value.is_cpu else value),
            3,
            {"launches", "error", "result"},
        ),
    ],
)
def test_a_bug_in_a_launch_is_found(compared, bug, step, parts):
    failure = compared(with_launch(bug)).first_difference(Case(0, CASE, STEPS))
    assert (failure.step, failure.reference.differences(failure.ours)) == (step, parts)


def test_a_constant_that_is_taken_for_an_equal_one_is_found(compared, monkeypatch):
    """With the cache of keys that Triton has, in which 0 and 0.0 are one."""
    monkeypatch.setattr(typed_keys, "create_binder", lambda kernel: kernel.create_binder())
    failure = compared(native_driver).first_difference(Case(0, CASE, STEPS))
    assert failure.step == 2 and "launches" in failure.reference.differences(failure.ours)
    assert value_cases.describe(failure).endswith("\nto run it again: python test/gpu/value_cases.py --seed 0")
