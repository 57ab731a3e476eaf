# SPDX-License-Identifier: MIT
"""The five examples compute what PyTorch computes, and the same bits with the pass on and off."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "examples"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from all_examples import EXAMPLES
from common import OPTIONS
from sample import VARIABLE

CASES = [(example, shape, dtype) for example in EXAMPLES for shape in example.shapes for dtype in example.dtypes]
every_case = pytest.mark.parametrize(("example", "shape", "dtype"), CASES, ids=lambda value: getattr(value, "name", value))


@every_case
def test_an_example_computes_what_pytorch_computes(graft, example, shape, dtype):
    inputs = example.make_inputs("cuda", dtype, shape)
    example.check(example.run(*inputs), example.reference(*inputs))


@every_case
def test_the_pass_does_not_change_a_bit_of_the_result(graft, monkeypatch, example, shape, dtype):
    """Fusion of multiplication and addition is off: which pairs the compiler fuses depends on the code around them."""
    monkeypatch.setitem(OPTIONS, "enable_fp_fusion", False)
    inputs = example.make_inputs("cuda", dtype, shape)
    versioned = example.run(*inputs)
    example.kernel.device_caches.clear()
    monkeypatch.setenv(VARIABLE, "0")
    plain = example.run(*inputs)
    example.kernel.device_caches.clear()
    assert torch.equal(plain, versioned)
