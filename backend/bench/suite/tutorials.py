# SPDX-License-Identifier: MIT
"""What Triton's tutorials 01 to 05, 07 and 11 teach: one kernel for each lesson.

The attention of 06 is in attention.py, the matrix products of 03, 08 and 09 are in tutorial_products.py. 10 needs a later device.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from .case import Case, Entry, Tensor, Tensors, matrix, odd_and_aligned, output
from .elementwise import add
from .rows import EPS, count_warps

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case

LENGTHS = odd_and_aligned((2**25 - 1,), (2**25,))
SEED = 1234


# -- 01, 04, 07 and 11: element by element


@triton.jit
def dropout(x, out, n, p, seed, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    values = tl.load(x + offsets, mask=inside)
    kept = tl.rand(seed, offsets) > p
    tl.store(out + offsets, tl.where(kept, values / (1 - p), 0.0), mask=inside)


@triton.jit
def arcsine(x, out, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    tl.store(out + offsets, libdevice.asin(tl.load(x + offsets, mask=inside)), mask=inside)


@triton.jit
def add_dependent(x, y, out, n, BLOCK: tl.constexpr):
    """May start before the kernel in front of it has ended, and lets the one behind it start."""
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    gdc_wait()
    total = tl.load(x + offsets, mask=inside) + tl.load(y + offsets, mask=inside)
    gdc_launch_dependents()
    tl.store(out + offsets, total, mask=inside)


def build_add(n: int) -> Case:
    return _add(add, n)


def build_add_dependent(n: int) -> Case:
    return _add(add_dependent, n, launch_pdl=True)


def _add(kernel: Any, n: int, **options: Any) -> Case:
    vector = Tensor("float32", (n,))
    arguments = {"x": vector, "y": vector, "out": output("float32", (n,)), "n": n, "BLOCK": 1024}
    return Case(kernel, (triton.cdiv(n, 1024),), arguments, lambda t: {"out": t["x"] + t["y"]}, options, rtol=0, atol=0)


def build_dropout(n: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        x = tensors["x"]
        return {"out": (2 * x).masked_fill(philox_uniform(SEED, n, x.device) <= 0.5, 0.0)}

    arguments = {
        "x": Tensor("float32", (n,)), "out": output("float32", (n,)), "n": n, "p": 0.5, "seed": SEED, "BLOCK": 1024,
    }  # fmt: skip
    return Case(dropout, (triton.cdiv(n, 1024),), arguments, expect)


def philox_uniform(seed: int, n: int, device: Any) -> Any:
    """What `tl.rand(seed, i)` gives for i < *n*: Philox 4x32 with 10 rounds (Salmon et al., SC 2011), counter (i, 0, 0, 0).

    In 64-bit integers, of which a product keeps the lower half: that is all of a product of 32-bit numbers.
    """
    import torch

    low = 0xFFFFFFFF
    counter = [torch.arange(n, device=device), *(torch.zeros(n, dtype=torch.int64, device=device) for _ in range(3))]
    keys = [seed & low, seed >> 32 & low]
    for _ in range(10):
        first, second = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            (second >> 32 & low) ^ counter[1] ^ keys[0], second & low, (first >> 32 & low) ^ counter[3] ^ keys[1], first & low,
        ]  # fmt: skip
        keys = [(key + step) & low for key, step in zip(keys, (0x9E3779B9, 0xBB67AE85), strict=True)]
    signed = torch.where(counter[0] >= 2**31, low - counter[0], counter[0])
    return signed.float() * 4.6566127342e-10


def build_arcsine(n: int) -> Case:
    arguments = {
        "out": output("float32", (n,)), "x": Tensor("float32", (n,), fill=lambda t: _uniform(t["out"])), "n": n, "BLOCK": 1024,
    }  # fmt: skip
    return Case(arcsine, (triton.cdiv(n, 1024),), arguments, lambda t: {"out": t["x"].asin()})


def _uniform(like: Any) -> Any:
    """Random numbers from -1 to 1."""
    import torch

    return 2 * torch.rand_like(like) - 1


# -- 02: softmax by programs that take one row after the other


@triton.jit
def softmax_persistent(x, out, n_rows, n_cols, x_stride, out_stride, BLOCK: tl.constexpr, STAGES: tl.constexpr):
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    for row in tl.range(tl.program_id(0), n_rows, tl.num_programs(0), num_stages=STAGES):
        values = tl.load(x + row * x_stride + cols, mask=inside, other=-float("inf"))
        weights = tl.exp(values - tl.max(values, axis=0))
        tl.store(out + row * out_stride + cols, weights / tl.sum(weights, axis=0), mask=inside)


def build_softmax(rows: int, cols: int) -> Case:
    block = triton.next_power_of_2(cols)
    arguments = {
        "x": matrix("float32", rows, cols, cols), "out": matrix("float32", rows, cols, cols, fill=3),
        "n_rows": rows, "n_cols": cols, "x_stride": cols, "out_stride": cols, "BLOCK": block, "STAGES": 4,
    }  # fmt: skip
    grid = (min(rows, 528),)  # four programs for each multiprocessor of an H200
    return Case(
        softmax_persistent,
        grid,
        arguments,
        lambda t: {"out": t["x"].softmax(dim=1)},
        {"num_warps": count_warps(block)},
        atol=0.01,
    )


# -- 05: layer normalisation and its gradients


@triton.jit
def normalise(x, weight, bias, out, means, scales, stride, n_cols, eps, BLOCK: tl.constexpr):
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
    scale = 1 / tl.sqrt(tl.sum(squares, axis=0) / n_cols + eps)
    tl.store(means + row, mean)
    tl.store(scales + row, scale)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        inside = cols < n_cols
        factor = tl.load(weight + cols, mask=inside)
        shift = tl.load(bias + cols, mask=inside)
        values = tl.load(x + cols, mask=inside, other=0.0).to(tl.float32)
        tl.store(out + cols, (values - mean) * scale * factor + shift, mask=inside)


@triton.jit
def gradient_of_rows(
    dx, dout, dweight, dbias, x, weight, means, scales, locks, stride, n_cols, GROUPS: tl.constexpr, BLOCK: tl.constexpr
):
    """The gradient of one row of x. That of weight and bias is added to one of GROUPS sums, under a lock for each."""
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    x_row = tl.load(x + row * stride + cols, mask=inside, other=0.0).to(tl.float32)
    dout_row = tl.load(dout + row * stride + cols, mask=inside, other=0.0).to(tl.float32)
    factor = tl.load(weight + cols, mask=inside).to(tl.float32)
    scale = tl.load(scales + row)
    normal = tl.where(inside, (x_row - tl.load(means + row)) * scale, 0.0)
    inner = tl.where(inside, factor * dout_row, 0.0)
    along = tl.sum(normal * inner, axis=0) / n_cols
    mean = tl.sum(inner, axis=0) / n_cols
    tl.store(dx + row * stride + cols, (inner - (normal * along + mean)) * scale, mask=inside)

    group = row % GROUPS
    lock, count = locks + group, locks + GROUPS + group
    dweight += group * n_cols + cols
    dbias += group * n_cols + cols
    dweight_part = dout_row * normal
    dbias_part = dout_row
    while tl.atomic_cas(lock, 0, 1) == 1:
        pass
    if tl.load(count) == 0:
        tl.atomic_xchg(count, 1)
    else:
        dweight_part += tl.load(dweight, mask=inside)
        dbias_part += tl.load(dbias, mask=inside)
    tl.store(dweight, dweight_part, mask=inside)
    tl.store(dbias, dbias_part, mask=inside)
    tl.debug_barrier()
    tl.atomic_xchg(lock, 0)


@triton.jit
def add_groups(dweight, dbias, total_dweight, total_dbias, n_groups, n_cols, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    cols = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    dweight_sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    dbias_sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, n_groups, BLOCK_M):
        rows = start + tl.arange(0, BLOCK_M)
        inside = (rows[:, None] < n_groups) & (cols[None, :] < n_cols)
        offsets = rows[:, None] * n_cols + cols[None, :]
        dweight_sums += tl.load(dweight + offsets, mask=inside, other=0.0)
        dbias_sums += tl.load(dbias + offsets, mask=inside, other=0.0)
    tl.store(total_dweight + cols, tl.sum(dweight_sums, axis=0), mask=cols < n_cols)
    tl.store(total_dbias + cols, tl.sum(dbias_sums, axis=0), mask=cols < n_cols)


def build_normalise(rows: int, cols: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        import torch

        x, weight, bias = (tensors[name].float() for name in ("x", "weight", "bias"))
        out = torch.nn.functional.layer_norm(x, (cols,), weight, bias, EPS)
        scales = 1 / torch.sqrt(x.var(dim=1, unbiased=False) + EPS)
        return {"out": out.to(tensors["out"].dtype), "means": x.mean(dim=1), "scales": scales}

    vector, per_row = Tensor("float16", (cols,)), output("float32", (rows,))
    block = min(2048, triton.next_power_of_2(cols))
    arguments = {
        "x": matrix("float16", rows, cols, cols), "weight": vector, "bias": vector,
        "out": matrix("float16", rows, cols, cols, fill=3), "means": per_row, "scales": per_row,
        "stride": cols, "n_cols": cols, "eps": EPS, "BLOCK": block,
    }  # fmt: skip
    return Case(normalise, (rows,), arguments, expect, {"num_warps": count_warps(block)}, rtol=16)


def build_gradient_of_rows(rows: int, cols: int) -> Case:
    groups = 96

    def expect(tensors: Tensors) -> Tensors:
        x, dout, weight = (tensors[name].float() for name in ("x", "dout", "weight"))
        scale = tensors["scales"][:, None]
        normal = (x - tensors["means"][:, None]) * scale
        inner = dout * weight
        dx = (inner - normal * (normal * inner).mean(1, keepdim=True) - inner.mean(1, keepdim=True)) * scale
        sums = [part.new_zeros(groups, cols) for part in (dout, dout)]
        for start in range(0, rows, groups):
            part = slice(start, start + groups)
            height = len(dout[part])
            sums[0][:height] += dout[part] * normal[part]
            sums[1][:height] += dout[part]
        return {"dx": dx.to(tensors["dx"].dtype), "dweight": sums[0], "dbias": sums[1]}

    tensor = matrix("float16", rows, cols, cols)
    parts = Tensor("float32", (groups, cols), fill=0)
    arguments = {
        "dx": matrix("float16", rows, cols, cols, fill=3), "dout": tensor, "dweight": parts, "dbias": parts, "x": tensor,
        "weight": Tensor("float16", (cols,)), "means": Tensor("float32", (rows,)), "scales": Tensor("float32", (rows,), fill=1.5),
        "locks": Tensor("int32", (2 * groups,), fill=0), "stride": cols, "n_cols": cols, "GROUPS": groups,
        "BLOCK": triton.next_power_of_2(cols),
    }  # fmt: skip
    return Case(gradient_of_rows, (rows,), arguments, expect, {"num_warps": 8}, rtol=16, atol=64)


def build_add_groups(groups: int, cols: int) -> Case:
    parts, total = Tensor("float32", (groups, cols)), output("float16", (cols,))
    arguments = {
        "dweight": parts, "dbias": parts, "total_dweight": total, "total_dbias": total, "n_groups": groups, "n_cols": cols,
        "BLOCK_M": 32, "BLOCK_N": 128,
    }  # fmt: skip
    sums = {"total_dweight": "dweight", "total_dbias": "dbias"}
    return Case(
        add_groups, (triton.cdiv(cols, 128),), arguments,
        lambda t: {total: t[parts].sum(dim=0).half() for total, parts in sums.items()}, atol=64,
    )  # fmt: skip


ENTRIES = [
    Entry("01 vector addition", build_add, LENGTHS, tiny=(1500,)),
    Entry("02 fused softmax", build_softmax, odd_and_aligned((16384, 3001), (16384, 4096)), tiny=(5, 99)),
    Entry("04 dropout", build_dropout, LENGTHS, tiny=(1500,)),
    Entry("05 layer norm, forward", build_normalise, odd_and_aligned((16384, 4095), (16384, 4096)), tiny=(3, 99)),
    Entry("05 layer norm, backward dx", build_gradient_of_rows, odd_and_aligned((4096, 4095), (4096, 4096)), tiny=(200, 99)),
    Entry("05 layer norm, backward dw, db", build_add_groups, odd_and_aligned((4096, 8191), (4096, 8192)), tiny=(40, 150)),
    Entry("07 libdevice asin", build_arcsine, LENGTHS, tiny=None),
    Entry("11 dependent launch", build_add_dependent, LENGTHS, tiny=None),
]
