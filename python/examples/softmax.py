# SPDX-License-Identifier: MIT
"""Softmax of the rows of a matrix: out[i, j] = exp(x[i, j]) / sum over k of exp(x[i, k]).

*x* and *out* are (rows, columns) of one dtype; their rows may be further apart than they are long. A program holds a whole
row in registers, in fp32. The tensors have to be below 2^31 elements.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from common import OPTIONS, Example, Shape, empty_rows, make_rows


@triton.jit
def softmax_kernel(x_ptr, out_ptr, n_cols, x_stride, out_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    x = tl.load(x_ptr + row * x_stride + cols, mask=inside, other=float("-inf")).to(tl.float32)
    # The largest element becomes exp(0), so that nothing overflows.
    numerator = tl.exp(x - tl.max(x, axis=0))
    out = numerator / tl.sum(numerator, axis=0)
    tl.store(out_ptr + row * out_stride + cols, out.to(out_ptr.dtype.element_ty), mask=inside)


def arguments(rows: int, n_cols: int, stride: int) -> dict[str, Any]:
    """What the kernel takes after its pointers, for two matrices with the same *stride* between rows."""
    return {
        "n_cols": n_cols,
        "x_stride": stride,
        "out_stride": stride,
        "BLOCK": triton.next_power_of_2(n_cols),
        "num_warps": 8,
        **OPTIONS,
    }


def softmax(x: Any) -> Any:
    """The softmax of each row of the matrix *x*, whose rows are contiguous."""
    out = empty_rows(x)
    rows, n_cols = x.shape
    softmax_kernel[(rows,)](x, out, **arguments(rows, n_cols, x.stride(0)))
    return out


def make(shape: Shape, dtype: Any, device: str) -> tuple:
    return (make_rows(shape, dtype, device),)


def reference(x: Any) -> Any:
    import torch

    return torch.softmax(x.float(), dim=1).to(x.dtype)


EXAMPLE = Example(
    name="softmax",
    kernel=softmax_kernel,
    pointers=2,
    arguments=arguments,
    shapes={
        "odd": (16384, 4095, 4096),
        "even": (16384, 4096, 4096),
        "unaligned rows": (16384, 4095, 4095),
        "small": (5, 99, 112),
    },
    make=make,
    run=softmax,
    reference=reference,
    rtol=2,
    atol=0.001,
)
