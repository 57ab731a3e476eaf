# SPDX-License-Identifier: MIT
"""Causal attention, forward: out = softmax(q @ k^T / sqrt(channels)) @ v, where query i sees the keys 0 to i.

*q*, *k*, *v* and *out* are (heads, length, channels), contiguous, of one 16-bit dtype; whoever has batches counts them as
heads. channels has to be a power of two and at least 16. A program computes one block of queries and goes through the keys
that these see, keeping the largest score and the sum of weights so far, so that no matrix of scores is ever stored.
"""

from __future__ import annotations

import math
from typing import Any

import triton
import triton.language as tl
from common import OPTIONS, Example, Shape

BLOCK_Q, BLOCK_K = 128, 64


@triton.jit
def attention_kernel(
    q_ptr, k_ptr, v_ptr, out_ptr, length, scale,
    CHANNELS: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    first_query = tl.program_id(0) * BLOCK_Q
    start_of_head = tl.program_id(1).to(tl.int64) * length * CHANNELS
    queries = first_query + tl.arange(0, BLOCK_Q)
    channels = tl.arange(0, CHANNELS)
    q_offsets = start_of_head + queries[:, None] * CHANNELS + channels[None, :]
    q = tl.load(q_ptr + q_offsets, mask=queries[:, None] < length, other=0.0)

    largest = tl.full([BLOCK_Q], float("-inf"), tl.float32)
    sum_of_weights = tl.zeros([BLOCK_Q], tl.float32)
    out = tl.zeros([BLOCK_Q, CHANNELS], tl.float32)
    for first_key in range(0, tl.minimum(first_query + BLOCK_Q, length), BLOCK_K):
        keys = first_key + tl.arange(0, BLOCK_K)
        k_offsets = start_of_head + keys[:, None] * CHANNELS + channels[None, :]
        k = tl.load(k_ptr + k_offsets, mask=keys[:, None] < length, other=0.0)
        v = tl.load(v_ptr + k_offsets, mask=keys[:, None] < length, other=0.0)

        scores = tl.dot(q, tl.trans(k)) * scale
        scores = tl.where(queries[:, None] >= keys[None, :], scores, float("-inf"))
        new_largest = tl.maximum(largest, tl.max(scores, axis=1))
        weights = tl.exp2(scores - new_largest[:, None])
        # What was summed up so far was relative to the old largest score.
        shrink = tl.exp2(largest - new_largest)
        sum_of_weights = sum_of_weights * shrink + tl.sum(weights, axis=1)
        out = tl.dot(weights.to(v.dtype), v, out * shrink[:, None])
        largest = new_largest

    out = out / sum_of_weights[:, None]
    tl.store(out_ptr + q_offsets, out.to(out_ptr.dtype.element_ty), mask=queries[:, None] < length)


def arguments(heads: int, length: int, channels: int) -> dict[str, Any]:
    """What the kernel takes after its pointers. It uses powers of two, so *scale* holds a factor of log2(e)."""
    sizes = {"length": length, "scale": math.log2(math.e) / math.sqrt(channels), "CHANNELS": channels}
    return {**sizes, "BLOCK_Q": BLOCK_Q, "BLOCK_K": BLOCK_K, "num_warps": 8, "num_stages": 3, **OPTIONS}


def attention(q: Any, k: Any, v: Any) -> Any:
    """Causal attention over contiguous (heads, length, channels) tensors."""
    import torch

    out = torch.empty_like(q)
    heads, length, _ = q.shape
    attention_kernel[(triton.cdiv(length, BLOCK_Q), heads)](q, k, v, out, **arguments(*q.shape))
    return out


def make(shape: Shape, dtype: Any, device: str) -> tuple:
    import torch

    return tuple(torch.randn(shape, dtype=dtype, device=device) for _ in range(3))


def reference(q: Any, k: Any, v: Any) -> Any:
    import torch

    length = q.shape[1]
    visible = torch.ones(length, length, dtype=torch.bool, device=q.device).tril()
    heads = []
    for one_q, one_k, one_v in zip(q.float(), k.float(), v.float(), strict=True):  # one at a time, to save memory
        scores = (one_q @ one_k.T / math.sqrt(q.shape[2])).masked_fill(~visible, float("-inf"))
        heads.append(torch.softmax(scores, dim=1) @ one_v)
    return torch.stack(heads).to(q.dtype)


EXAMPLE = Example(
    name="attention",
    kernel=attention_kernel,
    pointers=4,
    arguments=arguments,
    shapes={"odd": (64, 4095, 64), "even": (64, 4096, 64), "small": (3, 301, 64)},
    make=make,
    run=attention,
    reference=reference,
    dtypes=("float16", "bfloat16"),
    rtol=4,
    atol=1,
)
