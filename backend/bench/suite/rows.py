# SPDX-License-Identifier: MIT
"""Kernels that take one row of a matrix per program: softmax and layer normalisation, in registers as a whole and block by block.

Rows are contiguous or as far apart as the next multiple of 64 elements. Every kernel computes in fp32.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from .case import Case, Entry, Size, Tensor, Tensors, matrix, round_up

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case

EPS = 1e-5


@triton.jit
def softmax(x, out, n_cols, x_stride, out_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    values = tl.load(x + row * x_stride + cols, mask=inside, other=-float("inf")).to(tl.float32)
    weights = tl.exp(values - tl.max(values, axis=0))
    tl.store(out + row * out_stride + cols, weights / tl.sum(weights, axis=0), mask=inside)


@triton.jit
def layer_norm(x, weight, bias, out, n_cols, stride, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    values = tl.load(x + row * stride + cols, mask=inside, other=0.0).to(tl.float32)
    centred = tl.where(inside, values - tl.sum(values, axis=0) / n_cols, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred, axis=0) / n_cols + eps)
    factor = tl.load(weight + cols, mask=inside).to(tl.float32)
    shift = tl.load(bias + cols, mask=inside).to(tl.float32)
    tl.store(out + row * stride + cols, centred * scale * factor + shift, mask=inside)


@triton.jit
def layer_norm_looped(x, weight, bias, out, n_cols, stride, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x += row * stride
    out += row * stride
    sums = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        sums += tl.load(x + cols, mask=cols < n_cols, other=0.0).to(tl.float32)
    mean = tl.sum(sums, axis=0) / n_cols
    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        values = tl.load(x + cols, mask=cols < n_cols, other=0.0).to(tl.float32)
        centred = tl.where(cols < n_cols, values - mean, 0.0)
        squares += centred * centred
    scale = tl.rsqrt(tl.sum(squares, axis=0) / n_cols + eps)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        inside = cols < n_cols
        values = tl.load(x + cols, mask=inside).to(tl.float32)
        factor = tl.load(weight + cols, mask=inside).to(tl.float32)
        shift = tl.load(bias + cols, mask=inside).to(tl.float32)
        tl.store(out + cols, (values - mean) * scale * factor + shift, mask=inside)


def build_softmax(dtype: str, rows: int, cols: int, stride: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        return {"out": tensors["x"].float().softmax(dim=1).to(tensors["x"].dtype)}

    block = triton.next_power_of_2(cols)
    arguments = {
        "x": matrix(dtype, rows, cols, stride), "out": matrix(dtype, rows, cols, stride, fill=3),
        "n_cols": cols, "x_stride": stride, "out_stride": stride, "BLOCK": block,
    }  # fmt: skip
    return Case(softmax, (rows,), arguments, expect, {"num_warps": count_warps(block)}, atol=0.01)


def build_layer_norm(kernel: Any, block: int | None, dtype: str, rows: int, cols: int, stride: int) -> Case:
    """A layer norm by *kernel* with blocks of *block* elements, or of whole rows."""

    def expect(tensors: Tensors) -> Tensors:
        import torch

        x, weight, bias = (tensors[name].float() for name in ("x", "weight", "bias"))
        return {"out": torch.nn.functional.layer_norm(x, (cols,), weight, bias, EPS).to(tensors["x"].dtype)}

    block = block or triton.next_power_of_2(cols)
    vector = Tensor(dtype, (cols,))
    arguments = {
        "x": matrix(dtype, rows, cols, stride), "weight": vector, "bias": vector,
        "out": matrix(dtype, rows, cols, stride, fill=3), "n_cols": cols, "stride": stride, "eps": EPS, "BLOCK": block,
    }  # fmt: skip
    return Case(kernel, (rows,), arguments, expect, {"num_warps": count_warps(block)})


def count_warps(block: int) -> int:
    """Warps for a row of *block* elements."""
    return 8 if block >= 2048 else 4


def build_whole(*size: Any) -> Case:
    return build_layer_norm(layer_norm, None, *size)


def build_looped(*size: Any) -> Case:
    return build_layer_norm(layer_norm_looped, 2048 if size[2] > 2000 else 256, *size)


#: Rows and columns. About 2^26 elements, which do not fit in the L2 cache.
SHAPES = ((16384, 4095), (22000, 3001), (65536, 1000))

SIZES: dict[str, Size] = {
    f"{dtype}, {cols} columns, {'contiguous' if stride == cols else 'padded'}": (dtype, rows, cols, stride)
    for dtype in ("float16", "float32")
    for rows, cols in SHAPES
    for stride in (cols, round_up(cols))
}
#: Beside what is odd, what is not.
ALIGNED: dict[str, Size] = {f"{dtype}, 4096 columns": (dtype, 16384, 4096, 4096) for dtype in ("float16", "float32")}
LONG: dict[str, Size] = {
    "float16, 8191 columns, contiguous": ("float16", 8192, 8191, 8191),
    "float16, 8191 columns, padded": ("float16", 8192, 8191, 8192),
}

ENTRIES = [
    Entry("softmax", build_softmax, SIZES | ALIGNED, tiny=("float16", 3, 99, 128)),
    Entry("layer norm", build_whole, SIZES | ALIGNED, tiny=("float16", 3, 99, 99)),
    Entry("layer norm, looped", build_looped, SIZES | LONG | ALIGNED, tiny=("float32", 3, 600, 640)),
]
