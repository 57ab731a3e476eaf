# SPDX-License-Identifier: MIT
"""What checking a kernel's read-set costs at each launch: a kernel that reads many attributes against one that reads none."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from .machines import Machine
from .startup_child import load_kernels

#: How many attributes of a module the kernel reads.
ENTRIES = 50

_KERNELS = """import triton, {settings}
import triton.language as tl


@triton.jit
def kernel_none(x):
    tl.store(x, {constant})


@triton.jit
def kernel_many(x):
    tl.store(x, {attributes})
"""


def measure(machine: Machine, rounds: int = 15, launches: int = 5000) -> float:
    """Nanoseconds for each entry of the read-set and launch: the median over *rounds* of *launches* of either kernel in turn."""
    settings = ModuleType("bench_settings")
    names = [f"A{number}" for number in range(ENTRIES)]
    vars(settings).update(dict.fromkeys(names, 1))
    sys.modules[settings.__name__] = settings
    with tempfile.TemporaryDirectory() as folder, machine.active("graft"):
        path = Path(folder) / "kernels.py"
        attributes = " + ".join(f"{settings.__name__}.{name}" for name in names)
        path.write_text(_KERNELS.format(settings=settings.__name__, constant=ENTRIES, attributes=attributes))
        many, none = load_kernels(str(path))
        tensor = next(iter(machine.each_kind())).make()
        differences = []
        for _ in range(rounds):
            took = [_time(machine, kernel, tensor, launches) for kernel in (many, none)]
            differences.append((took[0] - took[1]) / launches / ENTRIES)
    return statistics.median(differences) * 1e9


def _time(machine: Machine, kernel: Any, tensor: Any, launches: int) -> float:
    launch = kernel[(1,)]
    launch(tensor)
    took = 0.0
    for _ in range(0, launches, 500):  # a device queues about 1024 launches
        machine.synchronize()
        start = time.perf_counter()
        for _ in range(500):
            launch(tensor)
        took += time.perf_counter() - start
    machine.synchronize()
    return took
