# SPDX-License-Identifier: MIT
"""Vector addition: out[i] = x[i] + y[i].

*x*, *y* and *out* have n elements of one dtype, one after the other. n has to be below 2^31.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from common import OPTIONS, Example, Shape

BLOCK = 1024


@triton.jit
def add_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    x = tl.load(x_ptr + offsets, mask=inside)
    y = tl.load(y_ptr + offsets, mask=inside)
    tl.store(out_ptr + offsets, x + y, mask=inside)


def arguments(n: int, block: int = BLOCK) -> dict[str, Any]:
    """What the kernel takes after its pointers. A program adds *block* elements."""
    return {"n": n, "BLOCK": block, "num_warps": 4, **OPTIONS}


def add(x: Any, y: Any) -> Any:
    """x + y for two contiguous tensors of one shape and dtype."""
    import torch

    out = torch.empty_like(x)
    n = x.numel()
    add_kernel[(triton.cdiv(n, BLOCK),)](x, y, out, **arguments(n))
    return out


def make(shape: Shape, dtype: Any, device: str) -> tuple:
    import torch

    return torch.randn(shape, dtype=dtype, device=device), torch.randn(shape, dtype=dtype, device=device)


EXAMPLE = Example(
    name="vector add",
    kernel=add_kernel,
    pointers=3,
    arguments=arguments,
    shapes={"odd": (2**26 - 1,), "even": (2**26,), "small": (3001,)},
    make=make,
    run=add,
    reference=lambda x, y: x + y,
    rtol=0,  # both round the exact sum once
    atol=0,
)
