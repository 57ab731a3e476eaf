# SPDX-License-Identifier: MIT
"""Reductions and scans: of columns, argmax, running sums, a linear recurrence, a histogram, cross-entropy, RMS normalisation."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from .case import Case, Entry, Tensor, Tensors, matrix, odd_and_aligned, output
from .rows import EPS, count_warps

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case


@triton.jit
def sum_columns(x, sums, n_rows, n_cols, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, STEPS: tl.constexpr):
    """Adds to *sums* what BLOCK_N columns of STEPS blocks of BLOCK_M rows sum up to."""
    cols = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    first = tl.program_id(1) * BLOCK_M * STEPS
    part = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for step in range(STEPS):
        rows = first + step * BLOCK_M + tl.arange(0, BLOCK_M)
        inside = (rows < n_rows)[:, None] & (cols < n_cols)[None, :]
        part += tl.load(x + rows[:, None] * n_cols + cols[None, :], mask=inside, other=0.0)
    tl.atomic_add(sums + cols, tl.sum(part, axis=0), mask=cols < n_cols)


def build_sum_columns(rows: int, cols: int) -> Case:
    arguments = {
        "x": matrix("float32", rows, cols, cols), "sums": Tensor("float32", (cols,), fill=0), "n_rows": rows, "n_cols": cols,
        "BLOCK_M": 32, "BLOCK_N": 64, "STEPS": 16,
    }  # fmt: skip
    grid = (triton.cdiv(cols, 64), triton.cdiv(rows, 32 * 16))
    return Case(sum_columns, grid, arguments, lambda t: {"sums": t["x"].sum(0)}, {"num_warps": 4}, rtol=64, atol=2048)


@triton.jit
def row_argmax(x, out, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    values = tl.load(x + row * n_cols + cols, mask=cols < n_cols, other=-float("inf"))
    tl.store(out + row, tl.argmax(values, axis=0))


def build_row_argmax(rows: int, cols: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        return {"out": tensors["x"].argmax(1).int()}

    block = triton.next_power_of_2(cols)
    arguments = {"x": matrix("float32", rows, cols, cols), "out": output("int32", (rows,)), "n_cols": cols, "BLOCK": block}
    return Case(row_argmax, (rows,), arguments, expect, {"num_warps": count_warps(block)})


@triton.jit
def running_sum(x, out, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    values = tl.load(x + row * n_cols + cols, mask=inside, other=0.0)
    tl.store(out + row * n_cols + cols, tl.cumsum(values, axis=0), mask=inside)


def build_running_sum(rows: int, cols: int) -> Case:
    block = triton.next_power_of_2(cols)
    tensor = matrix("float32", rows, cols, cols)
    arguments = {"x": tensor, "out": matrix("float32", rows, cols, cols, fill=3), "n_cols": cols, "BLOCK": block}
    options = {"num_warps": count_warps(block)}
    return Case(running_sum, (rows,), arguments, lambda t: {"out": t["x"].cumsum(1)}, options, rtol=64, atol=2048)


@triton.jit
def compose(decay_a, value_a, decay_b, value_b):
    """What two steps of h = decay * h + value, a and then b, are together."""
    return decay_a * decay_b, decay_b * value_a + value_b


@triton.jit
def recurrence(decays, values, out, length, BLOCK: tl.constexpr):
    """h[t] = decays[t] * h[t - 1] + values[t] for each channel of a sequence, in blocks of time. (channels, length)."""
    channel = tl.program_id(0)
    state = tl.zeros([1], tl.float32)
    for start in range(0, length, BLOCK):
        steps = start + tl.arange(0, BLOCK)
        offsets = steps + channel * length
        decay = tl.load(decays + offsets, mask=steps < length, other=1.0)
        value = tl.load(values + offsets, mask=steps < length, other=0.0)
        product, h = tl.associative_scan((decay, value), 0, compose)
        h += product * state
        tl.store(out + offsets, h, mask=steps < length)
        state = tl.sum(tl.where(tl.arange(0, BLOCK) == BLOCK - 1, h, 0.0), axis=0, keep_dims=True)


def build_recurrence(channels: int, length: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        import torch

        decays, values = (tensors[name].double().T.contiguous() for name in ("decays", "values"))
        states = [values[0]]
        for decay, value in zip(decays[1:], values[1:], strict=True):
            states.append(decay * states[-1] + value)
        return {"out": torch.stack(states, dim=1).float()}

    shape = (channels, length)
    arguments = {
        "out": output("float32", shape), "decays": Tensor("float32", shape, fill=lambda t: t["out"].clone().uniform_()),
        "values": Tensor("float32", shape), "length": length, "BLOCK": 512,
    }  # fmt: skip
    return Case(recurrence, (channels,), arguments, expect, {"num_warps": 4}, rtol=64, atol=64)


@triton.jit
def histogram(x, counts, n, BINS: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    values = tl.load(x + offsets, mask=inside, other=0).to(tl.int32)
    tl.atomic_add(counts + tl.arange(0, BINS), tl.histogram(values, BINS, mask=inside))


def build_histogram(n: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        return {"counts": tensors["x"].long().bincount(minlength=256).int()}

    arguments = {
        "x": Tensor("uint8", (n,)), "counts": Tensor("int32", (256,), fill=0), "n": n, "BINS": 256, "BLOCK": 8192,
    }  # fmt: skip
    return Case(histogram, (triton.cdiv(n, 8192),), arguments, expect, {"num_warps": 8})


@triton.jit
def cross_entropy(logits, targets, losses, n_classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    logits += row * n_classes
    largest = tl.full([BLOCK], -float("inf"), tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_classes, BLOCK):
        classes = start + tl.arange(0, BLOCK)
        scores = tl.load(logits + classes, mask=classes < n_classes, other=-float("inf")).to(tl.float32)
        new_largest = tl.maximum(largest, scores)
        # Where there was nothing yet, minus infinity is on both sides of the difference.
        weight = tl.where(scores == -float("inf"), 0.0, tl.exp(scores - new_largest))
        total = tl.where(largest == -float("inf"), 0.0, total * tl.exp(largest - new_largest)) + weight
        largest = new_largest
    peak = tl.max(largest, axis=0)
    log_sum = peak + tl.log(tl.sum(total * tl.exp(largest - peak), axis=0))
    target = tl.load(targets + row)
    tl.store(losses + row, log_sum - tl.load(logits + target).to(tl.float32))


def build_cross_entropy(rows: int, classes: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        import torch

        return {"losses": torch.nn.functional.cross_entropy(tensors["logits"].float(), tensors["targets"], reduction="none")}

    def choose(tensors: Tensors) -> Any:
        import torch

        return torch.randint(classes, (rows,), device=tensors["logits"].device)

    arguments = {
        "logits": matrix("float16", rows, classes, classes), "targets": Tensor("int64", (rows,), fill=choose),
        "losses": output("float32", (rows,)), "n_classes": classes, "BLOCK": 2048,
    }  # fmt: skip
    return Case(cross_entropy, (rows,), arguments, expect, {"num_warps": 8}, rtol=64, atol=64)


@triton.jit
def rms_norm(x, residual, weight, out, new_residual, n_cols, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    inside = cols < n_cols
    offsets = row * n_cols + cols
    total = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    total += tl.load(residual + offsets, mask=inside, other=0.0).to(tl.float32)
    tl.store(new_residual + offsets, total, mask=inside)
    scale = tl.rsqrt(tl.sum(total * total, axis=0) / n_cols + eps)
    factor = tl.load(weight + cols, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + offsets, total * scale * factor, mask=inside)


def build_rms_norm(rows: int, cols: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        x, residual, weight = (tensors[name].float() for name in ("x", "residual", "weight"))
        total = x + residual
        out = total / (total.square().mean(1, keepdim=True) + EPS).sqrt() * weight
        return {"out": out.bfloat16(), "new_residual": total.bfloat16()}

    tensor = matrix("bfloat16", rows, cols, cols)
    result = matrix("bfloat16", rows, cols, cols, fill=3)
    block = triton.next_power_of_2(cols)
    arguments = {
        "x": tensor, "residual": tensor, "weight": Tensor("bfloat16", (cols,)), "out": result, "new_residual": result,
        "n_cols": cols, "eps": EPS, "BLOCK": block,
    }  # fmt: skip
    return Case(rms_norm, (rows,), arguments, expect, {"num_warps": count_warps(block)})


ENTRIES = [
    Entry("column sums", build_sum_columns, odd_and_aligned((16383, 4095), (16384, 4096)), tiny=(600, 99)),
    Entry("row argmax", build_row_argmax, odd_and_aligned((16384, 4095), (16384, 4096)), tiny=(5, 99)),
    Entry("running sum", build_running_sum, odd_and_aligned((16384, 4095), (16384, 4096)), tiny=(5, 99)),
    Entry("linear recurrence", build_recurrence, odd_and_aligned((8192, 2047), (8192, 2048)), tiny=(3, 600)),
    Entry("histogram", build_histogram, odd_and_aligned((2**27 - 1,), (2**27,)), tiny=(9000,)),
    Entry("cross-entropy", build_cross_entropy, odd_and_aligned((4096, 50257), (4096, 50304)), tiny=(3, 2500)),
    Entry("RMS norm with residual", build_rms_norm, odd_and_aligned((16384, 4095), (16384, 4096)), tiny=(3, 99)),
]
