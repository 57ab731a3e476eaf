# SPDX-License-Identifier: MIT
"""Matrix products c = a @ b in fp16: with masks on M, N and K, and in the natural order of programs beside groups by hand."""

from __future__ import annotations

import functools
from typing import Any

import triton
import triton.language as tl

from .case import Case, Entry, Size, Tensors, matrix, round_up

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case


# -- With masks


@triton.jit
def place_in_groups(pid, m, n, BM: tl.constexpr, BN: tl.constexpr, GROUP: tl.constexpr):
    """The tile of program *pid* where the grid is walked GROUP rows of tiles at a time."""
    tiles_m = tl.cdiv(m, BM)
    per_group = GROUP * tl.cdiv(n, BN)
    first = pid // per_group * GROUP
    height = tl.minimum(tiles_m - first, GROUP)
    within = pid % per_group
    return first + within % height, within // height


@triton.jit
def masked_k(
    a, b, c, m, n, k, a_stride, b_stride, c_stride,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """Rows and columns behind the end are read from the beginning again, so that loads need a mask on K only."""
    tile_m, tile_n = place_in_groups(tl.program_id(0), m, n, BM, BN, GROUP)
    a_rows = (tile_m * BM + tl.arange(0, BM)) % m
    b_cols = (tile_n * BN + tl.arange(0, BN)) % n
    inner = tl.arange(0, BK)
    a_tile = a + a_rows[:, None] * a_stride + inner[None, :]
    b_tile = b + inner[:, None] * b_stride + b_cols[None, :]
    sums = tl.zeros((BM, BN), tl.float32)
    for step in range(0, tl.cdiv(k, BK)):
        left = k - step * BK
        a_part = tl.load(a_tile, mask=inner[None, :] < left, other=0.0)
        b_part = tl.load(b_tile, mask=inner[:, None] < left, other=0.0)
        sums = tl.dot(a_part, b_part, sums)
        a_tile += BK
        b_tile += BK * b_stride
    rows = tile_m * BM + tl.arange(0, BM)
    cols = tile_n * BN + tl.arange(0, BN)
    inside = (rows[:, None] < m) & (cols[None, :] < n)
    tl.store(c + rows[:, None] * c_stride + cols[None, :], sums.to(tl.float16), mask=inside)


@triton.jit
def masked_mnk(
    a, b, c, m, n, k, a_stride, b_stride, c_stride,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """Nothing behind the end is read: loads have masks on M and N too."""
    tile_m, tile_n = place_in_groups(tl.program_id(0), m, n, BM, BN, GROUP)
    rows = tile_m * BM + tl.arange(0, BM)
    cols = tile_n * BN + tl.arange(0, BN)
    row_mask = (rows < m)[:, None]
    col_mask = (cols < n)[None, :]
    sums = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        inner = start + tl.arange(0, BK)
        a_part = tl.load(a + rows[:, None] * a_stride + inner[None, :], mask=row_mask & (inner < k)[None, :], other=0.0)
        b_part = tl.load(b + inner[:, None] * b_stride + cols[None, :], mask=(inner < k)[:, None] & col_mask, other=0.0)
        sums = tl.dot(a_part, b_part, sums)
    tl.store(c + rows[:, None] * c_stride + cols[None, :], sums.to(tl.float16), mask=row_mask & col_mask)


def expect_product(tensors: Tensors) -> Tensors:
    return {"c": tensors["a"] @ tensors["b"]}


def build_masked(kernel: Any, m: int, n: int, k: int, is_padded: bool, tiles: tuple[int, int, int] = (128, 256, 64)) -> Case:
    a_stride, b_stride = (round_up(size) if is_padded else size for size in (k, n))
    bm, bn, bk = tiles
    arguments = {
        "a": matrix("float16", m, k, a_stride), "b": matrix("float16", k, n, b_stride),
        "c": matrix("float16", m, n, b_stride, fill=3), "m": m, "n": n, "k": k,
        "a_stride": a_stride, "b_stride": b_stride, "c_stride": b_stride, "BM": bm, "BN": bn, "BK": bk, "GROUP": 8,
    }  # fmt: skip
    grid = (triton.cdiv(m, bm) * triton.cdiv(n, bn),)
    return Case(kernel, grid, arguments, expect_product, {"num_warps": 8, "num_stages": 3}, atol=256)


def build_masked_k(*size: Any) -> Case:
    return build_masked(masked_k, *size)


def build_masked_mnk(*size: Any) -> Case:
    return build_masked(masked_mnk, *size)


MASKED_SIZES: dict[str, Size] = {
    f"{m} x {n} x {k}, {'padded' if is_padded else 'contiguous'}": (m, n, k, is_padded)
    for m, n, k in ((4095, 4095, 4095), (4095, 4095, 4096))
    for is_padded in (False, True)
} | {"4096 x 4096 x 4096": (4096, 4096, 4096, True)}
MASKED_TINY = (45, 51, 33, False, (32, 32, 16))

MASKED_ENTRIES = [
    Entry("masks on K", build_masked_k, MASKED_SIZES, MASKED_TINY),
    Entry("masks on M, N and K", build_masked_mnk, MASKED_SIZES, MASKED_TINY),
]


# -- In the natural order


@triton.jit
def multiply_tile(
    a, b, c, n, tile_m, tile_n, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):  # fmt: skip
    """One tile of the product of two contiguous matrices of n rows and columns, a multiple of every block size."""
    rows = tile_m * BM + tl.arange(0, BM)
    cols = tile_n * BN + tl.arange(0, BN)
    inner = tl.arange(0, BK)
    a_tile = a + rows[:, None] * n + inner[None, :]
    b_tile = b + inner[:, None] * n + cols[None, :]
    sums = tl.zeros((BM, BN), tl.float32)
    for _ in range(0, n, BK):
        sums = tl.dot(tl.load(a_tile), tl.load(b_tile), sums)
        a_tile += BK
        b_tile += BK * n
    tl.store(c + rows[:, None] * n + cols[None, :], sums.to(tl.float16))


@triton.jit
def rows_first(a, b, c, n, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    multiply_tile(a, b, c, n, tl.program_id(0), tl.program_id(1), BM, BN, BK)


@triton.jit
def columns_first(a, b, c, n, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    multiply_tile(a, b, c, n, tl.program_id(1), tl.program_id(0), BM, BN, BK)


@triton.jit
def one_dimensional(a, b, c, n, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    pid = tl.program_id(0)
    tiles_n = tl.cdiv(n, BN)
    multiply_tile(a, b, c, n, pid // tiles_n, pid % tiles_n, BM, BN, BK)


@triton.jit
def grouped(a, b, c, n, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    tile_m, tile_n = place_in_groups(tl.program_id(0), n, n, BM, BN, GROUP)
    multiply_tile(a, b, c, n, tile_m, tile_n, BM, BN, BK)


def build_square(kernel: Any, n: int, tiles: tuple[int, int, int] = (128, 256, 64), **constexprs: int) -> Case:
    bm, bn, bk = tiles
    tensor = matrix("float16", n, n, n)
    c = matrix("float16", n, n, n, fill=3)
    arguments = {"a": tensor, "b": tensor, "c": c, "n": n, "BM": bm, "BN": bn, "BK": bk, **constexprs}
    grid: tuple[int, ...] = (n // bm, n // bn)
    if kernel is columns_first:
        grid = grid[::-1]
    elif kernel is not rows_first:
        grid = (grid[0] * grid[1],)
    return Case(kernel, grid, arguments, expect_product, {"num_warps": 8, "num_stages": 3}, atol=256)


def build_rows_first(*size: Any) -> Case:
    return build_square(rows_first, *size)


def build_columns_first(*size: Any) -> Case:
    return build_square(columns_first, *size)


def build_one_dimensional(*size: Any) -> Case:
    return build_square(one_dimensional, *size)


def build_grouped(group: int, *size: Any) -> Case:
    return build_square(grouped, *size, GROUP=group)


BY_HAND = {f"groups of {group}": functools.partial(build_grouped, group) for group in (4, 8, 16)}
SQUARES: dict[str, Size] = {str(n): (n,) for n in (4096, 8192, 16384)}
TINY_SQUARE = (64, (16, 32, 16))

NATURAL_ENTRIES = [
    Entry(name, build, SQUARES, TINY_SQUARE, BY_HAND, beside_on=("in-tree",))
    for name, build in (
        ("rows first", build_rows_first),
        ("columns first", build_columns_first),
        ("one-dimensional", build_one_dimensional),
    )
]
