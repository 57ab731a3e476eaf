# SPDX-License-Identifier: MIT
"""Matrix product: c[i, j] = sum over l of a[i, l] * b[l, j], accumulated in fp32.

*a* is (m, k), *b* (k, n) and *c* (m, n), of one 16-bit dtype; rows may be further apart than they are long. A program
computes one tile of *c*. The tensors have to be below 2^31 elements.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from common import OPTIONS, Example, Shape, make_rows

BLOCK_M, BLOCK_N, BLOCK_K = 128, 128, 64


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, m, n, k, a_stride, b_stride, c_stride,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inner = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + rows[:, None] * a_stride + inner[None, :]
    b_ptrs = b_ptr + inner[:, None] * b_stride + cols[None, :]

    sums = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(0, k, BLOCK_K):
        a = tl.load(a_ptrs, mask=(rows[:, None] < m) & (inner[None, :] < k - start), other=0.0)
        b = tl.load(b_ptrs, mask=(inner[:, None] < k - start) & (cols[None, :] < n), other=0.0)
        sums = tl.dot(a, b, sums)
        a_ptrs += BLOCK_K
        b_ptrs += BLOCK_K * b_stride

    c_ptrs = c_ptr + rows[:, None] * c_stride + cols[None, :]
    tl.store(c_ptrs, sums.to(c_ptr.dtype.element_ty), mask=(rows[:, None] < m) & (cols[None, :] < n))


def arguments(m: int, n: int, k: int, a_stride: int, b_stride: int, c_stride: int) -> dict[str, Any]:
    """What the kernel takes after its pointers. The strides are from one row to the next."""
    sizes = {"m": m, "n": n, "k": k, "a_stride": a_stride, "b_stride": b_stride, "c_stride": c_stride}
    blocks = {"BLOCK_M": BLOCK_M, "BLOCK_N": BLOCK_N, "BLOCK_K": BLOCK_K}
    return {**sizes, **blocks, "num_warps": 8, "num_stages": 3, **OPTIONS}


def matmul(a: Any, b: Any) -> Any:
    """a @ b for two matrices with contiguous rows."""
    import torch

    (m, k), n = a.shape, b.shape[1]
    c_stride = b.stride(0)
    c = torch.empty_strided((m, n), (c_stride, 1), dtype=a.dtype, device=a.device)
    grid = (triton.cdiv(m, BLOCK_M), triton.cdiv(n, BLOCK_N))
    matmul_kernel[grid](a, b, c, **arguments(m, n, k, a.stride(0), b.stride(0), c_stride))
    return c


def make(shape: Shape, dtype: Any, device: str) -> tuple:
    m, n, k, a_stride, b_stride, _ = shape
    return make_rows((m, k, a_stride), dtype, device), make_rows((k, n, b_stride), dtype, device)


def reference(a: Any, b: Any) -> Any:
    return (a.float() @ b.float()).to(a.dtype)


EXAMPLE = Example(
    name="matmul",
    kernel=matmul_kernel,
    pointers=3,
    arguments=arguments,
    shapes={
        "odd": (4095, 4095, 4095, 4096, 4096, 4096),
        "even": (4096, 4096, 4096, 4096, 4096, 4096),
        "small": (150, 201, 99, 112, 208, 208),
    },
    make=make,
    run=matmul,
    reference=reference,
    dtypes=("float16", "bfloat16"),
    rtol=2,
    atol=8,  # sums of many terms that cancel
)
