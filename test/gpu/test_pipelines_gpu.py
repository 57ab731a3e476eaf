# SPDX-License-Identifier: MIT
"""Kernels under every number of stages, warps and CTAs leave the same bits in memory with each pass off and on: the right ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from kernel_compiling import TARGETS
from kernel_evaluation import evaluate, regions_of
from pipeline_cases import KERNELS, Options, all_cases, make_case


def product(case, a, b):
    m, n, k = (case.numbers[name] for name in "mnk")
    return matrix(a, m, k, case.numbers["a_row"]) @ matrix(b, k, n, case.numbers["b_row"])


def row_sums(case, x):
    return matrix(x, case.grid[0], case.numbers["n"], case.numbers["stride"]).sum(1, keepdim=True)


def matrix(memory, rows, cols, stride):
    return memory.as_strided((rows, cols), (stride, 1))


#: What each kernel computes, of its inputs in fp32.
EXPECTED = {
    "elementwise": lambda case, x, y: x + y,
    "tile copy": lambda case, x: matrix(x, case.numbers["m"], case.numbers["n"], case.numbers["stride"]),
    "row": lambda case, x: matrix(x, case.grid[0], case.numbers["n"], case.numbers["stride"]) - row_sums(case, x),
    "looped row": row_sums,
    "product": product,
    "product by descriptors": product,
    "specialized product": product,
}


def target():
    """Of the targets that cases are made for, the one that the device can do most of."""
    major, minor = torch.cuda.get_device_capability()
    return max(arch for arch in TARGETS if arch <= 10 * major + minor)


def test_kernels_leave_the_same_bits_under_all_options_with_each_pass_off_and_on():
    program = Path(__file__).with_name("pipeline_runs.py")
    words = ["--target", str(target()), "--jobs", str(min(os.cpu_count() or 1, 14))]
    done = subprocess.run([sys.executable, str(program), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{len(all_cases(target()))} kernels, 0 failures\n")


@pytest.mark.parametrize("name", KERNELS)
def test_what_they_have_to_leave_is_what_pytorch_computes(name):
    case = make_case(name, 90, Options(1, 4, 1))
    *inputs, _ = (torch.from_numpy(region.values).cuda().float() for region in regions_of(case).values())
    expected = EXPECTED[name](case, *inputs)
    *_, left = evaluate(case).values()
    stride = case.numbers.get("c_row", case.numbers.get("stride", 1)) if name != "looped row" else 1
    rows, cols = expected.shape if expected.dim() == 2 else (1, len(expected))
    found = matrix(torch.from_numpy(left.values).cuda().float(), rows, cols, stride)
    assert torch.equal(found.reshape(expected.shape), expected)
