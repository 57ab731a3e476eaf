# SPDX-License-Identifier: MIT
"""Matrix products c = a @ b, which differ in how programs are given tiles and how tiles are loaded.

All take pointers or tensors of an m x k, a k x n and an m x n matrix with contiguous rows, m, n and k, and as constexprs the
sizes of a tile, BM, BN and BK. Those that read and write through descriptors need k and n to be multiples of 8 (of fp16).
"""

import triton
import triton.language as tl


@triton.jit
def multiply(a, b, c, m, n, k, row, col, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows = (row * BM + tl.arange(0, BM))[:, None]
    cols = (col * BN + tl.arange(0, BN))[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        inner = start + tl.arange(0, BK)
        x = tl.load(a + rows * k + inner[None, :], (rows < m) & (inner[None, :] < k), 0.0)
        y = tl.load(b + inner[:, None] * n + cols, (inner[:, None] < k) & (cols < n), 0.0)
        acc = tl.dot(x, y, acc)
    tl.store(c + rows * n + cols, acc.to(c.dtype.element_ty), (rows < m) & (cols < n))


@triton.jit
def multiply_by_descriptors(a, b, c, m, n, k, row, col, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, WS: tl.constexpr):
    a_tiles = tl.make_tensor_descriptor(a, [m, k], [k, 1], [BM, BK])
    b_tiles = tl.make_tensor_descriptor(b, [k, n], [n, 1], [BK, BN])
    c_tiles = tl.make_tensor_descriptor(c, [m, n], [n, 1], [BM, BN])
    acc = tl.zeros((BM, BN), tl.float32)
    for start in tl.range(0, k, BK, warp_specialize=WS):
        acc = tl.dot(a_tiles.load([row * BM, start]), b_tiles.load([start, col * BN]), acc)
    c_tiles.store([row * BM, col * BN], acc.to(c.dtype.element_ty))


@triton.jit
def rows_first(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    multiply(a, b, c, m, n, k, tl.program_id(0), tl.program_id(1), BM, BN, BK)


@triton.jit
def columns_first(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    multiply(a, b, c, m, n, k, tl.program_id(1), tl.program_id(0), BM, BN, BK)


@triton.jit
def one_number(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    columns = tl.cdiv(n, BN)
    multiply(a, b, c, m, n, k, tl.program_id(0) // columns, tl.program_id(0) % columns, BM, BN, BK)


@triton.jit
def one_wide_number(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows = tl.cdiv(m, BM)
    program = tl.program_id(0).to(tl.int64)
    col = program // rows
    multiply(a, b, c, m, n, k, program - col * rows, col, BM, BN, BK)


@triton.jit
def in_a_branch(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Divides by 0 nowhere, though n may be 0."""
    if n > 0:
        columns = tl.cdiv(n, BN)
        multiply(a, b, c, m, n, k, tl.program_id(0) // columns, tl.program_id(0) % columns, BM, BN, BK)


@triton.jit
def batched(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """As many products as the grid has in its second dimension, one matrix behind the other."""
    batch, columns = tl.program_id(1), tl.cdiv(n, BN)
    row, col = tl.program_id(0) // columns, tl.program_id(0) % columns
    multiply(a + batch * m * k, b + batch * k * n, c + batch * m * n, m, n, k, row, col, BM, BN, BK)


@triton.jit
def by_descriptors(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    columns = tl.cdiv(n, BN)
    row, col = tl.program_id(0) // columns, tl.program_id(0) % columns
    multiply_by_descriptors(a, b, c, m, n, k, row, col, BM, BN, BK, False)


@triton.jit
def warp_specialized(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    multiply_by_descriptors(a, b, c, m, n, k, tl.program_id(0), tl.program_id(1), BM, BN, BK, True)


# -- Left alone


@triton.jit
def grouped_by_hand(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    program, columns = tl.program_id(0), tl.cdiv(n, BN)
    first = program // (4 * columns) * 4
    height = tl.minimum(tl.cdiv(m, BM) - first, 4)
    place = program % (4 * columns)
    multiply(a, b, c, m, n, k, first + place % height, place // height, BM, BN, BK)


@triton.jit
def persistent(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    columns = tl.cdiv(n, BN)
    for tile in range(tl.program_id(0), tl.cdiv(m, BM) * columns, 64):
        multiply(a, b, c, m, n, k, tile // columns, tile % columns, BM, BN, BK)


@triton.jit
def split_k(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Adds to c, in as many parts as the grid has in its second dimension."""
    columns = tl.cdiv(n, BN)
    rows = (tl.program_id(0) // columns * BM + tl.arange(0, BM))[:, None]
    cols = (tl.program_id(0) % columns * BN + tl.arange(0, BN))[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for start in range(tl.program_id(1) * BK, k, 4 * BK):
        inner = start + tl.arange(0, BK)
        x = tl.load(a + rows * k + inner[None, :], (rows < m) & (inner[None, :] < k), 0.0)
        y = tl.load(b + inner[:, None] * n + cols, (inner[:, None] < k) & (cols < n), 0.0)
        acc = tl.dot(x, y, acc)
    tl.atomic_add(c + rows * n + cols, acc.to(c.dtype.element_ty), (rows < m) & (cols < n))


@triton.jit
def in_turns(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Waits until c[0, 0] is no longer 0."""
    while tl.load(c, volatile=True) == 0:
        pass
    multiply(a, b, c, m, n, k, tl.program_id(0), tl.program_id(1), BM, BN, BK)
