# SPDX-License-Identifier: MIT
"""Layer normalisation, forward: out[i, j] = (x[i, j] - mean[i]) / sqrt(variance[i] + eps) * weight[j] + bias[j].

*x* and *out* are (rows, columns), *weight* and *bias* (columns,), all of one dtype; rows may be further apart than they are
long. A program takes a row block by block, three times, in fp32. The tensors have to be below 2^31 elements.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from common import OPTIONS, Example, Shape, empty_rows, make_rows

EPS = 1e-5


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, n_cols, x_stride, out_stride, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x_ptr += row * x_stride
    out_ptr += row * out_stride

    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + cols, mask=cols < n_cols, other=0.0).to(tl.float32)
    mean = tl.sum(total, axis=0) / n_cols

    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + cols, mask=cols < n_cols, other=0.0).to(tl.float32)
        deviation = tl.where(cols < n_cols, x - mean, 0.0)
        squares += deviation * deviation
    scale = tl.rsqrt(tl.sum(squares, axis=0) / n_cols + eps)

    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        inside = cols < n_cols
        x = tl.load(x_ptr + cols, mask=inside).to(tl.float32)
        weight = tl.load(weight_ptr + cols, mask=inside).to(tl.float32)
        bias = tl.load(bias_ptr + cols, mask=inside).to(tl.float32)
        out = (x - mean) * scale * weight + bias
        tl.store(out_ptr + cols, out.to(out_ptr.dtype.element_ty), mask=inside)


def arguments(rows: int, n_cols: int, stride: int) -> dict[str, Any]:
    """What the kernel takes after its pointers, for two matrices with the same *stride* between rows."""
    return {
        "n_cols": n_cols,
        "x_stride": stride,
        "out_stride": stride,
        "eps": EPS,
        "BLOCK": 2048,
        "num_warps": 8,
        **OPTIONS,
    }


def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
    """The normalised rows of the matrix *x*, which are contiguous, scaled by *weight* and shifted by *bias*."""
    out = empty_rows(x)
    rows, n_cols = x.shape
    layer_norm_kernel[(rows,)](x, weight, bias, out, **arguments(rows, n_cols, x.stride(0)))
    return out


def make(shape: Shape, dtype: Any, device: str) -> tuple:
    import torch

    weight, bias = (torch.randn(shape[1], dtype=dtype, device=device) for _ in range(2))
    return make_rows(shape, dtype, device), weight, bias


def reference(x: Any, weight: Any, bias: Any) -> Any:
    import torch

    out = torch.nn.functional.layer_norm(x.float(), weight.shape, weight.float(), bias.float(), EPS)
    return out.to(x.dtype)


EXAMPLE = Example(
    name="layer norm",
    kernel=layer_norm_kernel,
    pointers=4,
    arguments=arguments,
    shapes={
        "odd": (8192, 8191, 8192),
        "even": (8192, 8192, 8192),
        "unaligned rows": (8192, 8191, 8191),
        "small": (5, 5003, 5008),
    },
    make=make,
    run=layer_norm,
    reference=reference,
    rtol=2,
    atol=1,
)
