# SPDX-License-Identifier: MIT
"""Compiles the kernels of the suite in processes beside this one: ahead of a run, and to see how long it takes.

Neither needs a GPU. Compile time is that of `triton.compile` for the same source, each time into a fresh cache, the sides by turns
in one process. A process can work for both sides, as each compiles under a driver of its own that has no device.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import triton
from triton.backends.compiler import GPUTarget

from .kernels_report import GRAFT, IN_TREE, Row
from .key_child import TritonSide
from .suite.case import OPTIONS, Case
from .suite.sections import COMPILE, SECTIONS, Section

SIDES = (IN_TREE, GRAFT)


class Job(NamedTuple):
    """One case, by what names it in every process; *beside* is empty for the kernel itself."""

    section: str
    kernel: str
    size: str
    beside: str

    def case(self) -> Case:
        entry = next(entry for entry in SECTIONS[self.section].entries if entry.name == self.kernel)
        return entry.cases(entry.sizes[self.size])[self.beside]


def jobs_of(section: Section, sizes_of: Any = list) -> list[Job]:
    """The cases of *section*, one for each variant of a kernel; *sizes_of* chooses among the names of sizes."""
    jobs: dict[tuple, Job] = {}
    for entry in section.entries:
        for size in sizes_of(entry.sizes):
            for beside, case in entry.cases(entry.sizes[size]).items():
                jobs.setdefault(case.variant(), Job(section.name.removeprefix(f"{COMPILE}/"), entry.name, size, beside))
    return list(jobs.values())


def first_and_last(sizes: Any) -> list[str]:
    names = list(sizes)
    return [names[0], names[-1]]


class Compilers:
    """Processes that compile for *target*; what they compile ahead goes into the cache folder *cache*."""

    def __init__(self, target: GPUTarget, cache: str):
        context = multiprocessing.get_context("spawn")
        processes = max(1, len(os.sched_getaffinity(0)))
        arguments = (target, cache)
        self._ahead = ProcessPoolExecutor(processes, context, _start, arguments)
        # Half as many, as compilations that wait for one another are not what is to be measured.
        self._timed = ProcessPoolExecutor(max(1, processes // 2), context, _start, arguments)

    def __enter__(self) -> Compilers:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._ahead, self._timed):
            pool.shutdown(cancel_futures=True)

    def fill_cache(self, sections: list[Section]) -> dict[tuple, str]:
        """Compiles all of *sections* for both sides; returns why what failed did so, by side and variant."""
        futures: dict[tuple, Future] = {}
        for job in [job for section in sections for job in jobs_of(section)]:
            for side in SIDES:
                futures[side, job.case().variant()] = self._ahead.submit(_warm_up, job, side)
        errors = {key: future.exception() for key, future in futures.items()}
        self._ahead.shutdown()
        return {key: summarise(error) for key, error in errors.items() if error is not None}

    def measure(self, section: Section, rounds: int) -> Iterator[Row]:
        """The compile times of *section*: of the first and the last size of each kernel, if they are compiled differently."""
        futures = {job: self._timed.submit(_time, job, rounds) for job in jobs_of(section, first_and_last)}
        for job, future in futures.items():
            size = f"{job.size}, {job.beside}" if job.beside else job.size
            row = Row(COMPILE, f"{job.section}/{job.kernel}", size)
            try:
                row.times.update(future.result())
            except Exception as error:
                row.errors["both"] = summarise(error)
            yield row


def summarise(error: BaseException) -> str:
    """What *error* says, in one line of at most 200 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


@contextmanager
def active(driver: Any) -> Iterator[None]:
    """Makes *driver*, which may be None, Triton's active driver for a while."""
    before = triton.runtime.driver._active
    triton.runtime.driver.set_active(driver)
    try:
        yield
    finally:
        triton.runtime.driver.set_active(before)


# -- In the processes


class _InTree(TritonSide):
    """Compiles by Triton's own backend for *target*."""

    def __init__(self, target: GPUTarget):
        self._target = target

    def get_current_target(self) -> GPUTarget:
        return self._target


_drivers: dict[str, Any] = {}


def _start(target: GPUTarget, cache: str) -> None:
    """Makes a process ready to compile."""
    from ..driver import Driver

    _drivers.update({IN_TREE: _InTree(target), GRAFT: Driver(target=target)})
    triton.knobs.cache.dir = cache


def _warm_up(job: Job, side: str) -> None:
    with active(_drivers[side]):
        job.case().warmup()


def _time(job: Job, rounds: int) -> dict[str, list[float]]:
    """The ms that each side takes in each round, as a whole and by stage: "graft" and "graft, ttgir"."""
    case = job.case()
    with _fresh_cache(), active(_drivers[GRAFT]):
        source = case.warmup().src
    options = {**case.options, **OPTIONS}
    times: dict[str, list[float]] = {}
    for number in range(1 + rounds):
        for side in SIDES if number % 2 else SIDES[::-1]:
            for part, ms in _compile_once(source, options, side).items():
                times.setdefault(f"{side}, {part}" if part else side, []).append(ms)
    return {name: values[1:] for name, values in times.items()}


def _compile_once(source: Any, options: dict[str, Any], side: str) -> dict[str, float]:
    """The ms for the whole, under the name "", and for each stage."""
    stages: dict[str, float] = {}

    def listen(*, times: Any, cache_hit: bool, **_: Any) -> None:
        assert not cache_hit
        stages.update({stage: microseconds / 1000 for stage, microseconds in times.lowering_stages})

    gc.collect()
    with _fresh_cache(), active(_drivers[side]):
        triton.knobs.compilation.listener = listen
        start = time.perf_counter()
        triton.compile(source, target=_drivers[side].get_current_target(), options=options)
        total = 1000 * (time.perf_counter() - start)
    return {"": total, **stages}


@contextmanager
def _fresh_cache() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, triton.knobs.cache.scope(), triton.knobs.compilation.scope():
        triton.knobs.cache.dir = folder
        yield


# -- Importing

#: Prints how long `import triton` takes, in ms, and whether that imported us. Hides the entry point named by its argument.
_TIMED_IMPORT = """
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


def measure_importing(rounds: int) -> Row:
    """How long `import triton` takes in fresh processes, by turns.

    Those without us hide our entry point from Triton, and the others run the same code to hide one that does not exist.
    """
    row = Row(COMPILE, "import triton", "")
    if not any(found.name == "graft" for found in importlib.metadata.entry_points(group="triton.backends")):
        row.errors[GRAFT] = "triton-graft is not installed as a package, so Triton does not import it"
        return row
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(1 + rounds):
        for side in SIDES if number % 2 else SIDES[::-1]:
            times[side].append(_import_once("graft" if side == IN_TREE else "nothing"))
    row.times.update({side: values[1:] for side, values in times.items()})
    return row


def _import_once(hidden: str) -> float:
    """The ms that `import triton` takes in a new process. Raises `RuntimeError` if it hid the wrong backend."""
    command = [sys.executable, "-c", _TIMED_IMPORT, hidden]
    milliseconds, with_us = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if with_us == (hidden == "graft"):
        raise RuntimeError(f"importing Triton with the backend {hidden!r} hidden did {'not ' * (not with_us)}import ours")
    return milliseconds
