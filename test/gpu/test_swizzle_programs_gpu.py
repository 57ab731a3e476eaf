# SPDX-License-Identifier: MIT
"""A matrix product in groups of rows is bit by bit the one in natural order, whatever the size of the grid."""

import sys
from pathlib import Path

import pytest
import torch
import triton

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import product_kernels

TILES = {"BM": 32, "BN": 32, "BK": 32}
LARGE_TILES = {"BM": 128, "BN": 128, "BK": 64, "num_warps": 8}
ODD = [(1, 1), (1, 500), (500, 1), (33, 255), (256, 256), (700, 300), (300, 1000)]
#: How many programs more than tiles are launched on a 1-D grid: they store nothing, but have numbers.
MORE = 5


def matrices(m, n, k, *batch):
    torch.manual_seed(m * 31 + n)
    return torch.randn(*batch, m, k, device="cuda").half(), torch.randn(*batch, k, n, device="cuda").half()


def multiply(name, a, b, tiles=TILES, **options):
    """The product by kernel *name*; what it did not store is -1."""
    (*batch, m, k), n = a.shape, b.shape[-1]
    c = torch.full((*batch, m, n), -1.0, dtype=a.dtype, device="cuda")
    rows, cols = triton.cdiv(m, tiles["BM"]), triton.cdiv(n, tiles["BN"])
    grids = {"rows_first": (rows, cols), "columns_first": (cols, rows), "warp_specialized": (rows, cols)}
    grid = grids.get(name, (rows * cols + MORE, *batch))
    getattr(product_kernels, name)[grid](a, b, c, m, n, k, **tiles, enable_fp_fusion=True, **options)
    return c


def assert_same_bits(name, a, b, option, **more):
    assert torch.equal(multiply(name, a, b, swizzle_programs=option, **more), multiply(name, a, b, swizzle_programs=0, **more))


@pytest.fixture
def allocator():
    """Descriptors that a kernel makes need memory of the device."""
    triton.set_allocator(lambda size, alignment, stream: torch.empty(size, dtype=torch.int8, device="cuda"))


@pytest.mark.parametrize("option", [1, 3, 8, 1024, "auto"])
@pytest.mark.parametrize(("m", "n"), ODD)
@pytest.mark.parametrize("name", ["rows_first", "columns_first", "one_number", "one_wide_number", "in_a_branch"])
def test_a_product_in_groups_has_the_same_bits(graft, name, option, m, n):
    assert_same_bits(name, *matrices(m, n, 100), option)


@pytest.mark.parametrize("option", [3, 8, "auto"])
def test_a_batch_of_products_in_groups_has_the_same_bits(graft, option):
    assert_same_bits("batched", *matrices(300, 500, 100, 3), option)


@pytest.mark.parametrize("option", [3, 8, "auto"])
@pytest.mark.parametrize("name", ["by_descriptors", "warp_specialized"])
@pytest.mark.parametrize("num_ctas", [1, 2])
def test_a_product_by_descriptors_in_groups_has_the_same_bits(graft, allocator, name, option, num_ctas):
    if num_ctas == 2 and torch.cuda.get_device_capability()[0] < 9:
        pytest.skip("clusters need compute capability 9.0")
    assert_same_bits(name, *matrices(700, 1000, 128), option, tiles=LARGE_TILES, num_ctas=num_ctas)


def ptx(name, a, b, option):
    """The PTX of kernel *name* for matrices like *a* and *b*, and this device."""
    arguments = (a, b, torch.empty(a.shape[0], b.shape[1], dtype=a.dtype, device="cuda"), a.shape[0], b.shape[1], a.shape[1])
    kernel = getattr(product_kernels, name)
    return kernel.warmup(*arguments, **LARGE_TILES, grid=(1,), enable_fp_fusion=True, swizzle_programs=option).asm["ptx"]


@pytest.mark.parametrize("name", ["rows_first", "columns_first"])
def test_by_default_a_product_may_be_renumbered_by_its_size(graft, name):
    a, b = matrices(512, 512, 512)
    assert len({ptx(name, a, b, option) for option in ("auto", 0, 8)}) == 3


@pytest.mark.parametrize("name", ["rows_first", "one_wide_number", "warp_specialized"])
def test_a_product_too_large_for_the_cache_has_the_same_bits(graft, allocator, name):
    """In groups that the pass chooses: this one is over each of its limits on an H200."""
    a, b = matrices(4100, 4104, 4096)
    assert_same_bits(name, a, b, "auto", tiles=LARGE_TILES)
    torch.testing.assert_close(multiply(name, a, b, tiles=LARGE_TILES), a @ b, rtol=1e-2, atol=0.5)


def test_a_divisor_of_zero_in_a_branch_that_is_not_taken_does_no_harm(graft):
    a, b = matrices(64, 0, 32)
    for option in (0, 3, "auto"):
        assert multiply("in_a_branch", a, b, swizzle_programs=option).shape == (64, 0)
    torch.cuda.synchronize()
