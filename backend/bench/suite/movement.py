# SPDX-License-Identifier: MIT
"""Kernels that move more than they compute: transposition, rotary embedding, and rows gathered from a table."""

from __future__ import annotations

import triton
import triton.language as tl

from .case import Case, Entry, Tensor, Tensors, matrix, odd_and_aligned, output

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case


@triton.jit
def transpose(x, out, n_rows, n_cols, BLOCK: tl.constexpr):
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    row_mask, col_mask = rows < n_rows, cols < n_cols
    tile = tl.load(x + rows[:, None] * n_cols + cols[None, :], mask=row_mask[:, None] & col_mask[None, :])
    tl.store(out + cols[:, None] * n_rows + rows[None, :], tl.trans(tile), mask=col_mask[:, None] & row_mask[None, :])


def build_transpose(rows: int, cols: int) -> Case:
    arguments = {
        "x": matrix("float16", rows, cols, cols), "out": matrix("float16", cols, rows, rows, fill=3), "n_rows": rows,
        "n_cols": cols, "BLOCK": 64,
    }  # fmt: skip
    return Case(transpose, (triton.cdiv(rows, 64), triton.cdiv(cols, 64)), arguments, lambda t: {"out": t["x"].T.contiguous()})


@triton.jit
def rotate(x, cosines, sines, out, n_heads, half, HEADS: tl.constexpr, HALF: tl.constexpr):
    """Turns the pairs (x[j], x[half + j]) of every head of a token by the token's angles. Rows are of 2 * half elements."""
    token = tl.program_id(0)
    heads = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    pairs = tl.arange(0, HALF)
    inside = (heads < n_heads)[:, None] & (pairs < half)[None, :]
    offsets = (token * n_heads + heads)[:, None] * (2 * half) + pairs[None, :]
    cosine = tl.load(cosines + token * half + pairs, mask=pairs < half, other=0.0)[None, :]
    sine = tl.load(sines + token * half + pairs, mask=pairs < half, other=0.0)[None, :]
    first = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(x + offsets + half, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + offsets, first * cosine - second * sine, mask=inside)
    tl.store(out + offsets + half, second * cosine + first * sine, mask=inside)


def build_rotate(tokens: int, heads: int, half: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        import torch

        first, second = tensors["x"].float().chunk(2, dim=2)
        cosine, sine = (tensors[name][:, None, :] for name in ("cosines", "sines"))
        turned = (first * cosine - second * sine, second * cosine + first * sine)
        return {"out": torch.cat(turned, dim=2).bfloat16()}

    shape = (tokens, heads, 2 * half)
    angles = Tensor("float32", (tokens, half))
    arguments = {
        "x": Tensor("bfloat16", shape), "cosines": angles, "sines": angles, "out": output("bfloat16", shape), "n_heads": heads,
        "half": half, "HEADS": 16, "HALF": triton.next_power_of_2(half),
    }  # fmt: skip
    return Case(rotate, (tokens, triton.cdiv(heads, 16)), arguments, expect)


@triton.jit
def gather_rows(table, ids, out, n_cols, BLOCK: tl.constexpr):
    token = tl.program_id(0)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    row = tl.load(ids + token)
    values = tl.load(table + row * n_cols + cols, mask=cols < n_cols)
    tl.store(out + token * n_cols + cols, values, mask=cols < n_cols)


def build_gather_rows(tokens: int, cols: int, vocabulary: int = 50257) -> Case:
    def choose(tensors: Tensors) -> object:
        import torch

        return torch.randint(vocabulary, (tokens,), device=tensors["table"].device)

    arguments = {
        "table": matrix("float16", vocabulary, cols, cols), "ids": Tensor("int64", (tokens,), fill=choose),
        "out": matrix("float16", tokens, cols, cols, fill=3), "n_cols": cols, "BLOCK": 1024,
    }  # fmt: skip
    grid = (tokens, triton.cdiv(cols, 1024))
    return Case(gather_rows, grid, arguments, lambda t: {"out": t["table"][t["ids"]]}, rtol=0, atol=0)


ENTRIES = [
    Entry("transpose", build_transpose, odd_and_aligned((8191, 8191), (8192, 8192)), tiny=(70, 99)),
    Entry("rotary embedding", build_rotate, odd_and_aligned((16384, 31, 49), (16384, 32, 64)), tiny=(3, 17, 9)),
    Entry("embedding gather", build_gather_rows, odd_and_aligned((16384, 4095), (16384, 4096)), tiny=(5, 99, 40)),
]
