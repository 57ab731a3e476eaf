# SPDX-License-Identifier: MIT
"""Matrix products with quantised operands: int8 with scales for rows and columns, and int4 weights with scales for groups."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from .case import Case, Entry, Tensor, Tensors, matrix, odd_and_aligned
from .products import place_in_groups

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case

#: Weights that share one scale, along k.
GROUP_OF_SCALES = 128


@triton.jit
def int8_product(
    a, b, c, a_scales, b_scales, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr
):
    """c[i, j] = a_scales[i] * b_scales[j] * sum over l of a[i, l] * b[j, l]. a is (m, k), b (n, k)."""
    tile_m, tile_n = place_in_groups(tl.program_id(0), m, n, BM, BN, GROUP)
    rows = tile_m * BM + tl.arange(0, BM)
    cols = tile_n * BN + tl.arange(0, BN)
    sums = tl.zeros((BM, BN), tl.int32)
    for start in range(0, k, BK):
        inner = start + tl.arange(0, BK)
        a_mask = (rows < m)[:, None] & (inner < k)[None, :]
        b_mask = (inner < k)[:, None] & (cols < n)[None, :]
        a_part = tl.load(a + rows[:, None] * k + inner[None, :], mask=a_mask, other=0)
        b_part = tl.load(b + cols[None, :] * k + inner[:, None], mask=b_mask, other=0)
        sums = tl.dot(a_part, b_part, sums)
    row_scale = tl.load(a_scales + rows, mask=rows < m)
    col_scale = tl.load(b_scales + cols, mask=cols < n)
    result = sums.to(tl.float32) * row_scale[:, None] * col_scale[None, :]
    tl.store(c + rows[:, None] * n + cols[None, :], result.to(tl.float16), mask=(rows < m)[:, None] & (cols < n)[None, :])


@triton.jit
def int4_product(
    a, packed, scales, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP_OF_SCALES: tl.constexpr
):
    """c = a @ weights. *packed* is (k / 8, n): eight weights of four bits in each int32, less 8 and times a scale of (k / G, n)."""
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    row_mask = (rows < m)[:, None]
    col_mask = (cols < n)[None, :]
    sums = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        inner = start + tl.arange(0, BK)
        a_part = tl.load(a + rows[:, None] * k + inner[None, :], mask=row_mask, other=0.0)
        words = tl.load(packed + (inner // 8)[:, None] * n + cols[None, :], mask=col_mask, other=0)
        scale = tl.load(scales + start // GROUP_OF_SCALES * n + cols[None, :], mask=col_mask, other=0.0)
        nibbles = (words >> (inner % 8 * 4)[:, None]) & 0xF
        sums = tl.dot(a_part, (nibbles - 8).to(tl.float16) * scale, sums)
    tl.store(c + rows[:, None] * n + cols[None, :], sums.to(tl.float16), mask=row_mask & col_mask)


def build_int8(m: int, n: int, k: int, tiles: tuple[int, int, int] = (128, 128, 128)) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        # Products of int8 are whole numbers, and their sums are exact in double precision.
        product = tensors["a"].double() @ tensors["b"].double().T
        return {"c": (product * tensors["a_scales"][:, None] * tensors["b_scales"]).half()}

    bm, bn, bk = tiles
    arguments = {
        "a": matrix("int8", m, k, k), "b": matrix("int8", n, k, k), "c": matrix("float16", m, n, n, fill=3),
        "a_scales": Tensor("float32", (m,), fill=2.0**-8), "b_scales": Tensor("float32", (n,), fill=2.0**-7),
        "m": m, "n": n, "k": k, "BM": bm, "BN": bn, "BK": bk, "GROUP": 8,
    }  # fmt: skip
    grid = (triton.cdiv(m, bm) * triton.cdiv(n, bn),)
    return Case(int8_product, grid, arguments, expect, {"num_warps": 8, "num_stages": 3})


def build_int4(m: int, n: int, k: int, tiles: tuple[int, int, int] = (64, 128, 64), group: int = GROUP_OF_SCALES) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        import torch

        packed = tensors["packed"]
        shifts = torch.arange(0, 32, 4, dtype=torch.int32, device=packed.device)
        nibbles = (packed[:, None, :] >> shifts[None, :, None] & 0xF).view(k, n) - 8
        weights = nibbles.half() * tensors["scales"].repeat_interleave(group, 0)
        return {"c": (tensors["a"].float() @ weights.float()).half()}

    bm, bn, bk = tiles
    arguments: dict[str, Any] = {
        "a": matrix("float16", m, k, k), "packed": matrix("int32", k // 8, n, n),
        "scales": matrix("float16", k // group, n, n, fill=2.0**-5), "c": matrix("float16", m, n, n, fill=3),
        "m": m, "n": n, "k": k, "BM": bm, "BN": bn, "BK": bk, "GROUP_OF_SCALES": group,
    }  # fmt: skip
    grid = (triton.cdiv(m, bm), triton.cdiv(n, bn))
    return Case(int4_product, grid, arguments, expect, {"num_warps": 4, "num_stages": 3}, atol=256)


ENTRIES = [
    Entry("int8 matmul", build_int8, odd_and_aligned((4095, 4095, 4096), (4096, 4096, 4096)), tiny=(45, 51, 48, (32, 32, 32))),
    Entry("int4 matmul", build_int4, odd_and_aligned((63, 8191, 8192), (64, 8192, 8192)), tiny=(19, 51, 64, (16, 32, 16), 32)),
]
