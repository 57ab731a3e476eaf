# SPDX-License-Identifier: MIT
"""Examines random kernels in processes of their own, which a crash or a fault may end, and makes those that fail small.

What is done with a case is said by a bench: `kernel_compiling`, `kernel_interpreting` and test/gpu/kernel_runs.py have one each,
and are commands with the same flags.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple, Protocol

from found_kernels import FOUND
from kernel_cases import Case
from kernel_families import make_case
from kernel_minimising import minimise

#: How many failures are made small.
MINIMISED = 3


class Finding(NamedTuple):
    """What a bench says of a case."""

    #: What went wrong, and under which of `kernel_compiling.PASSES`; both are empty if nothing did.
    variant: str = ""
    problem: str = ""
    #: Under which of them the kernel is another one than under "none".
    changed: frozenset[str] = frozenset()
    #: Why the case was not examined, if it was not.
    skipped: str = ""

    @property
    def blames_a_pass(self) -> bool:
        """Whether all was right without our passes."""
        return bool(self.problem) and self.variant != "none"


class Bench(Protocol):
    """Examines one case after the other, in one process."""

    def examine(self, case: Case) -> Finding:
        """What is to be said of *case*."""

    def works(self) -> bool:
        """Whether it can go on, after what the last case has done."""


#: Makes a bench, given a folder for files.
MakeBench = Callable[[Path], Bench]


class Report(NamedTuple):
    """A case, what is to be said of it, and whether its process can take no other."""

    case: Case
    finding: Finding
    is_over: bool = False

    def __str__(self) -> str:
        return f"{self.case}# with {self.finding.variant or '?'}: {self.finding.problem}\n"


class Shared:
    """The cases that *make* makes of 0, 1, ...: each process that goes through them takes the next, whichever that is by then."""

    def __init__(self, count: int, make: Callable[[int], Case]):
        self._count, self._make = count, make
        self._next = multiprocessing.get_context("fork").Value("q", 0)

    def __iter__(self) -> Iterator[Case]:
        while True:
            with self._next.get_lock():
                at = self._next.value
                self._next.value += 1
            if at >= self._count:
                return
            yield self._make(at)

    @classmethod
    def of(cls, cases: Sequence[Case]) -> "Shared":
        """The cases *cases*."""
        return cls(len(cases), cases.__getitem__)

    @classmethod
    def of_seeds(cls, seeds: range, family: str | None = None) -> "Shared":
        """The kernels of `FOUND`, and the cases of *seeds*, made where they are taken."""
        first = len(FOUND)
        return cls(first + len(seeds), lambda at: FOUND[at] if at < first else make_case(seeds[at - first], family))


def _serve(cases: Shared, make_bench: MakeBench, pipe: Connection) -> None:
    """Examines *cases*, and sends each before it begins and its report after."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TRITON_CACHE_DIR": folder, "TRITON_DEFAULT_FP_FUSION": "1"}
        bench = make_bench(Path(folder))
        for case in cases:
            pipe.send(case)
            try:
                finding = bench.examine(case)
            except Exception:
                finding = Finding("none", traceback.format_exc())
            report = Report(case, finding, not bench.works())
            pipe.send(report)
            if report.is_over:
                break
    pipe.close()
    sys.stdout.flush()
    os._exit(0)  # tidying up may be more than it can do


class Worker:
    """A process that examines cases until one of them ends it; then another one takes its place."""

    def __init__(self, cases: Shared, make_bench: MakeBench):
        self._arguments = cases, make_bench
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")  # what is imported need not be imported again
        self.pipe, there = context.Pipe(duplex=False)
        self._begun: Case | None = None
        self._process = context.Process(target=_serve, args=(*self._arguments, there))
        self._process.start()
        there.close()

    def receive(self) -> tuple[Report | None, bool]:
        """The next report, if what came is one, and whether there is more to come."""
        try:
            message = self.pipe.recv()
        except EOFError:
            self._process.join()
            if self._begun is None:
                if self._process.exitcode:
                    raise RuntimeError(f"a process could not begin: it ended with {self._process.exitcode}") from None
                return None, False
            finding = Finding("", f"the process ended with {self._process.exitcode}")
            message = Report(self._begun, finding, True)
        if isinstance(message, Case):
            self._begun = message
            return None, True
        self._begun = None
        if message.is_over:
            self._process.join()
            self._start()
        return message, True


def run_all(cases: Shared, make_bench: MakeBench, jobs: int = 1) -> Iterator[Report]:
    """The reports of *cases*, as they come in, from *jobs* processes that share them."""
    workers = {worker.pipe: worker for worker in [Worker(cases, make_bench) for _ in range(jobs)]}
    while workers:
        for pipe in wait([*workers]):
            worker = workers.pop(pipe)
            report, more = worker.receive()
            if more:
                workers[worker.pipe] = worker
            if report is not None:
                yield report


def run_apart(case: Case, make_bench: MakeBench) -> Report:
    """The report of one case."""
    [report] = run_all(Shared.of([case]), make_bench)
    return report


def made_small(report: Report, make_bench: MakeBench) -> str:
    """The kernel of *report* with as little as it needs to fail, and as `found_kernels.FOUND` takes it."""
    small = minimise(report.case, lambda case: run_apart(case, make_bench).finding.blames_a_pass)
    return f"seed {report.case.seed} made small:\n{run_apart(small, make_bench)}{small!r}\n"


def format_table(reports: list[Report]) -> str:
    """How many kernels of each family there were, how many of them each pass changed, how many were skipped and why."""
    made = Counter(report.case.family for report in reports)
    changed = Counter((report.case.family, name) for report in reports for name in report.finding.changed)
    rows = [
        f"{family:>20}  {count:>6}  {changed[family, 'tiles']:>6}  {changed[family, 'programs']:>8}"
        for family, count in made.items()
    ]
    skipped = Counter(report.finding.skipped for report in reports if report.finding.skipped)
    head = f"{'family':>20}  {'cases':>6}  {'tiles':>6}  {'programs':>8}"
    return "\n".join([head, *sorted(rows), *(f"{count} not run: {reason}" for reason, count in skipped.items())])


def examine_all(cases: Shared, make_bench: MakeBench, jobs: int) -> int:
    """Examines *cases*, and prints those that fail and what there was; returns 1 if one fails."""
    reports = []
    for report in run_all(cases, make_bench, jobs):
        reports.append(report)
        if report.finding.problem:
            print(report, flush=True)
        if len(reports) % 500 == 0:
            print(f"{len(reports):,} kernels", flush=True)
    failed = [report for report in reports if report.finding.problem]
    for report in [report for report in failed if report.finding.blames_a_pass][:MINIMISED]:
        print(made_small(report, make_bench), flush=True)
    print(format_table(reports))
    print(f"{len(reports):,} kernels, {len(failed):,} failures")
    return 1 if failed else 0


#: How many processes a command takes, unless it is told.
JOBS = min(os.cpu_count() or 1, 14)


def main(make_bench: MakeBench, description: str, words: list[str] | None = None) -> int:
    """The command of a bench; the exit status is 1 if a kernel fails."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0, help="the first case (default 0)")
    parser.add_argument("--count", type=int, default=300, help="how many cases, one seed each (default 300)")
    parser.add_argument("--family", help="take all cases from this family")
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many processes")
    parser.add_argument("--show", action="store_true", help="print the cases instead of examining them")
    given = parser.parse_args(words)
    seeds = range(given.seed, given.seed + given.count)
    if given.show:
        print(*(make_case(seed, given.family) for seed in seeds), sep="\n")
        return 0
    return examine_all(Shared.of_seeds(seeds, given.family), make_bench, given.jobs)
