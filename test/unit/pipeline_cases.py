# SPDX-License-Identifier: MIT
"""Kernels of every kind that the passes change, under every number of stages, warps and CTAs that a launch may ask for.

Sizes are odd and rows are padded to multiples of 16 elements, so that only masks keep accesses from being wide; those that TMA
takes are rounded up where kernels run, by `kernel_cases.with_whole_units`. What buffers hold are small integers, whose sums are
exact in every order.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from textwrap import dedent
from typing import NamedTuple

from kernel_cases import Buffer, Case
from kernel_compiling import TARGETS

STAGES = (1, 2, 3, 4)
WARPS = (1, 2, 4, 8, 16)
CTAS = (1, 2)

INPUT = Buffer("fp16", 2)
OUTPUT = Buffer("fp16", 2)


class Kernel(NamedTuple):
    """A kernel, whose constexpr STAGES is the number of stages if it has one, and one launch of it."""

    source: str
    buffers: Mapping[str, Buffer]
    numbers: Mapping[str, int]
    constants: Mapping[str, int]
    grid: tuple[int, ...]


PRODUCT = {"m": 150, "n": 77, "k": 163, "a_row": 176, "b_row": 80, "c_row": 80}
PRODUCT_TILE = {"BM": 128, "BN": 64, "BK": 32}
MATRICES = {"a": INPUT, "b": INPUT, "c": OUTPUT}

BY_DESCRIPTORS = """
    a_tiles = tl.make_tensor_descriptor(a, [m, k], [a_row, 1], [BM, BK])
    b_tiles = tl.make_tensor_descriptor(b, [k, n], [b_row, 1], [BK, BN])
    c_tiles = tl.make_tensor_descriptor(c, [m, n], [c_row, 1], [BM, BN])
    first_row = tl.program_id(0) * BM
    first_col = tl.program_id(1) * BN
    acc = tl.zeros([BM, BN], tl.float32)
    for start in tl.range(0, k, BK, warp_specialize={specialize}):
        acc = tl.dot(a_tiles.load([first_row, start]), b_tiles.load([start, first_col]), acc)
    c_tiles.store([first_row, first_col], tl.cast(acc, tl.float16))
"""

KERNELS = {
    # graft-version-tiles: one branch for the whole kernel.
    "elementwise": Kernel(
        """
        offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        mask = offs < n
        tl.store(out + offs, tl.load(x + offs, mask) + tl.load(y + offs, mask), mask)
        """,
        {"x": INPUT, "y": INPUT, "out": OUTPUT}, {"n": 33001}, {"BLOCK": 2048}, (17,),
    ),
    "tile copy": Kernel(
        """
        rows = tl.program_id(0) * BM + tl.arange(0, BM)
        cols = tl.program_id(1) * BN + tl.arange(0, BN)
        mask = (rows < m)[:, None] & (cols < n)[None, :]
        a = tl.load(x + rows[:, None] * stride + cols[None, :], mask, other=0.0)
        tl.store(out + rows[:, None] * stride + cols[None, :], a, mask)
        """,
        {"x": INPUT, "out": OUTPUT}, {"m": 75, "n": 601, "stride": 608}, {"BM": 16, "BN": 128}, (5, 5),
    ),
    # graft-split-masks: the only tile of its axis.
    "row": Kernel(
        """
        cols = tl.arange(0, BLOCK)
        mask = cols < n
        a = tl.cast(tl.load(x + tl.program_id(0) * stride + cols, mask, other=0.0), tl.float32)
        tl.store(out + tl.program_id(0) * stride + cols, a - tl.sum(a, 0), mask)
        """,
        {"x": INPUT, "out": Buffer("fp32", 2)}, {"n": 8001, "stride": 8016}, {"BLOCK": 8192}, (3,),
    ),
    # graft-peel-loops: a loop that is to be pipelined, with and without a product.
    "looped row": Kernel(
        """
        acc = tl.zeros([BLOCK], tl.float32)
        for start in tl.range(0, n, BLOCK, num_stages=STAGES):
            offs = start + tl.arange(0, BLOCK)
            acc += tl.cast(tl.load(x + tl.program_id(0) * stride + offs, offs < n, other=0.0), tl.float32)
        tl.store(out + tl.program_id(0), tl.sum(acc, 0))
        """,
        {"x": INPUT, "out": Buffer("fp32", 2)}, {"n": 30001, "stride": 30016}, {"BLOCK": 8192}, (3,),
    ),
    "product": Kernel(
        """
        rows = tl.program_id(1) * BM + tl.arange(0, BM)
        cols = tl.program_id(0) * BN + tl.arange(0, BN)
        inner = tl.arange(0, BK)
        a_ptrs = a + rows[:, None] * a_row + inner[None, :]
        b_ptrs = b + inner[:, None] * b_row + cols[None, :]
        acc = tl.zeros([BM, BN], tl.float32)
        for start in range(0, k, BK):
            left = tl.load(a_ptrs, (rows[:, None] < m) & (inner[None, :] < k - start), other=0.0)
            right = tl.load(b_ptrs, inner[:, None] < k - start, other=0.0)
            acc = tl.dot(left, right, acc)
            a_ptrs += BK
            b_ptrs += BK * b_row
        mask = (rows[:, None] < m) & (cols[None, :] < n)
        tl.store(c + rows[:, None] * c_row + cols[None, :], tl.cast(acc, tl.float16), mask)
        """,
        MATRICES, PRODUCT | {"b_row": 128}, PRODUCT_TILE, (2, 2),
    ),
    # Before TMA, these have masks as well. graft-swizzle-programs chooses a group for them, as what lies side by side in memory
    # are not the columns of the grid; it takes the product above only if the group is given.
    "product by descriptors": Kernel(BY_DESCRIPTORS.format(specialize=False), MATRICES, PRODUCT, PRODUCT_TILE, (2, 2)),
    "specialized product": Kernel(BY_DESCRIPTORS.format(specialize=True), MATRICES, PRODUCT, PRODUCT_TILE, (2, 2)),
}  # fmt: skip


class Options(NamedTuple):
    """What a launch asks for."""

    num_stages: int
    num_warps: int
    num_ctas: int


def is_legal(name: str, arch: int, options: Options) -> bool:
    """Whether Triton 3.9 compiles the kernel *name* under *options* for *arch* / 10: with more than one CTA from 9.0 on.

    Its warp specialization fails an assertion with two CTAs on Hopper, and does not take fewer than four warps on Blackwell.
    """
    if name == "specialized product" and arch >= 90:
        return options.num_ctas == 1 if arch < 100 else options.num_warps >= 4
    return options.num_ctas == 1 or arch >= 90


def make_case(name: str, arch: int, options: Options) -> Case:
    """The kernel *name* under *options*, whose seed makes `kernel_compiling.Compiles` compile for *arch*."""
    kernel = KERNELS[name]
    constants = kernel.constants | ({"STAGES": options.num_stages} if "STAGES" in kernel.source else {})
    lines = tuple(dedent(kernel.source).strip().splitlines())
    seed = TARGETS.index(arch)
    return Case(seed, name, lines, kernel.buffers, kernel.numbers, constants, kernel.grid, options._asdict())


def all_cases(arch: int) -> list[Case]:
    """Each kernel under all options that are legal for *arch* / 10."""
    options = itertools.starmap(Options, itertools.product(STAGES, WARPS, CTAS))
    return [make_case(name, arch, chosen) for chosen in options for name in KERNELS if is_legal(name, arch, chosen)]


def covering_cases(seed: int) -> list[Case]:
    """Each kernel a few times, with each number of stages, warps and CTAs that is legal at least once; all targets in turn."""
    rng, cases = random.Random(seed), []

    def shuffled(values: Sequence[int]) -> Iterator[int]:
        return itertools.cycle(rng.sample(values, len(values)))

    for name in KERNELS:
        for warps, stages, ctas in zip(rng.sample(WARPS, len(WARPS)), shuffled(STAGES), shuffled(CTAS), strict=False):
            archs = [arch for arch in TARGETS if is_legal(name, arch, Options(stages, warps, ctas))]
            options = Options(stages, warps, ctas if archs else 1)
            cases.append(make_case(name, rng.choice(archs or TARGETS), options))
    return cases
