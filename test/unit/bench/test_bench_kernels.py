# SPDX-License-Identifier: MIT
"""`bench kernels`: its kernels compile and compute what PyTorch computes; its options, figures and tables. No time is looked at."""

import importlib.util
import json
import subprocess
import sys

import pytest
from support import clean_environment
from sweeps import sampled, slow
from triton.backends.graft.bench import documents, kernels, kernels_compile
from triton.backends.graft.bench import kernels_report as reporting
from triton.backends.graft.bench.kernels_report import AGAIN, GRAFT, IN_TREE, Report, Row
from triton.backends.graft.bench.options import KernelsOptions
from triton.backends.graft.bench.suite import sections
from triton.backends.graft.bench.suite.case import Tensor, WrongResultError
from triton.backends.graft.bench.suite.sections import SECTIONS, select
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import NoDeviceError, OptionError

has_torch = importlib.util.find_spec("torch") is not None

ENTRIES = {f"{section.name}/{entry.name}": entry for section in SECTIONS.values() for entry in section.entries}

ROWS = [
    Row("rows", "softmax", "4095", {IN_TREE: [2.0, 2.2, 2.1], GRAFT: [1.0, 1.0, 1.0], AGAIN: [2.0, 2.2, 2.1]}),
    Row("wild", "transpose", "8191", {IN_TREE: [1.0, 1.0], GRAFT: [1.25, 1.25], AGAIN: [1.0, 1.0]}),
    Row("wild", "histogram", "7", {IN_TREE: [1.0, 1.0], AGAIN: [1.0, 1.0]}, {GRAFT: "RuntimeError: it does not compile"}),
    Row(
        "compile",
        "rows/softmax",
        "4095",
        {IN_TREE: [100.0], GRAFT: [120.0], f"{IN_TREE}, ttir": [4.0], f"{GRAFT}, ttir": [6.0]},
    ),
]


# -- The kernels


@pytest.mark.parametrize("name", sampled(3, ENTRIES))
def test_a_kernel_of_the_suite_compiles_for_hopper(name, activate):
    activate(Driver(target="cuda:90"))
    entry = ENTRIES[name]
    case = entry.cases(entry.tiny or next(iter(entry.sizes.values())))[""]
    assert case.warmup().asm["cubin"]


#: Runs one in so many kernels, of those that Triton's interpreter can run, at their tiny size, on the CPU.
INTERPRET = """
import sys
from triton.backends.graft.bench.suite.sections import SECTIONS

for section in SECTIONS.values():
    for entry in section.entries[:: int(sys.argv[1])]:
        for name, case in entry.cases(entry.tiny).items() if entry.tiny else ():
            tensors = case.make_tensors("cpu")
            case.launcher(tensors)()
            try:
                case.check(tensors)
            except Exception as error:
                sys.exit(f"{section.name}/{entry.name} {name}: {error}")
"""


@pytest.mark.skipif(not has_torch, reason="needs PyTorch")
@pytest.mark.parametrize("step", ["4", slow("1")])
def test_what_the_interpreter_makes_of_the_kernels_is_what_pytorch_computes(step, tmp_path):
    env = clean_environment(tmp_path) | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", INTERPRET, step], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not has_torch, reason="needs PyTorch")
def test_a_wrong_result_is_an_error_that_names_the_tensor():
    case = ENTRIES["wild/embedding gather"].build(5, 99, 40)
    tensors = case.make_tensors("cpu")
    with pytest.raises(WrongResultError, match=r"^wrong result in 'out': Tensor-likes are not equal!"):
        case.check(tensors)


@pytest.mark.skipif(not has_torch, reason="needs PyTorch")
def test_tensors_are_the_same_in_every_call_and_outputs_can_be_given_back_their_content():
    case = ENTRIES["wild/embedding gather"].build(5, 99, 40)
    first, second = case.make_tensors("cpu"), case.make_tensors("cpu")
    assert all(bool((first[name] == second[name]).all()) for name in first)
    first["out"].fill_(7)
    case.reset(first)
    assert bool((first["out"] == 3).all()) and bool((first["table"] == second["table"]).all())


def test_cases_are_told_apart_by_what_triton_specialises_for():
    build = ENTRIES["rows/softmax"].build
    odd, other_odd, aligned = (build("float16", 8, cols, 128).variant() for cols in (99, 101, 96))
    assert odd == other_odd != aligned


def test_a_descriptor_can_be_described_without_a_tensor():
    mock = Tensor("float16", (64, 32), block=(16, 32)).mock()
    assert (mock.shape, mock.strides, mock.block_shape, mock.base.dtype) == ([64, 32], [32, 1], [16, 32], "float16")


# -- Choosing


def test_a_section_a_kernel_and_compile_time_can_be_chosen():
    chosen = select(["masks", "wild/transpose", "compile/rows/softmax"])
    assert [(section.name, [entry.name for entry in section.entries]) for section in chosen] == [
        ("masks", ["masks on K", "masks on M, N and K"]),
        ("wild", ["transpose"]),
        ("compile/rows", ["softmax"]),
    ]


def test_without_a_choice_everything_is_measured_and_compiled():
    names = [section.name for section in select([])]
    assert names == [*SECTIONS, *(f"compile/{name}" for name in SECTIONS)]


def test_compile_alone_runs_nothing():
    assert [section.name for section in select(["compile"])] == [f"compile/{name}" for name in SECTIONS]


def test_a_name_that_does_not_exist_is_an_error_that_says_what_does():
    with pytest.raises(OptionError) as error:
        select(["rows", "row"])
    assert str(error.value) == (
        "--only='row': expected one of elementwise, rows, masks, programs, tutorials, wild, compile, or a kernel as --list shows it; "
        "did you mean rows?"
    )


def test_compile_jobs_are_one_for_each_variant_and_lead_back_to_their_case():
    section = select(["compile/programs/rows first"])[0]
    jobs = kernels_compile.jobs_of(section, kernels_compile.first_and_last)
    assert [job.beside for job in jobs] == ["", "groups of 4", "groups of 8", "groups of 16"]
    assert jobs[1].case().arguments["GROUP"] == 4


# -- The command


def test_the_command_names_a_wrong_kernel_and_ends_in_status_2(graft):
    done = graft("bench", "kernels", "--only", "nope")
    assert done.exit_code == 2
    assert done.output.startswith("Error: --only='nope': expected one of elementwise, rows, ")


def test_the_command_refuses_a_file_that_cannot_be_written_before_it_measures(graft):
    done = graft("bench", "kernels", "--json", "nowhere/a.json")
    assert (done.exit_code, done.output) == (2, "Error: --json='nowhere/a.json': expected a file in a folder that exists\n")


def test_the_command_lists_every_kernel(graft):
    done = graft("bench", "kernels", "--list")
    assert done.exit_code == 0
    assert [line.split("  ")[0] for line in done.output.splitlines()[:-1]] == list(ENTRIES)


def test_without_a_device_the_command_says_what_can_be_done_without(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NoDeviceError) as error:
        kernels.run(KernelsOptions(only=("rows",)))
    assert str(error.value) == "bench kernels needs PyTorch and a CUDA device; --only compile does without both"


def test_compile_time_is_measured_without_a_device_and_written(tmp_path):
    output = tmp_path / "report.json"
    report = kernels.run(KernelsOptions(only=("compile/wild/embedding gather",), rounds=1, json=output))
    assert [(row.kernel, row.size, row.errors) for row in report.rows] == [
        ("wild/embedding gather", "16384 x 4095", {}), ("wild/embedding gather", "16384 x 4096", {}),
    ]  # fmt: skip
    assert {"in-tree", "graft", "graft, ttir", "in-tree, cubin"} <= set(report.rows[0].times)
    assert output.read_text() == documents.format_json(reporting.to_document(report))


# -- Figures and tables


def test_a_kernel_is_as_fast_as_the_median_of_the_rounds_ratios_says():
    assert ROWS[0].cells() == {
        "in-tree, ms": 2.1, "graft, ms": 1.0, "speed to in-tree": 2.1, "in-tree to itself": 1.0, "reached": "yes",
    }  # fmt: skip


def test_bandwidth_at_odd_lengths_is_given_as_a_part_of_that_at_aligned_ones():
    times = {f"{GRAFT}, aligned": [1.0], GRAFT: [1.25], f"{IN_TREE}, aligned": [1.0], IN_TREE: [4.0]}
    cells = Row("elementwise", "float16", "BLOCK 256", times).cells()
    assert (cells["in-tree, odd to aligned"], cells["graft, odd to aligned"], cells["reached"]) == (0.25, 0.8, "NO")


def test_a_natural_order_is_compared_with_the_best_of_the_groups_by_hand():
    times = {IN_TREE: [1.0], GRAFT: [0.5], AGAIN: [1.0], f"{IN_TREE}, groups of 4": [0.8], f"{IN_TREE}, groups of 8": [0.5]}
    cells = Row("programs", "rows first", "1000", times).cells()
    assert (cells["by hand"], cells["speed to by hand"], cells["speed to in-tree"], cells["reached"]) == (
        "groups of 8", 1.0, 2.0, "yes",
    )  # fmt: skip
    assert cells["graft, TFLOP/s"] == 4.0


def test_a_natural_order_that_is_slower_than_it_was_is_not_what_was_to_be_reached():
    times = {IN_TREE: [0.5], GRAFT: [0.6], AGAIN: [0.5], f"{IN_TREE}, groups of 4": [0.7]}
    assert Row("programs", "rows first", "1000", times).cells()["reached"] == "NO"


def test_the_text_has_a_table_for_each_section_and_says_what_failed():
    assert reporting.format_text(Report({"GPU": "NVIDIA H200", "Python": "3.12"}, KernelsOptions(), "cuda:90", ROWS)) == (
        """\
GPU NVIDIA H200, Python 3.12

## Kernels of one row per program

| kernel  | size | in-tree, ms | graft, ms | speed to in-tree | in-tree to itself | reached |
| ------- | ---- | ----------: | --------: | ---------------: | ----------------: | ------- |
| softmax | 4095 |       2.100 |     1.000 |            2.100 |             1.000 | yes     |

## Kernels as they are met elsewhere

| kernel    | size | in-tree, ms | graft, ms | speed to in-tree | in-tree to itself | reached |
| --------- | ---- | ----------: | --------: | ---------------: | ----------------: | ------- |
| transpose | 8191 |       1.000 |     1.250 |            0.800 |             1.000 | NO      |
| histogram | 7    |       1.000 |           |                  |             1.000 | NO      |

## Compiling for cuda:90: medians

| kernel       | size | in-tree, ms | graft, ms | time to in-tree |  ttir |
| ------------ | ---- | ----------: | --------: | --------------: | ----: |
| rows/softmax | 4095 |         100 |       120 |           1.200 | 1.500 |

Ratios of kernels are of speeds, so more is better; those of compilations are of times.
slower than wanted: wild/transpose, 8191: in-tree, ms 1.000, graft, ms 1.250, speed to in-tree 0.800, in-tree to itself 1.000, reached NO
failed: wild/histogram, 7, graft: RuntimeError: it does not compile
all 1 compilations: graft to in-tree 1.200 (0.1 s to 0.1 s), at most 1.10 wanted: NOT reached"""
    )


def test_the_json_has_every_rounds_times_and_the_figures():
    report = Report({"GPU": "NVIDIA H200"}, KernelsOptions(rounds=2), "cuda:90", ROWS[1:2])
    read = json.loads(documents.format_json(reporting.to_document(report)))
    assert list(read) == ["schema", "benchmark", "command", "facts", "options", "target", "rows"]
    assert read["command"] == "graft bench kernels --rounds 2"
    assert read["rows"] == [
        {
            "section": "wild",
            "kernel": "transpose",
            "size": "8191",
            "times": {IN_TREE: [1.0, 1.0], GRAFT: [1.25, 1.25], AGAIN: [1.0, 1.0]},
            "errors": {},
            "figures": ROWS[1].cells(),
        }
    ]


def test_an_error_is_summed_up_in_one_line():
    assert kernels_compile.summarise(ValueError("too\n  many\nlines")) == "ValueError: too many lines"


def test_every_section_says_what_it_is_to_reach():
    assert set(reporting.LEAST) == set(sections.SECTIONS)
