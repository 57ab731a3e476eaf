# SPDX-License-Identifier: MIT
"""A kernel that takes many registers more if it is versioned."""

import triton
import triton.language as tl


@triton.jit
def slices(x, h, go, gx, gh, N: tl.constexpr, C: tl.constexpr, H: tl.constexpr, BN: tl.constexpr, BC: tl.constexpr):
    """Slices of a tile of odd width: of two, one is wider without its mask, and both take registers twice."""
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    mask = (n[:, None] < N) & (c[None, :] < C)
    g = tl.load(go + n[:, None] * C + c[None, :], mask=mask, other=0.0).to(tl.float32)
    for s in tl.static_range(H):
        w = tl.load(h + n * H + s, mask=n < N, other=0.0)
        at = n[:, None] * (H * C) + s * C + c[None, :]
        tl.store(gx + at, g * w[:, None], mask=mask)
        v = tl.load(x + at, mask=mask, other=0.0).to(tl.float32)
        tl.atomic_add(gh + n * H + s, tl.sum(g * v, axis=1), mask=n < N)
