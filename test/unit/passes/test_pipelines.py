# SPDX-License-Identifier: MIT
"""The passes get along with the rest of the pipeline: stages, warps, CTAs, descriptors and warp specialization.

All options: `python test/unit/pipeline_compiling.py`. On a GPU the kernels run: test/gpu/pipeline_runs.py.
"""

import functools

import pytest
from kernel_compiling import PASSES, TARGETS, Compilation, Compiles
from kernel_processes import Shared, run_all
from pipeline_cases import CTAS, KERNELS, STAGES, WARPS, Options, all_cases, covering_cases, make_case
from sweeps import slow
from triton.backends.graft.driver import Driver


def reports_of(cases, last, *variants):
    """The reports of *cases*, from a process of their own."""
    return list(run_all(Shared.of(cases), functools.partial(Compiles, last=last, variants=variants)))


@pytest.mark.parametrize("step", [7, slow(1)])
def test_cubins_for_all_targets_come_out_with_the_passes_on(step):
    cases = covering_cases(0)[::step]
    reports = reports_of(cases, "cubin", "both")
    assert [str(report) for report in reports if report.finding.problem] == []
    assert len(reports) == len(cases)


def test_passes_change_each_kernel_under_all_options():
    reports = reports_of(covering_cases(0), "ttir", "none", "both")
    assert [str(report.case) for report in reports if report.finding.changed != {"both"}] == []


@pytest.mark.parametrize(
    ("name", "variant", "operation", "before", "after"),
    [
        ("elementwise", "tiles", "scf.if", 0, 1),
        ("tile copy", "tiles", "scf.if", 0, 1),
        ("row", "tiles", "tt.load", 1, 2),
        ("looped row", "tiles", "scf.for", 1, 2),
        ("product", "tiles", "scf.for", 1, 2),
        ("product", "programs", "tt.get_num_programs", 0, 2),
        ("product by descriptors", "programs", "tt.get_num_programs", 0, 2),
        ("product by descriptors", "default", "tt.get_num_programs", 0, 2),
        ("specialized product", "programs", "tt.get_num_programs", 0, 2),
        ("specialized product", "default", "tt.get_num_programs", 0, 2),
    ],
)
def test_each_pass_is_reached_by_its_kernel(name, variant, operation, before, after, activate, tmp_path):
    activate(Driver(target="cuda:90"))
    compilation = Compilation(make_case(name, 90, Options(3, 4, 1)), 90, tmp_path)
    assert compilation.compile("ttir", **PASSES["none"])["ttir"].count(operation) == before
    assert compilation.compile("ttir", **PASSES[variant])["ttir"].count(operation) == after


def test_the_few_cases_cover_all_that_is_legal():
    for name in KERNELS:
        options = [case.options for case in covering_cases(0) if case.family == name]
        assert {chosen["num_stages"] for chosen in options} == set(STAGES)
        assert {chosen["num_warps"] for chosen in options} == set(WARPS)
        assert {chosen["num_ctas"] for chosen in options} == set(CTAS)
    assert {case.seed for case in covering_cases(0)} == set(range(len(TARGETS)))


def test_all_cases_are_all_combinations_that_are_legal():
    assert len(all_cases(80)) == len(KERNELS) * 4 * 5
    assert len(all_cases(90)) == (2 * len(KERNELS) - 1) * 4 * 5
    assert len(all_cases(100)) == 2 * len(KERNELS) * 4 * 5 - 2 * 4 * 2
