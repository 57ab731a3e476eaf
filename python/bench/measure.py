# SPDX-License-Identifier: MIT
"""What the benchmarks share: switching between the sides, timing them by turns, and reporting.

Two sides are measured in one process and by turns, round after round, so that what drifts, such as clocks and temperature,
drifts for both. A ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import triton

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from all_examples import EXAMPLES  # noqa: F401 - for the benchmarks, which need the path set up
from common import Example  # noqa: F401
from vector_add import add_kernel  # noqa: F401

#: How long one replay of a side's launches is to take, in ms: long beside the start of a replay, a few µs.
REPLAY_MS = 5.0


# -- Sides


def make_drivers() -> dict[str, Any]:
    """The two drivers for the CUDA device. Ends the program if there is none."""
    import torch
    from triton.backends.graft.driver import Driver
    from triton.backends.nvidia import driver as nvidia

    if not torch.cuda.is_available():
        sys.exit("error: this benchmark needs a CUDA device")
    return {"in-tree": nvidia.CudaDriver(), "graft": Driver()}


@contextmanager
def active(driver: Any) -> Iterator[None]:
    """Makes *driver*, which may be None, Triton's active driver for a while."""
    before = triton.runtime.driver._active
    triton.runtime.driver.set_active(driver)
    try:
        yield
    finally:
        triton.runtime.driver.set_active(before)


# -- Timing on the device


class Replay:
    """Launches of *launch* under *driver*, recorded once as a CUDA graph: replaying them costs the host nothing.

    Graphs that share a memory *pool* allocate at the same addresses, so they must not need each other's results.
    """

    def __init__(self, launch: Callable[[], Any], driver: Any, pool: Any):
        import torch

        with active(driver):
            launch()
            self.launches = max(1, round(REPLAY_MS / _estimate(launch)))
            self.graph = torch.cuda.CUDAGraph()
            with triton.testing.cuda_graph_without_gc(self.graph, pool=pool):
                for _ in range(self.launches):
                    launch()
        torch.cuda.synchronize()

    def start(self) -> tuple[Any, Any]:
        """Queues one replay, and returns the events around it."""
        import torch

        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        self.graph.replay()
        end.record()
        return begin, end


def _estimate(launch: Callable[[], Any], times: int = 5) -> float:
    """About how long one launch takes, in ms."""
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(times):
        launch()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / times


def time_by_turns(
    sides: Mapping[str, tuple[Callable[[], Any], Any]], rounds: int = 50, warmup: int = 5
) -> dict[str, list[float]]:
    """The ms that one launch takes on each side, in each round. A side is what launches and the driver to do it under."""
    import torch

    pool = torch.cuda.graph_pool_handle()
    replays = {name: Replay(launch, driver, pool) for name, (launch, driver) in sides.items()}
    events: dict[str, list] = {name: [] for name in sides}
    names = list(sides)
    for number in range(warmup + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            events[name].append(replays[name].start())
    torch.cuda.synchronize()
    return {name: [begin.elapsed_time(end) / replays[name].launches for begin, end in events[name][warmup:]] for name in names}


# -- Reporting


def get_ratio(numerators: list[float], denominators: list[float]) -> float:
    """The median of the ratios of what was measured in the same round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def get_spread(values: list[float]) -> float:
    """The distance from the first to the ninth decile, as a part of the median."""
    deciles = statistics.quantiles(values, n=10)
    return (deciles[-1] - deciles[0]) / statistics.median(values)


def describe_machine() -> dict[str, str]:
    """Versions and names that a figure has to be read with."""
    facts = {"python": platform.python_version(), "triton": triton.__version__, "processor": platform.machine()}
    try:
        import torch
    except ImportError:
        return facts
    facts["torch"] = torch.__version__
    if torch.cuda.is_available():
        facts["device"] = torch.cuda.get_device_name()
    return facts


def format_table(rows: list[dict[str, Any]]) -> str:
    """*rows* as a Markdown table; all have the keys of the first, which are the headings."""
    header = list(rows[0])
    body = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    rule = ["---:" if isinstance(value, float | int) else "---" for value in rows[0].values()]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *body])


def parse_arguments(description: str | None) -> argparse.Namespace:
    """The command line of every benchmark."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    return parser.parse_args()


def report(tables: dict[str, list[dict[str, Any]]], file: Path | None) -> None:
    """Prints each table under its title, and writes all of them to *file*."""
    machine = describe_machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    for title, rows in tables.items():
        print(f"\n{title}\n\n{format_table(rows)}")
    if file:
        file.write_text(json.dumps({"machine": machine, "tables": tables}, indent=2) + "\n")
