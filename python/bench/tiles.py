# SPDX-License-Identifier: MIT
"""Bandwidth of out = x + y where the last tile is whole (n = 2^k) and where it lacks one element (n = 2^k - 1).

    python python/bench/tiles.py [--json FILE]

x, y and out are 1 GiB each, so 3 GiB go through memory per launch and the cache does not matter. Results are compared with
PyTorch's before they are timed.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import sys
from typing import Any

import triton
from measure import active, add_kernel, get_ratio, make_drivers, parse_arguments, report, time_by_turns

DTYPES = ("float32", "float16", "bfloat16", "int8")
BLOCKS = (1024, 4096)
BYTES = 2**30

#: What out holds before a launch. No launch may leave it in front of n, or change it from there on.
UNTOUCHED = 3


def make_inputs(dtype: Any) -> tuple:
    """x and y with 1 GiB of random elements. The last ones add up to 0, which is not UNTOUCHED."""
    import torch

    n = BYTES // dtype.itemsize
    torch.manual_seed(0)
    if dtype.is_floating_point:
        tensors = [torch.randn(n, dtype=dtype, device="cuda") for _ in range(2)]
    else:
        tensors = [torch.randint(-128, 128, (n,), dtype=dtype, device="cuda") for _ in range(2)]
    for tensor in tensors:
        tensor[-1] = 0
    return tuple(tensors)


def launch(x: Any, y: Any, out: Any, n: int, block: int) -> None:
    """out = x + y for the first *n* elements."""
    add_kernel[(triton.cdiv(n, block),)](x, y, out, n, BLOCK=block, num_warps=4, enable_fp_fusion=True)


def check(x: Any, y: Any, n: int, block: int, driver: Any) -> None:
    """Ends the program if a launch under *driver* does not compute x + y, or writes behind element n."""
    import torch

    out = torch.full_like(x, UNTOUCHED)
    with active(driver):
        launch(x, y, out, n, block)
    expected = x + y
    expected[n:] = UNTOUCHED
    if not torch.equal(out, expected):
        wrong = (out != expected).nonzero().flatten()
        sys.exit(f"error: {x.dtype}, n={n}, BLOCK={block}: {len(wrong)} wrong elements, the first at {int(wrong[0])}")


def measure(x: Any, y: Any, block: int, drivers: dict[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    import torch

    out, even, sides = torch.empty_like(x), x.numel(), {}
    for (name, driver), n in itertools.product(drivers.items(), (even, even - 1)):
        check(x, y, n, block, driver)
        sides[f"{name} {'even' if n == even else 'odd'}"] = (functools.partial(launch, x, y, out, n, block), driver)
    times = time_by_turns(sides)
    bandwidth = {side: 3 * BYTES / statistics.median(values) / 1e9 for side, values in times.items()}
    return {
        "dtype": str(x.dtype).removeprefix("torch."),
        "BLOCK": block,
        "in-tree 2^k": bandwidth["in-tree even"],
        "in-tree 2^k-1": bandwidth["in-tree odd"],
        "graft 2^k": bandwidth["graft even"],
        "graft 2^k-1": bandwidth["graft odd"],
        "in-tree, 2^k-1 to 2^k": get_ratio(times["in-tree even"], times["in-tree odd"]),
        "graft, 2^k-1 to 2^k": get_ratio(times["graft even"], times["graft odd"]),
        "2^k, graft to in-tree": get_ratio(times["in-tree even"], times["graft even"]),
    }


def main() -> None:
    arguments = parse_arguments(__doc__)
    drivers = make_drivers()
    import torch

    rows = []
    for name in DTYPES:
        x, y = make_inputs(getattr(torch, name))
        for block in BLOCKS:
            rows.append(measure(x, y, block, drivers))
            print(f"measured {name} with BLOCK={block}", file=sys.stderr)
    report({"x + y, 1 GiB each: bandwidth in TB/s, and ratios of bandwidths": rows}, arguments.json)


if __name__ == "__main__":
    main()
