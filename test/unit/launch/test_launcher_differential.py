# SPDX-License-Identifier: MIT
"""Thousands of random launches do the same with our driver as with Triton's own; and a launcher with a bug is found out.

A case that differs is printed with the fewest of its steps; `python test/unit/launch_cases.py --seed N` runs it again.
"""

import contextlib

import launch_sides
import pytest
import stub_cuda
import triton
from launch_cases import launches_from, make_case
from launch_sides import KNOWN_DIFFERENCES, Case, Observation, comparison, is_launch, show
from sweeps import slow
from triton.backends.graft.driver import Driver
from triton.backends.nvidia.driver import CudaDriver, CudaLauncher

FIRST_SEED = 0

# What PyTorch says of a parameter that is given where a number is wanted.
pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True:UserWarning")


@pytest.fixture
def compared(tmp_path):
    """Makes the comparison of the in-tree driver with the one that a function makes."""
    stub = stub_cuda.load()
    with contextlib.ExitStack() as stack:
        yield lambda make_ours: stack.enter_context(comparison(stub, tmp_path, make_ours))


def expect_no(failure):
    if failure is not None:
        pytest.fail(str(failure), pytrace=False)


@pytest.mark.parametrize("launches", [1000, slow(10_000)])
def test_ours_does_what_the_in_tree_driver_does(launches, compared):
    both = compared(Driver)
    # A case ends early after a difference that is known and wanted.
    failure = both.run(launches_from(FIRST_SEED, launches + launches // 20))
    expect_no(failure)
    assert both.counts["launches"] >= launches
    assert both.counts["driver launches"] > launches / 2


def test_the_in_tree_driver_does_what_it_does(compared):
    failure = compared(CudaDriver).run(launches_from(FIRST_SEED, 500))
    expect_no(failure)


# -- A launcher with a bug

CASE = """
@triton.jit(launch_metadata=describe_launch)
def kernel(p0, p1, p2: tl.float16, p3: tl.constexpr):
    pass

jit_fn = kernel
"""
STEPS = (
    "kernel[(4,)](ptr(0x1000, 'fp16'), 17, 1.5, 16)",
    "knobs.runtime.launch_exit_hook.add(exit_a)",
    "kernel[(4, 2)](ptr(0x1000, 'fp16'), 19, 2.5, 16)",
    "set_stream(0x70)",
    "kernel[(4, 2)](ptr(0x1001, 'fp16'), 19, 2.5, 16)",
    "kernel[(4, 2)](ptr(0x1001, 'fp16'), 19, 2.5, 32, num_ctas=2, launch_pdl=True)",
    "kernel[(4, 2)](ptr(0x1001, 'fp16'), 19, 'text', 32)",
)


def with_launch(change):
    """A maker of in-tree drivers whose launcher changes what it gives to the C function: a list of its arguments."""

    class Launcher(CudaLauncher):
        def __init__(self, src, metadata):
            super().__init__(src, metadata)
            launch = self.launch
            self.launch = lambda *args: launch(*change(list(args)))

    def make():
        driver = CudaDriver()
        driver.launcher_cls = Launcher
        return driver

    return make


def wrong_stream(args):
    args[3] = 0
    return args


def swapped_grid(args):
    args[0], args[1] = args[1], args[0]
    return args


def no_serialization(args):
    args[6] = False
    return args


def no_exit_hook(args):
    args[10] = None
    return args


def wrong_integer(args):
    args[15] = tuple(value + 1 if isinstance(value, int) and value == 19 else value for value in args[15])
    return args


def swallowed_error(args):
    args[15] = tuple(0.0 if isinstance(value, str) else value for value in args[15])
    return args


@pytest.mark.parametrize(
    ("bug", "step", "parts"),
    [
        (wrong_stream, 4, {"launches"}),
        (swapped_grid, 0, {"launches"}),
        (no_serialization, 5, {"launches"}),
        (no_exit_hook, 2, {"log"}),
        (wrong_integer, 2, {"launches"}),
        (swallowed_error, 6, {"error", "launches", "result", "log"}),
    ],
)
def test_a_bug_in_a_launch_is_found(compared, bug, step, parts):
    failure = compared(with_launch(bug)).first_difference(Case(0, CASE, STEPS))
    assert (failure.step, failure.reference.differences(failure.ours)) == (step, parts)


def test_a_kernel_of_another_specialisation_is_found(compared):
    def careless():
        driver = CudaDriver()
        driver.get_current_target = lambda: triton.backends.compiler.GPUTarget("cuda", 80, 32)
        return driver

    failure = compared(careless).first_difference(Case(0, CASE, STEPS))
    assert failure.step == 0 and failure.reference.differences(failure.ours) == {"compiled"}


def test_random_cases_find_a_bug_and_keep_the_steps_that_it_takes(compared):
    both = compared(with_launch(wrong_stream))
    failure = both.run(launches_from(FIRST_SEED, 2000))
    steps = failure.case.steps
    assert len(steps) == 2 and failure.step == 1 and is_launch(steps[1])
    assert failure.reference.launches != failure.ours.launches
    assert str(failure).startswith(f"# seed {failure.case.seed}\n@triton.jit")
    assert str(failure).endswith(f"\nto run it again: python test/unit/launch_cases.py --seed {failure.case.seed}")
    assert both.first_difference(failure.case) == failure


# -- What is compared


def test_a_seed_gives_the_same_case():
    assert make_case(17) == make_case(17) != make_case(18)


def test_equal_constants_of_other_types_are_told_apart():
    assert len({show(value) for value in (0, 0.0, -0.0, False, (0,), (0.0,), [0], "0", None)}) == 9


NOTHING = Observation("kernel 1", "None", (), (), (), "None")
LAUNCH = stub_cuda.Launch("kernel", 0, 1, (65536, 65535, 1), (128, 1, 1), 0, 0, (), ())
ERROR = "builtins.RuntimeError: Triton Error [CUDA]: "
OUR_ERROR = "triton.backends.graft.runtime.errors.LaunchError: Triton Error [CUDA]: "


@pytest.mark.parametrize(
    ("name", "reference", "ours"),
    [
        (
            "longer CUDA error",
            NOTHING._replace(error=ERROR + "out of memory"),
            NOTHING._replace(error=OUR_ERROR + "out of memory (2)"),
        ),
        ("large grid", NOTHING, NOTHING._replace(launches=(LAUNCH,))),
        (
            "impossible grid",
            NOTHING._replace(log=("enter_a(None)", "exit_a(None)")),
            NOTHING._replace(result="NoneType:None", error=OUR_ERROR + "x, grid (65536, 65536, 1)", log=("enter_a(None)",)),
        ),
    ],
)
def test_a_known_difference_explains_what_it_names_and_no_more(name, reference, ours):
    known = next(known for known in KNOWN_DIFFERENCES if known.name == name)
    assert known.explains(reference, ours)
    assert not known.explains(reference, ours._replace(compiled=("2 kernel",)))
    assert not known.explains(reference, ours._replace(best_config="num_warps: 8"))
    assert not known.explains(reference, ours._replace(launches=(LAUNCH._replace(grid=(4, 1, 1)),)))
    assert not known.explains(
        reference._replace(error="builtins.ValueError: bad"), ours._replace(error="builtins.ValueError: bad!")
    )


def test_compared_drivers_leave_nothing_behind(compared):
    before = dict(triton.knobs.runtime.__dict__), list(triton.knobs.runtime.launch_enter_hook.calls), triton.compiler.compile
    both = compared(CudaDriver)
    for seed in range(30):
        both.first_difference(make_case(seed))
    after = dict(triton.knobs.runtime.__dict__), list(triton.knobs.runtime.launch_enter_hook.calls), triton.compiler.compile
    assert before == after
    assert launch_sides.knobs.runtime.debug is False
