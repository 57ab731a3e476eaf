# SPDX-License-Identifier: MIT
"""The five examples compute what PyTorch computes, and the same bits with the pass on and off."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "examples"))
from all_examples import EXAMPLES

CASES = [(example, shape, dtype) for example in EXAMPLES for shape in example.shapes for dtype in example.dtypes]


@pytest.mark.parametrize(("example", "shape", "dtype"), CASES, ids=lambda value: getattr(value, "name", value))
def test_an_example_computes_what_pytorch_computes(graft, monkeypatch, example, shape, dtype):
    inputs = example.make_inputs("cuda", dtype, shape)
    result = example.run(*inputs)
    example.check(result, example.reference(*inputs))
    example.kernel.device_caches.clear()
    monkeypatch.setenv("GRAFT_VERSION_TILES", "0")
    plain = example.run(*inputs)
    example.kernel.device_caches.clear()
    assert torch.equal(plain, result)
