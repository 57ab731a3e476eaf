# SPDX-License-Identifier: MIT
"""Versioned kernels give the same bits, and touch the same bytes, as the kernels that were written."""

import random

import pytest
import torch
import triton
import triton.language as tl

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.int64]
BLOCKS = [128, 256, 1024, 4096]
BORDER = 4096  # elements on both sides of a buffer that nothing may touch
POISON = 77


@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out + offsets, tl.load(x + offsets, mask=mask) + tl.load(y + offsets, mask=mask), mask=mask)


@triton.jit
def pad_kernel(x, out, n, fill, BLOCK: tl.constexpr):
    """Writes whole tiles, so that what a masked lane loads is seen."""
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offsets, tl.load(x + offsets, mask=offsets < n, other=fill))


@triton.jit
def window_kernel(x, out, low, high, BLOCK: tl.constexpr):
    """A mask with two bounds, written from the other side, with 64-bit offsets."""
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = (low <= offsets) & (high > offsets)
    tl.store(out + offsets, tl.load(x + offsets, mask=mask), mask=mask)


@triton.jit
def grid_stride_kernel(x, out, n, BLOCK: tl.constexpr):
    """The mask changes in every iteration of a loop."""
    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < n
        tl.store(out + offsets, tl.load(x + offsets, mask=mask) * 2, mask=mask)


@triton.jit
def count_kernel(x, counts, n, BLOCK: tl.constexpr):
    """Masked atomics beside a masked load."""
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    value = tl.load(x + offsets, mask=mask, other=0)
    tl.atomic_add(counts + offsets % 64, value.to(tl.int32), mask=mask)


def sizes(block):
    """Lengths around the boundaries of a tile and of a vector, and a few at random."""
    rng = random.Random(block)
    edges = {0, 1, 15, 16, 17, block - 1, block, block + 1, 3 * block - 1, 3 * block, 5 * block + 7}
    return sorted(edges | {rng.randrange(1, 20 * block) for _ in range(4)})


def values(n, dtype):
    generator = torch.Generator(device="cuda").manual_seed(n)
    integers = torch.randint(-60, 60, (n,), device="cuda", generator=generator)
    return integers.to(dtype) / 8 if dtype.is_floating_point else integers.to(dtype)


def bordered(n, dtype):
    """A poisoned buffer and the n elements in its middle, which begin at an aligned address."""
    whole = torch.full((n + 2 * BORDER,), POISON, device="cuda", dtype=dtype)
    return whole, whole[BORDER : BORDER + n]


def assert_border_is_intact(whole, n):
    assert bool((whole[:BORDER] == POISON).all()), f"wrote before the buffer, n={n}"
    assert bool((whole[BORDER + n :] == POISON).all()), f"wrote behind the buffer, n={n}"


def versions(kernel, grid, *args, **options):
    """Launches *kernel* with the pass on; says whether the pass did something."""
    compiled = kernel[grid](*args, **options, version_tiles=True)
    return "scf.if" in compiled.asm["ttir"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("block", BLOCKS)
def test_add_equals_pytorch_and_stays_in_bounds(graft, dtype, block):
    versioned = 0
    for n in sizes(block):
        x, y = values(n, dtype), values(n, dtype)
        whole, out = bordered(n, dtype)
        versioned += versions(add_kernel, (triton.cdiv(n, block) or 1,), x, y, out, n, BLOCK=block)
        assert torch.equal(out, x + y), f"n={n}"
        assert_border_is_intact(whole, n)
    assert versioned or block // 128 * dtype.itemsize <= dtype.itemsize  # one element a thread gains nothing


@pytest.mark.parametrize("shift", [1, 3, 8])
def test_an_unaligned_pointer_gives_the_same(graft, shift):
    n, dtype = 10007, torch.float16
    x, y = values(n + shift, dtype)[shift:], values(n + shift, dtype)[shift:]
    whole, out = bordered(n, dtype)
    add_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
    assert torch.equal(out, x + y)
    assert_border_is_intact(whole, n)


@pytest.mark.parametrize("dtype", [torch.float16, torch.int8], ids=str)
@pytest.mark.parametrize("block", [1024, 4096])
def test_masked_lanes_load_their_other_value(graft, dtype, block):
    for n in sizes(block):
        tiles = triton.cdiv(n, block) or 1
        x, out = values(n, dtype), torch.empty(tiles * block, device="cuda", dtype=dtype)
        assert versions(pad_kernel, (tiles,), x, out, n, 5, BLOCK=block) == (n % 16 != 0 and n != 1)
        assert torch.equal(out[:n], x), f"n={n}"
        assert bool((out[n:] == 5).all()), f"n={n}"


def test_two_bounds_and_64_bit_offsets(graft):
    n, block = 20 * 1024 + 5, 1024
    x = values(n, torch.float16)
    for low, high in [(0, n), (3, n - 3), (1023, 1025), (2048, 4096), (7, 7), (5000, 20), (1, 1 << 40)]:
        whole, out = bordered(n, torch.float16)
        high_in = min(high, n)
        window_kernel[(triton.cdiv(n, block),)](x, out, low, high_in, BLOCK=block)
        expected = torch.full_like(out, POISON)
        expected[low:high_in] = x[low:high_in]
        assert torch.equal(out, expected), f"low={low} high={high}"
        assert_border_is_intact(whole, n)


@pytest.mark.parametrize("block", [1024, 2048])
def test_a_grid_stride_loop(graft, block):
    for n in sizes(block):
        x = values(n, torch.float16)
        whole, out = bordered(n, torch.float16)
        grid_stride_kernel[(3,)](x, out, n, BLOCK=block)
        assert torch.equal(out, x * 2), f"n={n}"
        assert_border_is_intact(whole, n)


def test_masked_atomics_count_each_element_once(graft):
    for n in sizes(1024):
        x = values(n, torch.int8)
        counts = torch.zeros(64, device="cuda", dtype=torch.int32)
        versions(count_kernel, (triton.cdiv(n, 1024) or 1,), x, counts, n, BLOCK=1024)
        expected = torch.zeros(64, device="cuda", dtype=torch.int32)
        expected.index_add_(0, torch.arange(n, device="cuda") % 64, x.to(torch.int32))
        assert torch.equal(counts, expected), f"n={n}"


def test_the_end_of_the_index_range(graft):
    """The last tile of 2^31 - 1 bytes ends where 32-bit offsets do."""
    n, block = 2**31 - 1, 4096
    x = torch.ones(n, device="cuda", dtype=torch.int8)
    out = torch.zeros(n, device="cuda", dtype=torch.int8)
    assert versions(add_kernel, (triton.cdiv(n, block),), x, x, out, n, BLOCK=block)
    assert bool((out == 2).all())
