# SPDX-License-Identifier: MIT
"""Attention in fp16: forward and backward as in Triton's tutorial 06, forward with masks, and decoding over a paged KV cache.

Tensors are (heads, length, channels), contiguous; a batch counts as more heads. Weights are taken as powers of two of scores that
hold a factor of log2(e), and queries see the keys up to their own place. See Dao et al., FlashAttention (NeurIPS 2022), and Kwon et
al., PagedAttention (SOSP 2023).
"""

from __future__ import annotations

import math
from typing import Any

import triton
import triton.language as tl

from .case import Case, Entry, Tensor, Tensors, odd_and_aligned, output

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case

LOG2_E = math.log2(math.e)


# -- Forward


@triton.jit
def weigh(scores, largest, total, sums):
    """The weights of *scores*, and what was summed up so far made relative to the largest score there is now."""
    new_largest = tl.maximum(largest, tl.max(scores, 1))
    weights = tl.math.exp2(scores - new_largest[:, None])
    shrink = tl.math.exp2(largest - new_largest)
    return weights, new_largest, total * shrink + tl.sum(weights, 1), sums * shrink[:, None]


@triton.jit
def forward(q, k, v, out, logsums, length, scale, CHANNELS: tl.constexpr, BQ: tl.constexpr, BK: tl.constexpr):
    """By TMA descriptors of all heads one below the other. *length* is a multiple of BQ, and BQ of BK."""
    head_row = tl.program_id(1) * length
    first = tl.program_id(0) * BQ
    queries = first + tl.arange(0, BQ)
    q_block = q.load([head_row + first, 0])
    sums = tl.zeros([BQ, CHANNELS], tl.float32)
    largest = tl.full([BQ], -float("inf"), tl.float32)
    total = tl.zeros([BQ], tl.float32)
    for start in tl.range(0, first, BK):  # keys that all queries see
        scores = tl.dot(q_block, k.load([head_row + start, 0]).T) * scale
        weights, largest, total, sums = weigh(scores, largest, total, sums)
        sums = tl.dot(weights.to(tl.float16), v.load([head_row + start, 0]), sums)
    for start in tl.range(first, first + BQ, BK):
        seen = queries[:, None] >= start + tl.arange(0, BK)[None, :]
        scores = tl.where(seen, tl.dot(q_block, k.load([head_row + start, 0]).T) * scale, -float("inf"))
        weights, largest, total, sums = weigh(scores, largest, total, sums)
        sums = tl.dot(weights.to(tl.float16), v.load([head_row + start, 0]), sums)
    tl.store(logsums + head_row + queries, largest + tl.math.log2(total))
    out.store([head_row + first, 0], (sums / total[:, None]).to(tl.float16))


@triton.jit
def forward_masked(q, k, v, out, length, scale, CHANNELS: tl.constexpr, BQ: tl.constexpr, BK: tl.constexpr):
    """By pointers, for every *length*."""
    head = tl.program_id(1).to(tl.int64) * length * CHANNELS
    first = tl.program_id(0) * BQ
    queries = first + tl.arange(0, BQ)
    channels = tl.arange(0, CHANNELS)
    q_offsets = head + queries[:, None] * CHANNELS + channels[None, :]
    q_block = tl.load(q + q_offsets, mask=queries[:, None] < length, other=0.0)
    sums = tl.zeros([BQ, CHANNELS], tl.float32)
    largest = tl.full([BQ], -float("inf"), tl.float32)
    total = tl.zeros([BQ], tl.float32)
    for start in range(0, tl.minimum(first + BQ, length), BK):
        keys = start + tl.arange(0, BK)
        offsets = head + keys[:, None] * CHANNELS + channels[None, :]
        k_block = tl.load(k + offsets, mask=keys[:, None] < length, other=0.0)
        v_block = tl.load(v + offsets, mask=keys[:, None] < length, other=0.0)
        scores = tl.where(queries[:, None] >= keys[None, :], tl.dot(q_block, k_block.T) * scale, -float("inf"))
        weights, largest, total, sums = weigh(scores, largest, total, sums)
        sums = tl.dot(weights.to(tl.float16), v_block, sums)
    tl.store(out + q_offsets, (sums / total[:, None]).to(tl.float16), mask=queries[:, None] < length)


class Scores:
    """The attention of q, k and v of *shape* in fp32, head by head, and its gradients by PyTorch."""

    def __init__(self, tensors: Tensors, shape: tuple[int, int, int]):
        self.parts = [tensors[name].view(shape).float() for name in "qkv"]
        self.shape = shape

    def _scores(self, q: Any, k: Any) -> Any:
        import torch

        length = self.shape[1]
        future = torch.ones(length, length, dtype=torch.bool, device=q.device).triu(1)
        return (q @ k.T / math.sqrt(self.shape[2])).masked_fill(future, -math.inf)

    def logsums(self) -> Any:
        """Logarithms to base 2 of the sums of weights: (heads, length)."""
        import torch

        q, k, _ = self.parts
        return torch.stack([self._scores(*head).logsumexp(1) for head in zip(q, k, strict=True)]) * LOG2_E

    def out(self) -> Any:
        import torch

        return torch.stack([self._scores(q, k).softmax(1) @ v for q, k, v in zip(*self.parts, strict=True)])

    def gradients(self, dout: Any) -> tuple[Any, ...]:
        """Those of q, k and v."""
        import torch

        heads = []
        for *parts, dout_head in zip(*self.parts, dout.view(self.shape).float(), strict=True):
            q, k, v = (part.detach().requires_grad_() for part in parts)
            heads.append(torch.autograd.grad(self._scores(q, k).softmax(1) @ v, (q, k, v), dout_head))
        return tuple(torch.stack(head).half() for head in zip(*heads, strict=True))


def build_forward(heads: int, length: int, channels: int, bq: int = 128, bk: int = 64) -> Case:
    shape = (heads, length, channels)

    def expect(tensors: Tensors) -> Tensors:
        scores = Scores(tensors, shape)
        return {"out": scores.out().half().view(heads * length, channels), "logsums": scores.logsums().view(-1)}

    rows = (heads * length, channels)
    arguments = {
        "q": Tensor("float16", rows, block=(bq, channels)), "k": Tensor("float16", rows, block=(bk, channels)),
        "v": Tensor("float16", rows, block=(bk, channels)), "out": Tensor("float16", rows, fill=3, block=(bq, channels)),
        "logsums": output("float32", (heads * length,)), "length": length, "scale": LOG2_E / math.sqrt(channels),
        "CHANNELS": channels, "BQ": bq, "BK": bk,
    }  # fmt: skip
    options = {"num_warps": 8, "num_stages": 3}
    return Case(forward, (length // bq, heads), arguments, expect, options, rtol=64, atol=16)


def build_forward_masked(heads: int, length: int, channels: int, bq: int = 128, bk: int = 64) -> Case:
    shape = (heads, length, channels)
    tensor = Tensor("float16", shape)
    arguments = {
        "q": tensor, "k": tensor, "v": tensor, "out": output("float16", shape), "length": length,
        "scale": LOG2_E / math.sqrt(channels), "CHANNELS": channels, "BQ": bq, "BK": bk,
    }  # fmt: skip
    return Case(
        forward_masked, (triton.cdiv(length, bq), heads), arguments, lambda t: {"out": Scores(t, shape).out().half()},
        {"num_warps": 8, "num_stages": 3}, atol=16,
    )  # fmt: skip


# -- Backward


@triton.jit
def row_products(out, dout, delta, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """delta[i] = sum over j of out[i, j] * dout[i, j], for all heads at once."""
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    offsets = rows[:, None] * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    products = tl.load(out + offsets).to(tl.float32) * tl.load(dout + offsets).to(tl.float32)
    tl.store(delta + rows, tl.sum(products, axis=1))


@triton.jit
def backward_keys(
    q, k, v, dout, logsums, delta, dk, dv, length, scale, CHANNELS: tl.constexpr, BQ: tl.constexpr, BK: tl.constexpr
):
    """The gradients of one block of keys and of values. BK is a multiple of BQ."""
    head = tl.program_id(1).to(tl.int64) * length
    channels = tl.arange(0, CHANNELS)
    first = tl.program_id(0) * BK
    keys = first + tl.arange(0, BK)
    offsets = (head + keys)[:, None] * CHANNELS + channels[None, :]
    k_block, v_block = tl.load(k + offsets), tl.load(v + offsets)
    dk_sums = tl.zeros([BK, CHANNELS], tl.float32)
    dv_sums = tl.zeros([BK, CHANNELS], tl.float32)
    for start in range(first, length, BQ):
        queries = start + tl.arange(0, BQ)
        q_offsets = (head + queries)[:, None] * CHANNELS + channels[None, :]
        q_block, dout_block = tl.load(q + q_offsets), tl.load(dout + q_offsets)
        scores = tl.dot(k_block, q_block.T) * scale
        weights = tl.math.exp2(scores - tl.load(logsums + head + queries)[None, :])
        weights = tl.where(queries[None, :] >= keys[:, None], weights, 0.0)
        dv_sums = tl.dot(weights.to(tl.float16), dout_block, dv_sums)
        dweights = tl.dot(v_block, dout_block.T)
        dscores = weights * (dweights - tl.load(delta + head + queries)[None, :])
        dk_sums = tl.dot(dscores.to(tl.float16), q_block, dk_sums)
    tl.store(dv + offsets, dv_sums.to(tl.float16))
    tl.store(dk + offsets, (dk_sums * (scale * 0.6931471805599453)).to(tl.float16))


@triton.jit
def backward_queries(
    q, k, v, dout, logsums, delta, dq, length, scale, CHANNELS: tl.constexpr, BQ: tl.constexpr, BK: tl.constexpr
):
    """The gradient of one block of queries. BQ is a multiple of BK."""
    head = tl.program_id(1).to(tl.int64) * length
    channels = tl.arange(0, CHANNELS)
    first = tl.program_id(0) * BQ
    queries = first + tl.arange(0, BQ)
    offsets = (head + queries)[:, None] * CHANNELS + channels[None, :]
    q_block, dout_block = tl.load(q + offsets), tl.load(dout + offsets)
    logsum = tl.load(logsums + head + queries)[:, None]
    product = tl.load(delta + head + queries)[:, None]
    sums = tl.zeros([BQ, CHANNELS], tl.float32)
    for start in range(0, first + BQ, BK):
        keys = start + tl.arange(0, BK)
        k_offsets = (head + keys)[:, None] * CHANNELS + channels[None, :]
        k_block, v_block = tl.load(k + k_offsets), tl.load(v + k_offsets)
        weights = tl.math.exp2(tl.dot(q_block, k_block.T) * scale - logsum)
        weights = tl.where(queries[:, None] >= keys[None, :], weights, 0.0)
        dscores = weights * (tl.dot(dout_block, v_block.T) - product)
        sums = tl.dot(dscores.to(tl.float16), k_block, sums)
    tl.store(dq + offsets, (sums * (scale * 0.6931471805599453)).to(tl.float16))


def build_row_products(heads: int, length: int, channels: int) -> Case:
    shape = (heads * length, channels)
    arguments = {
        "out": Tensor("float16", shape), "dout": Tensor("float16", shape), "delta": output("float32", shape[:1]),
        "CHANNELS": channels, "BLOCK": 128,
    }  # fmt: skip
    return Case(
        row_products, (triton.cdiv(shape[0], 128),), arguments,
        lambda t: {"delta": (t["out"].float() * t["dout"].float()).sum(1)}, {"num_warps": 4}, atol=256,
    )  # fmt: skip


def build_backward_keys(heads: int, length: int, channels: int, bq: int = 64, bk: int = 128) -> Case:
    shape = (heads, length, channels)

    def expect(tensors: Tensors) -> Tensors:
        _, dk, dv = Scores(tensors, shape).gradients(tensors["dout"])
        return {"dk": dk, "dv": dv}

    arguments = {**_backward_inputs(shape), "dk": output("float16", shape), "dv": output("float16", shape)}
    blocks = {"length": length, "scale": LOG2_E / math.sqrt(channels), "CHANNELS": channels, "BQ": bq, "BK": bk}
    options = {"num_warps": 8, "num_stages": 2}
    return Case(backward_keys, (length // bk, heads), arguments | blocks, expect, options, rtol=16, atol=64)


def build_backward_queries(heads: int, length: int, channels: int, bq: int = 128, bk: int = 64) -> Case:
    shape = (heads, length, channels)
    arguments = {**_backward_inputs(shape), "dq": output("float16", shape)}
    blocks = {"length": length, "scale": LOG2_E / math.sqrt(channels), "CHANNELS": channels, "BQ": bq, "BK": bk}
    return Case(
        backward_queries, (length // bq, heads), arguments | blocks,
        lambda t: {"dq": Scores(t, shape).gradients(t["dout"])[0]}, {"num_warps": 8, "num_stages": 2}, rtol=16, atol=64,
    )  # fmt: skip


def _backward_inputs(shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """What a backward pass takes, with what the forward pass and `row_products` leave for it."""
    tensor = Tensor("float16", shape)
    return {
        "q": tensor, "k": tensor, "v": tensor, "dout": tensor,
        "logsums": Tensor("float32", shape[:2], fill=lambda t: Scores(t, shape).logsums()),
        "delta": Tensor("float32", shape[:2], fill=lambda t: (Scores(t, shape).out() * t["dout"].float()).sum(2)),
    }  # fmt: skip


# -- Decoding


@triton.jit
def decode(
    q, k_cache, v_cache, pages, lengths, out, scale, max_pages,
    GROUP: tl.constexpr, KV_HEADS: tl.constexpr, CHANNELS: tl.constexpr, PAGE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One query for each head, of which GROUP share a head of the cache. That is in pages of PAGE tokens, listed in *pages*."""
    sequence, kv_head = tl.program_id(0), tl.program_id(1)
    length = tl.load(lengths + sequence)
    channels = tl.arange(0, CHANNELS)
    heads = tl.arange(0, 16)  # as few as a matrix product takes
    q_offsets = ((sequence * KV_HEADS + kv_head) * GROUP + heads)[:, None] * CHANNELS + channels[None, :]
    q_block = tl.load(q + q_offsets, mask=heads[:, None] < GROUP, other=0.0)
    sums = tl.zeros([16, CHANNELS], tl.float32)
    largest = tl.full([16], -float("inf"), tl.float32)
    total = tl.zeros([16], tl.float32)
    for start in range(0, length, BLOCK):
        tokens = start + tl.arange(0, BLOCK)
        inside = tokens < length
        page = tl.load(pages + sequence * max_pages + tokens // PAGE, mask=inside, other=0).to(tl.int64)
        rows = (page * PAGE + tokens % PAGE) * KV_HEADS + kv_head
        offsets = rows[:, None] * CHANNELS + channels[None, :]
        k_block = tl.load(k_cache + offsets, mask=inside[:, None], other=0.0)
        v_block = tl.load(v_cache + offsets, mask=inside[:, None], other=0.0)
        scores = tl.where(inside[None, :], tl.dot(q_block, k_block.T) * scale, -float("inf"))
        weights, largest, total, sums = weigh(scores, largest, total, sums)
        sums = tl.dot(weights.to(tl.float16), v_block, sums)
    tl.store(out + q_offsets, (sums / total[:, None]).to(tl.float16), mask=heads[:, None] < GROUP)


def build_decode(sequences: int, length: int, kv_heads: int = 8, group: int = 8, channels: int = 128, page: int = 16) -> Case:
    """Sequences of *length* tokens and fewer, whose pages are scattered over the cache."""
    max_pages = triton.cdiv(length, page)
    cache = Tensor("float16", (sequences * max_pages, page, kv_heads, channels))

    def shuffle(tensors: Tensors) -> Any:
        import torch

        order = torch.randperm(sequences * max_pages, device=tensors["q"].device)
        return order.to(torch.int32).view(sequences, max_pages)

    def shorten(tensors: Tensors) -> Any:
        import torch

        return torch.arange(length, length - sequences, -1, dtype=torch.int32, device=tensors["q"].device)

    def expect(tensors: Tensors) -> Tensors:
        import torch

        out = []
        for i, pages in enumerate(tensors["pages"].long()):
            k, v = (tensors[name][pages].flatten(0, 1)[: length - i].float() for name in ("k_cache", "v_cache"))
            q = tensors["q"][i].view(kv_heads, group, channels).float()
            scores = q @ k.permute(1, 2, 0) / math.sqrt(channels)
            out.append((scores.softmax(2) @ v.transpose(0, 1)).view(kv_heads * group, channels))
        return {"out": torch.stack(out).half()}

    arguments = {
        "q": Tensor("float16", (sequences, kv_heads * group, channels)), "k_cache": cache, "v_cache": cache,
        "pages": Tensor("int32", (sequences, max_pages), fill=shuffle), "lengths": Tensor("int32", (sequences,), fill=shorten),
        "out": output("float16", (sequences, kv_heads * group, channels)), "scale": LOG2_E / math.sqrt(channels),
        "max_pages": max_pages, "GROUP": group, "KV_HEADS": kv_heads, "CHANNELS": channels, "PAGE": page, "BLOCK": 64,
    }  # fmt: skip
    return Case(decode, (sequences, kv_heads), arguments, expect, {"num_warps": 4, "num_stages": 3}, atol=16)


SIZES = odd_and_aligned((64, 2048, 64), (32, 2048, 128))
TUTORIAL_ENTRIES = [
    Entry("06 attention, forward", build_forward, SIZES, tiny=(2, 64, 16, 32, 16)),
    Entry("06 attention, backward, row products", build_row_products, SIZES, tiny=(2, 128, 16)),
    Entry("06 attention, backward dk, dv", build_backward_keys, SIZES, tiny=(2, 64, 16, 16, 32)),
    Entry("06 attention, backward dq", build_backward_queries, SIZES, tiny=(2, 64, 16, 32, 16)),
]
ENTRIES = [
    Entry(
        "attention with masks", build_forward_masked, odd_and_aligned((64, 2047, 64), (64, 2048, 64)), tiny=(2, 45, 16, 32, 16)
    ),
    Entry("paged decode attention", build_decode, odd_and_aligned((32, 2047)), tiny=(2, 37, 2, 4, 16, 16)),
]
