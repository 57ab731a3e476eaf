# SPDX-License-Identifier: MIT
"""Square fp16 matrix products in the natural order of programs, in groups by the pass, and in groups by hand.

    python python/bench/programs.py [--json FILE]

Kernels on a 2-D grid whose first dimension is that of the rows or of the columns, compiled with `swizzle_programs` 0, 4, 8 and 16, and one
on a 1-D grid that groups its programs itself, all of 128 x 256 tiles. Results are compared bit by bit before they are timed.
"""

from __future__ import annotations

import functools
import statistics
import sys
from collections.abc import Callable
from typing import Any

import triton
import triton.language as tl
from measure import active, get_ratio, make_drivers, parse_arguments, report, time_by_turns

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case

SIZES = (4096, 8192, 16384)
GROUPS = (4, 8, 16)
TILE_M, TILE_N, TILE_K = 128, 256, 64


@triton.jit
def multiply(a, b, c, n, tile_m, tile_n, TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr):
    rows = tile_m.to(tl.int64) * TM + tl.arange(0, TM)
    cols = tile_n.to(tl.int64) * TN + tl.arange(0, TN)
    inner = tl.arange(0, TK)
    a_ptrs = a + rows[:, None] * n + inner[None, :]
    b_ptrs = b + inner[:, None] * n + cols[None, :]
    sums = tl.zeros((TM, TN), tl.float32)
    for _ in range(0, n, TK):
        sums = tl.dot(tl.load(a_ptrs), tl.load(b_ptrs), sums)
        a_ptrs += TK
        b_ptrs += TK * n
    tl.store(c + rows[:, None] * n + cols[None, :], sums.to(tl.float16))


@triton.jit
def rows_first(a, b, c, n, TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr):
    multiply(a, b, c, n, tl.program_id(0), tl.program_id(1), TM, TN, TK)


@triton.jit
def columns_first(a, b, c, n, TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr):
    multiply(a, b, c, n, tl.program_id(1), tl.program_id(0), TM, TN, TK)


@triton.jit
def by_hand(a, b, c, n, TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr, GROUP: tl.constexpr):
    program, columns, rows = tl.program_id(0), n // TN, n // TM
    group = program // (GROUP * columns)
    height = tl.minimum(rows - group * GROUP, GROUP)
    tile_m = group * GROUP + (program % (GROUP * columns)) % height
    tile_n = (program % (GROUP * columns)) // height
    multiply(a, b, c, n, tile_m, tile_n, TM, TN, TK)


TILES = {"TM": TILE_M, "TN": TILE_N, "TK": TILE_K}
OPTIONS = {"num_warps": 8, "num_stages": 3, "enable_fp_fusion": True}


def launch_natural(kernel: Any, a: Any, b: Any, c: Any, **options: Any) -> None:
    n = a.shape[0]
    grid = (n // TILE_M, n // TILE_N)
    kernel[grid if kernel is rows_first else grid[::-1]](a, b, c, n, **TILES, **OPTIONS, **options)


def launch_by_hand(a: Any, b: Any, c: Any, group: int) -> None:
    n = a.shape[0]
    by_hand[(n // TILE_N * (n // TILE_M),)](a, b, c, n, **TILES, GROUP=group, **OPTIONS)


def make_sides(a: Any, b: Any, c: Any) -> dict[str, Callable[[], None]]:
    """What is compared, by name."""
    sides: dict[str, Callable[[], None]] = {}
    for name, kernel in {"rows first": rows_first, "columns first": columns_first}.items():
        sides[name] = functools.partial(launch_natural, kernel, a, b, c)
        for group in GROUPS:
            sides[f"{name}, {group}"] = functools.partial(launch_natural, kernel, a, b, c, swizzle_programs=group)
    return sides | {f"by hand, {group}": functools.partial(launch_by_hand, a, b, c, group) for group in GROUPS}


def measure(n: int, drivers: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of the table for matrices of n rows and columns."""
    import torch

    torch.manual_seed(0)
    a, b = (torch.randn(n, n, dtype=torch.float16, device="cuda") for _ in range(2))
    c, expected = torch.empty_like(a), torch.empty_like(a)
    sides, graft = make_sides(a, b, c), drivers["graft"]
    with active(graft):
        launch_natural(rows_first, a, b, expected)
        for name, launch in sides.items():
            c.zero_()
            launch()
            if not torch.equal(c, expected):
                sys.exit(f"error: n={n}, {name}: {int((c != expected).sum())} elements are others")
    times = time_by_turns({name: (launch, graft) for name, launch in sides.items()}, rounds=30)
    best = min((name for name in sides if name.startswith("by hand")), key=lambda name: statistics.median(times[name]))
    return [
        {
            "n": n,
            "order": name,
            "TFLOP/s": 2 * n**3 / statistics.median(times[name]) / 1e9,
            "to natural order": get_ratio(times[name.partition(",")[0]], times[name])
            if name.partition(",")[0] in times
            else "",
            "to the best by hand": get_ratio(times[best], times[name]),
        }
        for name in sides
    ]


def main() -> None:
    arguments = parse_arguments(__doc__)
    drivers = make_drivers()
    rows = []
    for n in SIZES:
        rows += measure(n, drivers)
        print(f"measured {n}", file=sys.stderr)
    report({"fp16 matrix products: speed, and ratios of speeds": rows}, arguments.json)


if __name__ == "__main__":
    main()
