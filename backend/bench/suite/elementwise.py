# SPDX-License-Identifier: MIT
"""out = x + y over 1 GiB each, where the last tile is whole (n = 2^k) and where it lacks one element (n = 2^k - 1)."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from .case import ITEM_BYTES, Case, Entry, Tensor, Tensors, output

# ruff: noqa: N803 - constexprs are written in upper case

BYTES = 2**30
BLOCKS = (256, 512, 1024, 2048, 4096, 8192)
DTYPES = ("float32", "float16", "bfloat16", "int8", "int64", "float64")


@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    total = tl.load(x + offsets, mask=inside) + tl.load(y + offsets, mask=inside)
    tl.store(out + offsets, total, mask=inside)


def build(dtype: str, block: int, length: int, n: int) -> Case:
    """The sum of the first *n* of *length* elements. Those behind n must be left alone."""

    def expect(tensors: Tensors) -> Tensors:
        expected = tensors["x"] + tensors["y"]
        expected[n:] = 3
        return {"out": expected}

    tensor = Tensor(dtype, (length,))
    arguments: dict[str, Any] = {"x": tensor, "y": tensor, "out": output(dtype, (length,)), "n": n, "BLOCK": block}
    return Case(add, (triton.cdiv(n, block),), arguments, expect, {"num_warps": 4}, rtol=0, atol=0)


def build_odd(dtype: str, block: int, length: int) -> Case:
    return build(dtype, block, length, length - 1)


def build_aligned(dtype: str, block: int, length: int) -> Case:
    return build(dtype, block, length, length)


#: The interpreter adds bf16 as if it were integers.
ENTRIES = [
    Entry(
        dtype,
        build_odd,
        {f"BLOCK {block}": (dtype, block, BYTES // ITEM_BYTES[dtype]) for block in BLOCKS},
        tiny=None if dtype == "bfloat16" else (dtype, 256, 1024),
        beside={"aligned": build_aligned},
        beside_on=("in-tree", "graft"),
    )
    for dtype in DTYPES
]
