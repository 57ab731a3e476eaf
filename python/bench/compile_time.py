# SPDX-License-Identifier: MIT
"""Compile time of kernels that our pass leaves alone, and import time of Triton, with us and without. Needs no GPU.

    python python/bench/compile_time.py [--json FILE]

Both sides compile the same source by `triton.compile`, for cuda:90, each time into a fresh cache. Import time is taken in
fresh processes by turns; those without us hide our entry point from Triton, and the others run the same code to hide one
that does not exist.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import triton
from measure import EXAMPLES, Example, active, get_ratio, parse_arguments, report
from triton.backends.compiler import GPUTarget
from triton.backends.graft.driver import Driver

TARGET = GPUTarget("cuda", 90, 32)
ROUNDS = 15
IMPORTS = 41

#: Kernels and shapes that the pass does not touch.
CASES = [(example, "even") for example in EXAMPLES] + [
    (example, "odd") for example in EXAMPLES if example.name in ("matmul", "attention")
]

#: Prints how long `import triton` takes, in ms, and whether that imported us. Hides the entry point named by its argument.
TIMED_IMPORT = """
import importlib.metadata, json, sys, time

find = importlib.metadata.entry_points

class Others:
    def select(self, **wanted):
        return [entry for entry in find().select(**wanted) if entry.name != sys.argv[1]]

importlib.metadata.entry_points = Others
start = time.perf_counter()
import triton
print(json.dumps([1000 * (time.perf_counter() - start), "triton.backends.graft.compiler" in sys.modules]))
"""


# -- Compiling


class Listener:
    """Keeps what Triton tells about its last compilation."""

    def __call__(self, *, src: Any, times: Any, cache_hit: bool, **_: Any) -> None:
        if cache_hit:
            raise RuntimeError("a cache that should be fresh held a kernel")
        self.source = src
        self.stages = {stage: microseconds / 1000 for stage, microseconds in times.lowering_stages}


def get_source(example: Example, shape: str, driver: Any, listener: Listener) -> Any:
    """What `triton.compile` takes, as a call of the kernel makes it."""
    with active(driver), fresh_cache():
        example.warmup(shape=shape)
    return listener.source


def fresh_cache() -> Any:
    """A context in which Triton's cache is an empty temporary folder."""
    folder = tempfile.TemporaryDirectory()
    triton.knobs.cache.dir = folder.name
    return folder


def compile_once(source: Any, options: dict[str, Any], driver: Any, listener: Listener) -> dict[str, float]:
    """The ms for the whole and for each stage."""
    gc.collect()
    with active(driver), fresh_cache():
        start = time.perf_counter()
        triton.compile(source, target=TARGET, options=options)
        total = 1000 * (time.perf_counter() - start)
    return {"total": total, **listener.stages}


def measure_compiling(example: Example, shape: str, driver: Any, listener: Listener) -> dict[str, Any]:
    """One line of the table: ms on both sides, and the ratio of each part."""
    source = get_source(example, shape, driver, listener)
    arguments = example.arguments(*example.shapes[shape])
    options = {name: value for name, value in arguments.items() if name not in example.kernel.arg_names}
    # With no driver active, Triton's own backend takes the target.
    sides = {"in-tree": None, "graft": driver}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(1 + ROUNDS):
        for name in sorted(sides, reverse=number % 2 == 1):
            times[name].append(compile_once(source, options, sides[name], listener))
    parts = {part: {name: [run[part] for run in times[name][1:]] for name in sides} for part in times["graft"][0]}
    return {
        "kernel": f"{example.name}, {shape}",
        "in-tree, ms": statistics.median(parts["total"]["in-tree"]),
        "graft, ms": statistics.median(parts["total"]["graft"]),
        **{f"{part}, ratio": get_ratio(values["graft"], values["in-tree"]) for part, values in parts.items()},
    }


# -- Importing


def import_once(hidden: str) -> float:
    """The ms that `import triton` takes in a new process. Raises `RuntimeError` if it hid the wrong backend."""
    command = [sys.executable, "-c", TIMED_IMPORT, hidden]
    milliseconds, with_us = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if with_us == (hidden == "graft"):
        raise RuntimeError(f"importing Triton with the backend {hidden!r} hidden did {'not ' * (not with_us)}import ours")
    return milliseconds


def measure_importing() -> dict[str, Any]:
    times: dict[str, list[float]] = {"without us": [], "with us": []}
    for number in range(1 + IMPORTS):
        order = [("without us", "graft"), ("with us", "nothing")]
        for name, hidden in order if number % 2 else reversed(order):
            times[name].append(import_once(hidden))
    without, with_us = (statistics.median(times[name][1:]) for name in ("without us", "with us"))
    return {"without us, ms": without, "with us, ms": with_us, "difference, ms": with_us - without}


def main() -> None:
    arguments = parse_arguments(__doc__)
    if not any(found.name == "graft" for found in importlib.metadata.entry_points(group="triton.backends")):
        sys.exit("error: triton-graft is not installed")
    os.environ.pop("TRITON_DEFAULT_BACKEND", None)  # with it, no driver being active would mean ours
    driver, listener = Driver(target=TARGET), Listener()
    compiling = []
    with triton.knobs.cache.scope():
        triton.knobs.compilation.listener = listener
        for example, shape in CASES:
            compiling.append(measure_compiling(example, shape, driver, listener))
            print(f"measured {example.name}, {shape}", file=sys.stderr)
    tables = {
        f"Compiling for cuda:90, graft to in-tree, {ROUNDS} rounds: medians": compiling,
        f"import triton, {IMPORTS} processes each: medians": [measure_importing()],
    }
    report(tables, arguments.json)


if __name__ == "__main__":
    main()
