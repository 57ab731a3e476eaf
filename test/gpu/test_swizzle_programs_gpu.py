# SPDX-License-Identifier: MIT
"""A matrix product in groups of rows is bit by bit the one in natural order, whatever the size of the grid."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "examples"))
import matmul
import triton

TILES = {"BLOCK_M": 32, "BLOCK_N": 32, "BLOCK_K": 32, "num_warps": 4, "num_stages": 3, "enable_fp_fusion": True}


def multiply(a, b, **options):
    (m, k), n = a.shape, b.shape[1]
    c = torch.full((m, n), -1.0, dtype=a.dtype, device="cuda")
    strides = a.stride(0), b.stride(0), c.stride(0)
    matmul.matmul_kernel[(triton.cdiv(m, 32), triton.cdiv(n, 32))](a, b, c, m, n, k, *strides, **TILES, **options)
    return c


@pytest.mark.parametrize("group", [1, 3, 8, 1024])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 500), (500, 1), (33, 255), (256, 256), (700, 300), (300, 1000)])
def test_a_product_in_groups_has_the_same_bits(graft, group, m, n):
    torch.manual_seed(0)
    a, b = torch.randn(m, 100, device="cuda").half(), torch.randn(100, n, device="cuda").half()
    assert torch.equal(multiply(a, b, swizzle_programs=group), multiply(a, b))
