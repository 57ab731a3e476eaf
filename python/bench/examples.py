# SPDX-License-Identifier: MIT
"""Kernel time of the examples under the in-tree driver and under ours.

    python python/bench/examples.py [--json FILE]

Only the kernels' time counts: the launches are recorded as CUDA graphs. The in-tree side is measured twice, and how far its
two figures are apart is what the noise can do to a ratio. Results are compared with PyTorch's before they are timed.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

from measure import EXAMPLES, Example, active, get_ratio, get_spread, make_drivers, parse_arguments, report, time_by_turns


def measure(example: Example, shape: str, drivers: dict[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    inputs = example.make_inputs("cuda", shape=shape)
    expected = example.reference(*inputs)
    for driver in drivers.values():
        with active(driver):
            example.check(example.run(*inputs), expected)

    def launch() -> None:
        example.run(*inputs)

    in_tree, graft = drivers["in-tree"], drivers["graft"]
    times = time_by_turns({"in-tree": (launch, in_tree), "graft": (launch, graft), "again": (launch, in_tree)})
    return {
        "kernel": example.name,
        "shape": f"{shape} {'x'.join(map(str, example.shapes[shape]))}",
        "in-tree, ms": statistics.median(times["in-tree"]),
        "graft, ms": statistics.median(times["graft"]),
        "graft / in-tree": get_ratio(times["graft"], times["in-tree"]),
        "in-tree / in-tree": get_ratio(times["again"], times["in-tree"]),
        "spread, in-tree": get_spread(times["in-tree"]),
        "spread, graft": get_spread(times["graft"]),
    }


def main() -> None:
    arguments = parse_arguments(__doc__)
    drivers = make_drivers()
    rows = []
    for example in EXAMPLES:
        for shape in example.shapes:
            if shape != "small":
                rows.append(measure(example, shape, drivers))
                print(f"measured {example.name}, {shape}", file=sys.stderr)
    report({f"Kernel time, {EXAMPLES[0].dtypes[0]}: medians, and ratios": rows}, arguments.json)


if __name__ == "__main__":
    main()
