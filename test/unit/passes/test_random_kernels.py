# SPDX-License-Identifier: MIT
"""Random kernels compile with each pass off and on, and numpy and Triton's interpreter agree on what they do.

Many more: `python test/unit/kernel_compiling.py --count 3000`, and the same of kernel_interpreting.py. On a GPU the kernels run:
test/gpu/kernel_runs.py.
"""

import functools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from found_kernels import FOUND
from kernel_cases import Buffer, Case, load, with_whole_units
from kernel_compiling import PASSES, TARGETS, Compilation, Compiles
from kernel_evaluation import describe_difference, encode, evaluate
from kernel_families import families, make_case
from kernel_minimising import minimise
from kernel_processes import Finding, Report, Shared, made_small, run_all, run_apart
from support import clean_environment
from sweeps import slow
from triton.backends.graft.driver import Driver

KERNELS = 300

#: More with descriptors, all for sm_80, where these become masks: in `KERNELS` there are next to none.
DESCRIPTORS = range(0, 20 * len(TARGETS), len(TARGETS))

#: The families that each pass is for, with the part of their kernels that it has to change: otherwise nothing was tested. Each is about
#: two thirds of what it is over 60 seeds, and below what it is over 10 of them by a kernel at least: so a pass may lose one.
SHARES = {
    "tiles": {
        "elementwise": 0.3, "gather": 0.45, "atomics": 0.35, "tiles": 0.15, "boxes": 0.2, "grid_stride": 0.2,  # whole tiles
        "inductor_tiled": 0.2, "inductor_pointwise": 0.25, "descriptors": 0.4,
        "rows": 0.25, "looped_rows": 0.2, "inductor_reduction": 0.1,  # whole vectors
        "product": 0.15, "advancing": 0.15,  # whole iterations
        "ragged": 0.3, "negated": 0.45, "carried": 0.2, "wide_rows": 0.5, "minimum": 0.6, "carried_product": 0.3,  # other bounds
        "flat": 0.3, "divided": 0.2,
    },
    "programs": {"product": 0.5},
    "default": {"product": 0.5},  # a group is chosen where the columns of the grid do not lie side by side in memory
}  # fmt: skip


def few_cases():
    """Kernels that failed once, and two of each family."""
    return [*FOUND, *(make_case(seed, family) for family in families() for seed in range(2))]


def many_cases():
    """Kernels that failed once, those of `KERNELS` seeds and of `DESCRIPTORS`."""
    return [*FOUND, *map(make_case, range(KERNELS)), *(make_case(seed, "descriptors") for seed in DESCRIPTORS)]


@pytest.mark.parametrize("make", [few_cases, slow(many_cases)])
def test_random_kernels_compile_with_each_pass_off_and_on(make):
    cases = make()
    reports = list(run_all(Shared.of(cases), Compiles))
    failures = [report for report in reports if report.finding.problem]
    assert not failures, made_small(failures[0], Compiles) if failures[0].finding.blames_a_pass else str(failures[0])
    assert len(reports) == len(cases)


@pytest.mark.parametrize("variant", SHARES)
@pytest.mark.parametrize("count", [10, slow(60)])
def test_passes_change_many_of_them(variant, count):
    """As many kernels of each family: of all seeds together, a new family would leave fewer to the others."""
    seeds = {family: range(count) for family in SHARES[variant]} | {"descriptors": DESCRIPTORS}
    cases = [make_case(seed, family) for family in SHARES[variant] for seed in seeds[family]]
    reports = list(run_all(Shared.of(cases), functools.partial(Compiles, last="ttir", variants=("none", variant))))
    made = Counter(report.case.family for report in reports)
    changed = Counter(report.case.family for report in reports if variant in report.finding.changed)
    shares = {family: changed[family] / made[family] for family in SHARES[variant]}
    assert all(shares[family] >= least for family, least in SHARES[variant].items()), shares


@pytest.mark.parametrize("step", [4, slow(1)])
def test_a_few_go_all_the_way_to_cubins(step):
    cases = [make_case(seed, family) for seed, family in enumerate(families())]
    for report in run_all(Shared.of(cases[::step]), functools.partial(Compiles, last="cubin")):
        assert not report.finding.problem, str(report)


@pytest.mark.parametrize("count", ["100", slow("400")])
def test_the_interpreter_does_what_numpy_does(count, tmp_path):
    program = Path(__file__).parents[1] / "kernel_interpreting.py"
    words = [sys.executable, str(program), "--count", count, "--jobs", "1"]
    done = subprocess.run(words, env=clean_environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" kernels, 0 failures\n")


# -- The kernels


def test_a_seed_is_the_same_case_each_time():
    assert [str(make_case(seed)) for seed in range(50)] == [str(make_case(seed)) for seed in range(50)]


def test_the_seeds_of_ci_reach_every_family():
    assert {make_case(seed).family for seed in range(KERNELS)} == set(families())


def test_a_failure_prints_source_arguments_and_memory():
    case = Case(
        7, "handmade", ("tl.store(out, n)",), {"out": Buffer("i32", 4, shift=1)}, {"n": 3}, {"B": 8}, (2,), {"num_warps": 1}
    )
    assert str(Report(case, Finding("tiles", "out: wrong"))) == (
        "# seed 7, handmade\n"
        "import triton\n"
        "import triton.language as tl\n"
        "\n\n"
        "@triton.jit\n"
        "def kernel(out, n, B: tl.constexpr):\n"
        "    tl.store(out, n)\n"
        "# out: Buffer(dtype='i32', limit=4, shift=1, ends_at_guard=True)\n"
        "# numbers {'n': 3}, constants {'B': 8}, grid (2,), options {'num_warps': 1}\n"
        "# with tiles: out: wrong\n"
    )


def test_innermost_sizes_of_descriptors_can_be_made_whole_units_of_16_bytes():
    lines = (
        "d = tl.make_tensor_descriptor(x, [m, n], [stride, 1], [16, 16])",
        "e = tl.make_tensor_descriptor(y, [k], [1], [16])",
    )
    buffers, numbers = {"x": Buffer("fp16", 4), "y": Buffer("i8", 4)}, {"m": 75, "n": 77, "stride": 80, "k": 1, "other": 3}
    case = Case(0, "handmade", lines, buffers, numbers, {}, (1,), {})
    assert with_whole_units(case) == case.replace(numbers=numbers | {"n": 80, "k": 16})


def test_whole_units_of_a_row_end_before_the_next_row():
    cases = [with_whole_units(make_case(seed, "descriptors")) for seed in range(50)]
    assert [str(case) for case in cases if case.numbers["n_cols"] > case.numbers["stride"]] == []


def test_arguments_are_specialised_as_in_a_launch(activate, tmp_path):
    activate(Driver(target="cuda:90"))
    buffers = {"x": Buffer("fp16", 4), "y": Buffer("fp16", 4, shift=1), "z": Buffer("fp16", 4)}
    numbers = {"one": 1, "even": 32, "odd": 33, "far": 1 << 40}
    lines = ("tl.store(x, 1.0)", "tl.store(y, 1.0)", "tl.store(z + even + odd + far + one, 1.0)")
    case = Case(0, "handmade", lines, buffers, numbers, {}, (1,), {}, ("z",))
    head = next(line for line in Compilation(case, 90, tmp_path).compile("ttir")["ttir"].splitlines() if "tt.func" in line)
    assert head.strip() == (
        "tt.func public @kernel(%arg0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %arg1: !tt.ptr<f16>, %arg2: !tt.ptr<f16>, "
        "%arg3: i32 {tt.divisibility = 16 : i32}, %arg4: i32, %arg5: i64 {tt.divisibility = 16 : i32}) "
        "attributes {noinline = false} {"
    )


# -- What numpy says


def evaluated(*lines, buffers, numbers=None, grid=(1,)):
    """What the buffers hold after a kernel of *lines*, with the place of their first element."""
    case = Case(0, "handmade", lines, buffers, numbers or {}, {}, grid, {})
    return {name: (region.first, region.values.tolist()) for name, region in evaluate(case).items()}


def test_a_buffer_has_just_the_elements_that_true_lanes_touch():
    lines = ("offs = tl.program_id(0) * 4 + tl.arange(0, 4)", "tl.store(out - offs, offs, (offs > 1) & (offs < n))")
    assert evaluated(*lines, buffers={"out": Buffer("i8", 0)}, numbers={"n": 7}, grid=(3,)) == {"out": (-6, [6, 5, 4, 3, 2])}


def test_32_bit_indices_wrap_around():
    lines = ("offs = tl.arange(0, 4) + base", "tl.store(out + (offs - base), 1, offs < 0)")
    assert evaluated(*lines, buffers={"out": Buffer("i8", 0)}, numbers={"base": 2**31 - 2}) == {"out": (2, [1, 1])}


def test_what_is_outside_a_descriptor_is_zero_and_not_stored():
    lines = ("d = tl.make_tensor_descriptor(out, [1, 3], [4, 1], [2, 4])", "d.store([0, 0], d.load([0, 0]) + 5)")
    assert evaluated(*lines, buffers={"out": Buffer("i32", 0)}) == {"out": (0, [5, 5, 5])}


def test_atomics_count_lanes_that_share_an_element():
    lines = ("offs = tl.arange(0, 8)", "tl.atomic_add(out + offs % 2, offs, offs < 5)")
    assert evaluated(*lines, buffers={"out": Buffer("i32", 0)}) == {"out": (0, [6, 4])}


# -- What goes wrong is found


def wrong(line):
    """A bench that takes a kernel with *line* for one that a pass gets wrong."""

    class Wrong:
        def __init__(self, folder):
            pass

        def works(self):
            return True

        def examine(self, case):
            return Finding("tiles", "wrong") if line in case.lines else Finding()

    return Wrong


def test_a_kernel_that_fails_is_made_small():
    case = make_case(4, "looped_rows")
    report = run_apart(case, wrong("total = tl.sum(acc, 0)"))
    assert report.finding.blames_a_pass
    assert made_small(report, wrong("total = tl.sum(acc, 0)")).endswith(
        "Case(seed=4, family='looped_rows', lines=('total = tl.sum(acc, 0)',), buffers={}, numbers={}, constants={}, grid=(1,), "
        "options={}, unspecialised=())\n"
    )


def test_what_stands_in_a_loop_can_be_moved_out_of_it():
    case = Case(0, "handmade", ("for i in range(n):", "    for j in range(i):", "        a = j"), {}, {}, {}, (1,), {})
    assert minimise(case, lambda other: any("a = j" in line for line in other.lines)).lines == ("a = j",)


def test_numbers_are_made_small_too():
    case = Case(0, "handmade", ("a = n", "b = m"), {}, {"n": 1000, "m": -1000}, {"BLOCK": 64}, (9, 7), {"num_warps": 8})
    small = minimise(case, lambda other: other.numbers.get("n", 0) > 30 and other.grid[1] > 2)
    assert (small.lines, small.numbers, small.grid, small.options) == ((), {"n": 31, "m": 0}, (1, 3), {})


def test_a_crash_is_a_failure_of_the_case_that_was_begun():
    class Crashes(wrong("no such line")):
        def examine(self, case):
            return os._exit(7) if case.seed == 2 else super().examine(case)

    reports = list(run_all(Shared(5, make_case), Crashes))
    assert [report.case.seed for report in reports] == [0, 1, 2, 3, 4]
    assert [report.finding.problem for report in reports] == ["", "", "the process ended with 7", "", ""]
    assert reports[2].finding.blames_a_pass


def test_a_bench_that_cannot_begin_is_an_error():
    with pytest.raises(RuntimeError, match="a process could not begin: it ended with 1"):
        list(run_all(Shared(1, make_case), lambda folder: os._exit(1)))


def test_memory_that_differs_is_described():
    case = Case(
        0, "handmade", ("tl.store(out + tl.arange(0, 4) - 1, tl.arange(0, 4))",), {"out": Buffer("i16", 0)}, {}, {}, (1,), {}
    )
    region = evaluate(case)["out"]
    right = encode(region.buffer, region.values)
    assert describe_difference(region, right) == ""
    wrong = right[:4] + b"\1\2" + right[6:]
    assert describe_difference(region, wrong) == "out: 1 of 4 elements differ, the first at 1: 0200, not 0102"


def test_options_of_the_variants_exist(activate, tmp_path):
    driver = activate(Driver(target="cuda:90"))
    assert load(make_case(0), tmp_path)
    from triton.backends.graft.compiler import Backend

    for options in PASSES.values():
        parsed = Backend(driver.target).parse_options(dict(options))
        assert {name: getattr(parsed, name) for name in options} == options
