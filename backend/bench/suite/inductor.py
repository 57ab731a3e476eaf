# SPDX-License-Identifier: MIT
"""Kernels in the form in which torch.compile writes pointwise and reduction code: masks `xmask = xindex < xnumel`."""

from __future__ import annotations

import triton
import triton.language as tl

from .case import Case, Entry, Tensor, Tensors, matrix, odd_and_aligned, output
from .rows import EPS

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case


@triton.jit
def pointwise(in_ptr0, in_ptr1, in_ptr2, out_ptr0, xnumel, XBLOCK: tl.constexpr):
    """relu(in0 + in1) * in2, contiguous."""
    xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:]
    xmask = xindex < xnumel
    tmp0 = tl.load(in_ptr0 + xindex, xmask).to(tl.float32)
    tmp1 = tl.load(in_ptr1 + xindex, xmask).to(tl.float32)
    tmp2 = tl.load(in_ptr2 + xindex, xmask).to(tl.float32)
    tmp3 = tl.maximum(tmp0 + tmp1, 0.0) * tmp2
    tl.store(out_ptr0 + xindex, tmp3, xmask)


def build_pointwise(n: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        total = tensors["in_ptr0"].float() + tensors["in_ptr1"].float()
        return {"out_ptr0": (total.relu() * tensors["in_ptr2"].float()).half()}

    vector = Tensor("float16", (n,))
    arguments = {
        "in_ptr0": vector, "in_ptr1": vector, "in_ptr2": vector, "out_ptr0": output("float16", (n,)), "xnumel": n, "XBLOCK": 1024,
    }  # fmt: skip
    return Case(pointwise, (triton.cdiv(n, 1024),), arguments, expect, {"num_warps": 4})


@triton.jit
def broadcast(in_ptr0, in_ptr1, out_ptr0, xnumel, COLUMNS: tl.constexpr, XBLOCK: tl.constexpr):
    """in0 + in1 with a row added to each row of a matrix: the row's index is a remainder."""
    xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:]
    xmask = xindex < xnumel
    x0 = xindex % COLUMNS
    tmp0 = tl.load(in_ptr0 + xindex, xmask).to(tl.float32)
    tmp1 = tl.load(in_ptr1 + x0, xmask, eviction_policy="evict_last").to(tl.float32)
    tl.store(out_ptr0 + xindex, tmp0 + tmp1, xmask)


def build_broadcast(rows: int, cols: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        return {"out_ptr0": (tensors["in_ptr0"].float() + tensors["in_ptr1"].float()).half()}

    n = rows * cols
    arguments = {
        "in_ptr0": matrix("float16", rows, cols, cols), "in_ptr1": Tensor("float16", (cols,)),
        "out_ptr0": matrix("float16", rows, cols, cols, fill=3), "xnumel": n, "COLUMNS": cols, "XBLOCK": 1024,
    }  # fmt: skip
    return Case(broadcast, (triton.cdiv(n, 1024),), arguments, expect, {"num_warps": 4})


@triton.jit
def pointwise_2d(in_ptr0, out_ptr0, ynumel, xnumel, YBLOCK: tl.constexpr, XBLOCK: tl.constexpr):
    """2 * in0, from a matrix to its transpose."""
    yindex = tl.program_id(1) * YBLOCK + tl.arange(0, YBLOCK)[:, None]
    ymask = yindex < ynumel
    xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[None, :]
    xmask = xindex < xnumel
    tmp0 = tl.load(in_ptr0 + (yindex + ynumel * xindex), xmask & ymask, eviction_policy="evict_last").to(tl.float32)
    tl.store(out_ptr0 + (xindex + xnumel * yindex), tmp0 * 2.0, xmask & ymask)


def build_pointwise_2d(rows: int, cols: int) -> Case:
    """in0 is (rows, cols)."""
    arguments = {
        "in_ptr0": matrix("float16", rows, cols, cols), "out_ptr0": matrix("float16", cols, rows, rows, fill=3), "ynumel": cols,
        "xnumel": rows, "YBLOCK": 32, "XBLOCK": 32,
    }  # fmt: skip
    grid = (triton.cdiv(rows, 32), triton.cdiv(cols, 32))
    return Case(pointwise_2d, grid, arguments, lambda t: {"out_ptr0": 2 * t["in_ptr0"].T}, {"num_warps": 4})


@triton.jit
def persistent_reduction(in_ptr0, out_ptr0, xnumel, r0_numel, XBLOCK: tl.constexpr, R0_BLOCK: tl.constexpr):
    """A softmax of short rows: XBLOCK rows at once, each in registers as a whole."""
    xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:, None]
    xmask = xindex < xnumel
    r0_index = tl.arange(0, R0_BLOCK)[None, :]
    r0_mask = r0_index < r0_numel
    tmp0 = tl.load(in_ptr0 + (r0_index + r0_numel * xindex), r0_mask & xmask, other=0.0).to(tl.float32)
    tmp1 = tl.where(r0_mask & xmask, tmp0, -float("inf"))
    tmp2 = tl.exp(tmp0 - tl.max(tmp1, 1)[:, None])
    tmp3 = tl.sum(tl.where(r0_mask & xmask, tmp2, 0.0), 1)[:, None]
    tl.store(out_ptr0 + (r0_index + r0_numel * xindex), tmp2 / tmp3, r0_mask & xmask)


def build_persistent_reduction(rows: int, cols: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        return {"out_ptr0": tensors["in_ptr0"].float().softmax(1).half()}

    arguments = {
        "in_ptr0": matrix("float16", rows, cols, cols), "out_ptr0": matrix("float16", rows, cols, cols, fill=3), "xnumel": rows,
        "r0_numel": cols, "XBLOCK": 4, "R0_BLOCK": triton.next_power_of_2(cols),
    }  # fmt: skip
    return Case(persistent_reduction, (triton.cdiv(rows, 4),), arguments, expect, {"num_warps": 4}, atol=0.01)


@triton.jit
def looped_reduction(in_ptr0, in_ptr1, out_ptr0, xnumel, r0_numel, XBLOCK: tl.constexpr, R0_BLOCK: tl.constexpr):
    """An RMS normalisation of long rows, block by block and twice."""
    xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:, None]
    xmask = xindex < xnumel
    r0_base = tl.arange(0, R0_BLOCK)[None, :]
    _tmp2 = tl.full([XBLOCK, R0_BLOCK], 0, tl.float32)
    for r0_offset in range(0, r0_numel, R0_BLOCK):
        r0_index = r0_offset + r0_base
        r0_mask = r0_index < r0_numel
        address = in_ptr0 + (r0_index + r0_numel * xindex)
        tmp0 = tl.load(address, r0_mask & xmask, eviction_policy="evict_last", other=0.0).to(tl.float32)
        _tmp2 = tl.where(r0_mask & xmask, _tmp2 + tmp0 * tmp0, _tmp2)
    tmp2 = tl.rsqrt(tl.sum(_tmp2, 1)[:, None] / r0_numel + 1e-05)
    for r0_offset in range(0, r0_numel, R0_BLOCK):
        r0_index = r0_offset + r0_base
        r0_mask = r0_index < r0_numel
        address = in_ptr0 + (r0_index + r0_numel * xindex)
        tmp3 = tl.load(address, r0_mask & xmask, eviction_policy="evict_first", other=0.0).to(tl.float32)
        tmp4 = tl.load(in_ptr1 + r0_index, r0_mask, eviction_policy="evict_last", other=0.0).to(tl.float32)
        tl.store(out_ptr0 + (r0_index + r0_numel * xindex), tmp3 * tmp2 * tmp4, r0_mask & xmask)


def build_looped_reduction(rows: int, cols: int) -> Case:
    def expect(tensors: Tensors) -> Tensors:
        x = tensors["in_ptr0"].float()
        out = x / (x.square().mean(1, keepdim=True) + EPS).sqrt() * tensors["in_ptr1"].float()
        return {"out_ptr0": out.half()}

    arguments = {
        "in_ptr0": matrix("float16", rows, cols, cols), "in_ptr1": Tensor("float16", (cols,)),
        "out_ptr0": matrix("float16", rows, cols, cols, fill=3), "xnumel": rows, "r0_numel": cols, "XBLOCK": 1, "R0_BLOCK": 2048,
    }  # fmt: skip
    return Case(looped_reduction, (rows,), arguments, expect, {"num_warps": 8})


ENTRIES = [
    Entry("Inductor, pointwise", build_pointwise, odd_and_aligned((2**25 - 1,), (2**25,)), tiny=(1500,)),
    Entry("Inductor, broadcast", build_broadcast, odd_and_aligned((32767, 1001), (32768, 1024)), tiny=(17, 99)),
    Entry("Inductor, 2-D pointwise", build_pointwise_2d, odd_and_aligned((8191, 8191), (8192, 8192)), tiny=(70, 45)),
    Entry(
        "Inductor, persistent reduction", build_persistent_reduction, odd_and_aligned((65535, 511), (65536, 512)), tiny=(5, 33)
    ),
    Entry("Inductor, looped reduction", build_looped_reduction, odd_and_aligned((8192, 8191), (8192, 8192)), tiny=(3, 2500)),
]
