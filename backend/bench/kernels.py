# SPDX-License-Identifier: MIT
"""`bench kernels`: how fast kernels are, and how long they take to compile, under the in-tree driver and under ours.

    graft bench kernels --json kernels.json --plot kernels.svg
    python -m triton.backends.graft.bench.kernels       the same where click is missing

The kernels are in suite/. Every one is compared with PyTorch before it is timed, on both sides. kernels_device.py times them,
kernels_compile.py compiles, in processes beside this one, and kernels_report.py makes the tables.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import triton
from triton.backends.compiler import GPUTarget

from ..errors import NoDeviceError
from . import kernels_compile as compiling
from . import kernels_report as reporting
from . import outputs
from .kernels_report import Report, Row
from .machines import CudaMachine, Machine
from .options import KernelsOptions, run_command
from .suite.sections import COMPILE, Section, format_list, select

#: What kernels are compiled for where there is no device.
TARGET = GPUTarget("cuda", 90, 32)


def run(options: KernelsOptions) -> Report:
    """Measures what *options* names, or all, and writes the JSON after each section, so that nothing is lost if a later one fails.

    Raises `OptionError` for a name that does not exist and `NoDeviceError` where kernels are to run and there is no device.
    """
    only, rounds = options.only, options.rounds
    sections = select(only)
    timed = [section for section in sections if not section.name.startswith(f"{COMPILE}/")]
    compiled = [section for section in sections if section not in timed]
    with _fresh_cache() as cache, _without_defaults():
        device = _Device() if timed else None
        target = device.target if device else TARGET
        report = Report((device or Machine()).facts(), options, f"cuda:{target.arch}")
        with compiling.Compilers(target, cache) as compilers:
            if device:
                bench = device.bench(rounds, _compile_ahead(compilers, timed))
                triton.knobs.compilation.listener = _tell_of_misses
                for section in timed:
                    report = _add(report, _collect(bench.measure(section)))
            for section in compiled:
                report = _add(report, _collect(compilers.measure(section, max(3, rounds // 10))))
        if COMPILE in only or not only:
            report = _add(report, [compiling.measure_importing(max(5, rounds // 2))])
    return report


def execute(options: KernelsOptions) -> None:
    """Measures, prints, and writes what *options* asks for; or prints what there is to measure."""
    if options.list:
        print(format_list())
        return
    report = run(options)
    print(reporting.format_text(report))
    outputs.write(reporting.to_document(report), None, options.plot)


def _add(report: Report, rows: list[Row]) -> Report:
    """*report* with *rows*, written to the file that its options name."""
    report = replace(report, rows=[*report.rows, *rows])
    outputs.write(reporting.to_document(report), report.options.json, None)
    return report


def tell(text: str) -> None:
    """Says on standard error how far the run is."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def _tell_of_misses(*, src: Any, cache_hit: bool, **_: Any) -> None:
    """Hears of each kernel that is about to be measured. One that was not compiled ahead costs the run time, and no more."""
    if not cache_hit:
        tell(f"compiled again: {src.name}")


@contextlib.contextmanager
def _fresh_cache() -> Iterator[str]:
    """Makes Triton's cache an empty folder for a while. Knobs that are set meanwhile are as before afterwards."""
    with tempfile.TemporaryDirectory() as folder, triton.knobs.cache.scope(), triton.knobs.compilation.scope():
        triton.knobs.cache.dir = folder
        yield folder


@contextlib.contextmanager
def _without_defaults() -> Iterator[None]:
    """Takes away for a while what would decide on a backend or a target by the environment."""
    taken = {name: os.environ.pop(name) for name in ("TRITON_DEFAULT_BACKEND", "GRAFT_TARGET") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


def _compile_ahead(compilers: compiling.Compilers, sections: list[Section]) -> dict[tuple, str]:
    """Fills the cache for *sections*, and returns why what failed did so, by side and variant."""
    start = time.perf_counter()
    failures = compilers.fill_cache(sections)
    tell(f"compiled ahead in {time.perf_counter() - start:.0f} s, with {len(failures)} failures")
    return failures


def _collect(rows: Iterable[Row]) -> list[Row]:
    """*rows*, each of which is told about when it is there."""
    found = []
    for row in rows:
        found.append(row)
        tell(f"{row.section}/{row.kernel}, {row.size}: {row.brief()}")
    return found


class _Device(Machine):
    """The CUDA device. Raises `NoDeviceError` without one."""

    def __init__(self) -> None:
        hint = f"; --only {COMPILE} does without both"
        if importlib.util.find_spec("torch") is None:
            raise NoDeviceError(f"bench kernels needs PyTorch and a CUDA device{hint}")
        import torch

        if not torch.cuda.is_available():
            raise NoDeviceError(f"bench kernels needs a CUDA device, and PyTorch finds none{hint}")
        self._machine = CudaMachine()
        major, minor = torch.cuda.get_device_capability()
        self.target = GPUTarget("cuda", 10 * major + minor, 32)

    def facts(self) -> dict[str, str]:
        return self._machine.facts()

    def bench(self, rounds: int, failures: dict[tuple, str]) -> Any:
        """What measures on it."""
        from .kernels_device import Bench

        return Bench(self._machine.drivers, rounds, failures)


def main(arguments: list[str] | None = None) -> int:
    """The command line without click. Returns the exit status."""
    return run_command("kernels", KernelsOptions, execute, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
