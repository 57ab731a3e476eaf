# SPDX-License-Identifier: MIT
"""Kernels that run on the processor compute what numpy does, and say where they go wrong."""

import numpy as np
import pytest
import triton
import triton.language as tl
from triton.backends.host.driver import Driver
from triton.backends.host.errors import KernelAssertionError, OutOfBoundsError, RaceError, UnsupportedError


@pytest.fixture(autouse=True)
def isolation(tmp_path, monkeypatch):
    """An empty cache; our driver is the active one."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver())


@pytest.fixture
def random():
    return np.random.default_rng(0)


@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n) + tl.load(y + offs, offs < n), offs < n)


@pytest.mark.parametrize("n", [0, 1, 1000, 4097])
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "float16", "float32", "float64"])
def test_a_sum_of_any_size_and_width(random, n, dtype):
    x, y = ((random.standard_normal(n) * 50).astype(dtype) for _ in range(2))
    out = np.full(n + 8, 7, dtype)
    add[(max(1, triton.cdiv(n, 256)),)](x, y, out, n, BLOCK=256)
    np.testing.assert_array_equal(out, np.concatenate([x + y, np.full(8, 7, dtype)]))


@triton.jit
def softmax(x, out, n, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    row = tl.load(x + tl.program_id(0) * n + offs, offs < n, other=-float("inf"))
    power = tl.exp(row - tl.max(row, 0))
    tl.store(out + tl.program_id(0) * n + offs, power / tl.sum(power, 0), offs < n)


@pytest.mark.parametrize("n", [1, 100, 1023])
def test_softmax_of_rows(random, n):
    x = random.standard_normal((5, n), dtype="float32")
    out = np.empty_like(x)
    softmax[(5,)](x, out, n, BLOCK=1024)
    power = np.exp(x.astype("float64") - x.max(1, keepdims=True))
    np.testing.assert_allclose(out, power / power.sum(1, keepdims=True), rtol=1e-5, atol=1e-7)


@triton.jit
def product(a, b, c, m, n, k, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    rows = (tl.program_id(0) * M + tl.arange(0, M)) % m
    cols = (tl.program_id(1) * N + tl.arange(0, N)) % n
    inner = tl.arange(0, K)
    a_ptrs, b_ptrs = a + rows[:, None] * k + inner[None, :], b + inner[:, None] * n + cols[None, :]
    sums = tl.zeros((M, N), tl.float32)
    for start in range(0, k, K):
        left = tl.load(a_ptrs, inner[None, :] < k - start, other=0.0)
        right = tl.load(b_ptrs, inner[:, None] < k - start, other=0.0)
        sums = tl.dot(left, right, sums)
        a_ptrs += K
        b_ptrs += K * n
    tl.store(c + rows[:, None] * n + cols[None, :], sums)


@pytest.mark.parametrize("size", [(1, 1, 1), (33, 70, 50), (150, 201, 99)])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_product_with_a_loop_that_moves_pointers(random, size, dtype):
    m, n, k = size
    a, b = random.standard_normal((m, k)).astype(dtype), random.standard_normal((k, n)).astype(dtype)
    c = np.empty((m, n), "float32")
    product[(triton.cdiv(m, 32), triton.cdiv(n, 64))](a, b, c, m, n, k, M=32, N=64, K=16)
    np.testing.assert_allclose(c, a.astype("float64") @ b.astype("float64"), rtol=1e-4, atol=1e-4)


@triton.jit
def larger_first(a, i, b, j):
    first = (a > b) | ((a == b) & (i < j))
    return tl.where(first, a, b), tl.where(first, i, j)


@triton.jit
def shapes(x, moved, best, where, sums, M: tl.constexpr, N: tl.constexpr):
    offs = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    tile = tl.load(x + offs)
    even, odd = tl.split(tl.reshape(tl.trans(tile), (N, M // 2, 2)))
    tl.store(moved + tl.arange(0, M * N), tl.reshape(tl.join(odd, even), (M * N,)))
    index = tl.broadcast_to(tl.arange(0, N)[None, :], (M, N))
    found, at = tl.reduce((tile, index), 1, larger_first)
    tl.store(best + tl.arange(0, M), found)
    tl.store(where + tl.arange(0, M), at)
    tl.store(sums + offs, tl.cumsum(tile, 0, reverse=True))


def test_shapes_reductions_and_scans(random):
    x = random.integers(0, 9, (16, 32), dtype="int32")
    moved, best, where, sums = np.empty(512, "int32"), np.empty(16, "int32"), np.empty(16, "int32"), np.empty_like(x)
    shapes[(1,)](x, moved, best, where, sums, M=16, N=32)
    np.testing.assert_array_equal(moved, x.T.reshape(32, 8, 2)[:, :, ::-1].reshape(-1))
    np.testing.assert_array_equal(best, x.max(1))
    np.testing.assert_array_equal(where, x.argmax(1))
    np.testing.assert_array_equal(sums, x[::-1].cumsum(0)[::-1])


@triton.jit
def change_places(x, y, n, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    a, b = tl.load(x + offs), tl.load(y + offs)
    i = 0
    while i < n:
        a, b = b, a + tl.flip(b)
        i += 1
    if n % 2 == 0:
        a += 1
    tl.store(x + offs, a)
    tl.store(y + offs, b)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_tensors_that_change_places_in_a_loop(random, n):
    x, y = (random.integers(0, 100, 64, dtype="int64") for _ in range(2))
    a, b = x.copy(), y.copy()
    change_places[(1,)](x, y, n, BLOCK=64)
    for _ in range(n):
        a, b = b, a + b[::-1]
    np.testing.assert_array_equal(x, a + (n % 2 == 0))
    np.testing.assert_array_equal(y, b)


@triton.jit
def count(x, total, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(total + tl.load(x + offs, offs < n), 1, offs < n)


def test_atomics_of_many_programs(random):
    x, total = random.integers(0, 4, 10_000, dtype="int32"), np.zeros(4, "int32")
    count[(triton.cdiv(x.size, 64),)](x, total, x.size, BLOCK=64)
    np.testing.assert_array_equal(total, np.bincount(x, minlength=4))


@triton.jit
def divide(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n) // tl.load(y + offs, offs < n, other=0), offs < n)


def test_a_lane_that_is_masked_off_may_divide_by_zero():
    x, y, out = np.array([7, -7, 9], "int32"), np.array([2, 2, 3], "int32"), np.zeros(3, "int32")
    divide[(1,)](x, y, out, 3, BLOCK=64)
    assert out.tolist() == [3, -3, 3]


@triton.jit
def positive(x, n, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.device_assert(tl.load(x + offs, offs < n, other=1) > 0, "not positive")


def test_an_assertion_that_fails_is_an_error():
    positive[(1,)](np.ones(8, "int32"), 8, BLOCK=8, debug=True)
    with pytest.raises(KernelAssertionError, match="not positive"):
        positive[(1,)](np.zeros(8, "int32"), 8, BLOCK=8, debug=True)


def test_an_access_outside_of_the_buffers_is_an_error(monkeypatch):
    monkeypatch.setenv("HOST_SANITIZE", "address")
    x, out = np.ones(100, "float32"), np.ones(100, "float32")
    add[(1,)](x, x, out, 100, BLOCK=128)
    with pytest.raises(OutOfBoundsError, match=r"test_kernels\.py"):
        add[(1,)](x, x, out, 101, BLOCK=128)


@triton.jit
def all_to_one(out):
    tl.store(out, tl.program_id(0))


def test_two_programs_that_write_one_place_are_an_error(monkeypatch):
    monkeypatch.setenv("HOST_RACES", "1")
    out = np.zeros(1, "int32")
    all_to_one[(1,)](out)
    with pytest.raises(RaceError, match=r"test_kernels\.py"):
        all_to_one[(2,)](out)


@triton.jit
def assembly(x):
    tl.store(x, tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [tl.load(x)], tl.int32, True, 1))


def test_what_has_no_meaning_is_refused_with_its_line():
    with pytest.raises(UnsupportedError, match=r"(?s)test_kernels\.py:\d+.*elementwise_inline_asm has no meaning"):
        assembly[(1,)](np.zeros(1, "int32"))
