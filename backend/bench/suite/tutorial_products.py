# SPDX-License-Identifier: MIT
"""The matrix products of Triton's tutorials 03, 08 and 09, all fp16 with sums in fp32."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from .case import Case, Entry, Tensor, Tensors, matrix, odd_and_aligned
from .products import expect_product, place_in_groups

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case

PROGRAMS = 132  # the multiprocessors of an H200
TILES = (128, 256, 64)
OPTIONS = {"num_warps": 8, "num_stages": 3}


# -- 03: with an activation


@triton.jit
def leaky_relu(x):
    return tl.where(x >= 0, x, 0.01 * x)


@triton.jit
def activated(
    a, b, c, m, n, k, a_row, a_col, b_row, b_col, c_row, c_col,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr, ACTIVATION: tl.constexpr,
):  # fmt: skip
    tile_m, tile_n = place_in_groups(tl.program_id(0), m, n, BM, BN, GROUP)
    a_rows = (tile_m * BM + tl.arange(0, BM)) % m
    b_cols = (tile_n * BN + tl.arange(0, BN)) % n
    inner = tl.arange(0, BK)
    a_tile = a + (a_rows[:, None] * a_row + inner[None, :] * a_col)
    b_tile = b + (inner[:, None] * b_row + b_cols[None, :] * b_col)
    sums = tl.zeros((BM, BN), dtype=tl.float32)
    for step in range(0, tl.cdiv(k, BK)):
        a_part = tl.load(a_tile, mask=inner[None, :] < k - step * BK, other=0.0)
        b_part = tl.load(b_tile, mask=inner[:, None] < k - step * BK, other=0.0)
        sums = tl.dot(a_part, b_part, sums)
        a_tile += BK * a_col
        b_tile += BK * b_row
    if ACTIVATION == "leaky_relu":
        sums = leaky_relu(sums)
    rows = tile_m * BM + tl.arange(0, BM)
    cols = tile_n * BN + tl.arange(0, BN)
    inside = (rows[:, None] < m) & (cols[None, :] < n)
    tl.store(c + c_row * rows[:, None] + c_col * cols[None, :], sums.to(tl.float16), mask=inside)


def build_activated(m: int, n: int, k: int, tiles: tuple[int, int, int] = TILES) -> Case:
    arguments = _matrices(m, n, k) | _blocks(tiles) | {
        "m": m, "n": n, "k": k, "a_row": k, "a_col": 1, "b_row": n, "b_col": 1, "c_row": n, "c_col": 1,
        "ACTIVATION": "leaky_relu",
    }  # fmt: skip
    grid = (triton.cdiv(m, tiles[0]) * triton.cdiv(n, tiles[1]),)
    return Case(activated, grid, arguments, lambda t: {"c": _leaky(t["a"] @ t["b"])}, OPTIONS, atol=256)


def _leaky(x: Any) -> Any:
    return x.where(x >= 0, x * 0.01)


def _matrices(m: int, n: int, k: int) -> dict[str, Any]:
    return {"a": matrix("float16", m, k, k), "b": matrix("float16", k, n, n), "c": matrix("float16", m, n, n, fill=3)}


def _blocks(tiles: tuple[int, int, int]) -> dict[str, Any]:
    return {**dict(zip(("BM", "BN", "BK"), tiles, strict=True)), "GROUP": 8}


# -- 08: several products of different sizes in one launch


@triton.jit
def grouped_gemm(
    a_addresses, b_addresses, c_addresses, sizes, n_products,
    PROGRAMS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    """Addresses of matrices, and m, n and k of each product in *sizes*: multiples of the block sizes."""
    tile = tl.program_id(0)
    end = 0
    for product in range(n_products):
        m = tl.load(sizes + 3 * product)
        n = tl.load(sizes + 3 * product + 1)
        k = tl.load(sizes + 3 * product + 2)
        tiles_n = tl.cdiv(n, BN)
        begin = end
        end += tl.cdiv(m, BM) * tiles_n
        while (tile >= begin) & (tile < end):
            a = tl.load(a_addresses + product).to(tl.pointer_type(tl.float16))
            b = tl.load(b_addresses + product).to(tl.pointer_type(tl.float16))
            c = tl.load(c_addresses + product).to(tl.pointer_type(tl.float16))
            rows = (tile - begin) // tiles_n * BM + tl.arange(0, BM)
            cols = (tile - begin) % tiles_n * BN + tl.arange(0, BN)
            inner = tl.arange(0, BK)
            a_tile = a + rows[:, None] * k + inner[None, :]
            b_tile = b + inner[:, None] * n + cols[None, :]
            sums = tl.zeros((BM, BN), dtype=tl.float32)
            for _ in range(0, tl.cdiv(k, BK)):
                tl.multiple_of(a_tile, [16, 16])
                tl.multiple_of(b_tile, [16, 16])
                sums = tl.dot(tl.load(a_tile), tl.load(b_tile), sums)
                a_tile += BK
                b_tile += BK * n
            tl.store(c + rows[:, None] * n + cols[None, :], sums.to(tl.float16))
            tile += PROGRAMS


@triton.jit
def grouped_gemm_tma(
    a_addresses, b_addresses, c_addresses, sizes, n_products,
    PROGRAMS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    """The same by TMA descriptors, made on the device for each product. Sizes are multiples of 8."""
    tile = tl.program_id(0)
    end = 0
    for product in range(n_products):
        m = tl.load(sizes + 3 * product)
        n = tl.load(sizes + 3 * product + 1)
        k = tl.load(sizes + 3 * product + 2)
        tiles_n = tl.cdiv(n, BN)
        begin = end
        end += tl.cdiv(m, BM) * tiles_n
        if (tile >= begin) & (tile < end):
            a = tl.load(a_addresses + product).to(tl.pointer_type(tl.float16))
            b = tl.load(b_addresses + product).to(tl.pointer_type(tl.float16))
            c = tl.load(c_addresses + product).to(tl.pointer_type(tl.float16))
            a_blocks = tl.make_tensor_descriptor(a, [m, k], [k, 1], [BM, BK])
            b_blocks = tl.make_tensor_descriptor(b, [k, n], [n, 1], [BK, BN])
            c_blocks = tl.make_tensor_descriptor(c, [m, n], [n, 1], [BM, BN])
            while (tile >= begin) & (tile < end):
                row = (tile - begin) // tiles_n * BM
                col = (tile - begin) % tiles_n * BN
                sums = tl.zeros((BM, BN), dtype=tl.float32)
                for step in range(0, tl.cdiv(k, BK)):
                    sums = tl.dot(a_blocks.load([row, step * BK]), b_blocks.load([step * BK, col]), sums)
                c_blocks.store([row, col], sums.to(tl.float16))
                tile += PROGRAMS


#: m, n and k of the products.
GROUP_SIZES = ((4096, 4096, 2048), (2048, 2048, 2048), (1024, 4096, 1024), (512, 512, 4096))


def build_grouped(kernel: Any, sizes: tuple[tuple[int, int, int], ...], tiles: tuple[int, int, int]) -> Case:
    hidden: dict[str, Tensor] = {}
    for i, (m, n, k) in enumerate(sizes):
        hidden |= {f"{name}{i}": tensor for name, tensor in _matrices(m, n, k).items()}

    def addresses(name: str) -> Tensor:
        return Tensor("int64", (len(sizes),), fill=lambda tensors: _addresses(tensors, name, len(sizes)))

    def expect(tensors: Tensors) -> Tensors:
        return {f"c{i}": tensors[f"a{i}"] @ tensors[f"b{i}"] for i in range(len(sizes))}

    arguments = {
        **{f"{name}_addresses": addresses(name) for name in "abc"},
        "sizes": Tensor("int32", (len(sizes), 3), fill=lambda tensors: _sizes(tensors, sizes)), "n_products": len(sizes),
        "PROGRAMS": PROGRAMS, **dict(zip(("BM", "BN", "BK"), tiles, strict=True)),
    }  # fmt: skip
    return Case(kernel, (PROGRAMS,), arguments, expect, OPTIONS, hidden, atol=256)


def build_grouped_pointers(sizes: tuple = GROUP_SIZES, tiles: tuple[int, int, int] = (128, 128, 64)) -> Case:
    return build_grouped(grouped_gemm, sizes, tiles)


def build_grouped_tma(sizes: tuple = GROUP_SIZES, tiles: tuple[int, int, int] = (128, 128, 64)) -> Case:
    return build_grouped(grouped_gemm_tma, sizes, tiles)


def _addresses(tensors: Tensors, name: str, count: int) -> Any:
    import torch

    found = [tensors[f"{name}{i}"] for i in range(count)]
    return torch.tensor([tensor.data_ptr() for tensor in found], dtype=torch.int64, device=found[0].device)


def _sizes(tensors: Tensors, sizes: tuple) -> Any:
    import torch

    return torch.tensor(sizes, dtype=torch.int32, device=tensors["a0"].device)


# -- 09: programs that take one tile after the other


@triton.jit
def persistent(
    a, b, c, m, n, k, a_stride, b_stride, c_stride,
    PROGRAMS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    inner_block = tl.arange(0, BK)
    tiles = tl.cdiv(m, BM) * tl.cdiv(n, BN)
    for tile in tl.range(tl.program_id(0), tiles, PROGRAMS, flatten=True):
        tile_m, tile_n = place_in_groups(tile, m, n, BM, BN, GROUP)
        rows = tile_m * BM + tl.arange(0, BM)
        cols = tile_n * BN + tl.arange(0, BN)
        a_rows = tl.max_contiguous(tl.multiple_of(tl.where(rows < m, rows, 0), BM), BM)
        b_cols = tl.max_contiguous(tl.multiple_of(tl.where(cols < n, cols, 0), BN), BN)
        sums = tl.zeros((BM, BN), tl.float32)
        for step in range(tl.cdiv(k, BK)):
            inner = step * BK + inner_block
            a_part = tl.load(
                a + a_rows[:, None] * a_stride + inner[None, :], mask=inner_block[None, :] < k - step * BK, other=0.0
            )
            b_part = tl.load(
                b + inner[:, None] * b_stride + b_cols[None, :], mask=inner_block[:, None] < k - step * BK, other=0.0
            )
            sums = tl.dot(a_part, b_part, sums)
        inside = (rows[:, None] < m) & (cols[None, :] < n)
        tl.store(c + c_stride * rows[:, None] + cols[None, :], sums.to(tl.float16), mask=inside)


@triton.jit
def product_tma(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    """By TMA descriptors from the host. b is (n, k)."""
    tile_m, tile_n = place_in_groups(tl.program_id(0), m, n, BM, BN, GROUP)
    sums = tl.zeros((BM, BN), tl.float32)
    for step in range(tl.cdiv(k, BK)):
        a_part = a.load([tile_m * BM, step * BK])
        b_part = b.load([tile_n * BN, step * BK])
        sums = tl.dot(a_part, b_part.T, sums)
    c.store([tile_m * BM, tile_n * BN], sums.to(tl.float16))


@triton.jit
def persistent_tma(
    a, b, c, m, n, k,
    PROGRAMS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
    SPECIALIZE: tl.constexpr,
):  # fmt: skip
    """The same in programs that take one tile after the other. SPECIALIZE asks for warp specialisation, which Triton 3.9 grants on
    compute capability 10 only: on a Hopper it is in TTIR, and the kernel is otherwise the same."""
    tiles = tl.cdiv(m, BM) * tl.cdiv(n, BN)
    for tile in tl.range(tl.program_id(0), tiles, PROGRAMS, flatten=True, warp_specialize=SPECIALIZE):
        tile_m, tile_n = place_in_groups(tile, m, n, BM, BN, GROUP)
        sums = tl.zeros((BM, BN), tl.float32)
        for step in range(tl.cdiv(k, BK)):
            a_part = a.load([tile_m * BM, step * BK])
            b_part = b.load([tile_n * BN, step * BK])
            sums = tl.dot(a_part, b_part.T, sums)
        c.store([tile_m * BM, tile_n * BN], sums.to(tl.float16))


def build_persistent(m: int, n: int, k: int, tiles: tuple[int, int, int] = TILES) -> Case:
    arguments = _matrices(m, n, k) | _blocks(tiles) | {
        "m": m, "n": n, "k": k, "a_stride": k, "b_stride": n, "c_stride": n, "PROGRAMS": PROGRAMS,
    }  # fmt: skip
    return Case(persistent, (PROGRAMS,), arguments, expect_product, OPTIONS, atol=256)


def build_tma(m: int, n: int, k: int, tiles: tuple[int, int, int] = TILES) -> Case:
    grid = (triton.cdiv(m, tiles[0]) * triton.cdiv(n, tiles[1]),)
    return _with_descriptors(product_tma, grid, (m, n, k), tiles)


def build_persistent_tma(m: int, n: int, k: int, tiles: tuple[int, int, int] = (128, 128, 64)) -> Case:
    return _with_descriptors(persistent_tma, (PROGRAMS,), (m, n, k), tiles, PROGRAMS=PROGRAMS, SPECIALIZE=False)


def build_specialized(m: int, n: int, k: int, tiles: tuple[int, int, int] = (128, 128, 64)) -> Case:
    return _with_descriptors(persistent_tma, (PROGRAMS,), (m, n, k), tiles, PROGRAMS=PROGRAMS, SPECIALIZE=True)


def _with_descriptors(
    kernel: Any, grid: tuple[int, ...], sizes: tuple[int, int, int], tiles: tuple[int, int, int], **constexprs: Any
) -> Case:
    (m, n, k), (bm, bn, bk) = sizes, tiles
    arguments = {
        "a": Tensor("float16", (m, k), block=(bm, bk)), "b": Tensor("float16", (n, k), block=(bn, bk)),
        "c": Tensor("float16", (m, n), fill=3, block=(bm, bn)), "m": m, "n": n, "k": k, **_blocks(tiles), **constexprs,
    }  # fmt: skip
    return Case(kernel, grid, arguments, lambda t: {"c": t["a"] @ t["b"].T}, OPTIONS, atol=256)


PRODUCTS = odd_and_aligned((4095, 4095, 4095), (4096, 4096, 4096))
#: Descriptors want rows of a multiple of 16 bytes.
DESCRIBED = odd_and_aligned((4095, 4088, 4088), (4096, 4096, 4096))
TINY = (45, 51, 33, (32, 32, 16))
TINY_DESCRIBED = (45, 56, 40, (32, 32, 16))

ENTRIES = [
    Entry("03 matmul with leaky relu", build_activated, PRODUCTS, TINY),
    Entry("08 grouped GEMM", build_grouped_pointers, {"four products": ()}, tiny=(((64, 32, 32), (32, 64, 16)), (32, 32, 16))),
    Entry("08 grouped GEMM, TMA", build_grouped_tma, {"four products": ()}, tiny=(((64, 32, 32), (32, 64, 16)), (32, 32, 16))),
    Entry("09 persistent matmul", build_persistent, PRODUCTS, TINY),
    Entry("09 matmul, TMA", build_tma, DESCRIBED, TINY_DESCRIBED),
    Entry("09 persistent matmul, TMA", build_persistent_tma, DESCRIBED, TINY_DESCRIBED),
    Entry("09 warp-specialised matmul, TMA", build_specialized, DESCRIBED, TINY_DESCRIBED),
]
