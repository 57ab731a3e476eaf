# SPDX-License-Identifier: MIT
"""What one launch costs the host: ours, Triton's own and others', as ratios to a C loop over cuLaunchKernelEx.

    graft bench launch --json launch.json --plot launch.svg
    python -m triton.backends.graft.bench.launch        the same where click and rich are missing

Kernels are empty and their grid is one block. A time is that of a whole batch of launches, divided by their number, with nothing
waited for inside a batch. Sides take turns, round after round, in one process, and a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..files import write_file
from . import outputs
from . import report as reporting
from .around import Loop, SkipError
from .machines import CudaMachine, Machine, StubMachine, Tensors
from .options import LaunchOptions, run_command
from .report import Report, Result, Skipped
from .rows import PLAIN, ROWS, Row
from .sides import SIDES, STUB_SIDES, Case, Side, native, prepare

#: Launches before each timing, to have back in the caches what the other sides have displaced.
WARMUP = 10

#: Rounds that are not counted.
WARMUP_ROUNDS = 1


class Entry(NamedTuple):
    """One side of one row, ready to launch."""

    row: Row
    side: Side
    loop: Loop
    case: Case | None = None
    """Keeps alive what the loop may hold the address of only, such as tensors."""


# -- Measuring


def prepare_all(options: LaunchOptions, machine: Machine, tensors: Tensors) -> tuple[list[Entry], list[Skipped]]:
    """What can be measured of what *options* asks for, and what cannot."""
    entries: list[Entry] = []
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in map(ROWS.__getitem__, options.rows):
        case = Case(row, machine, tensors)
        for name in row.sides:
            if name not in ("c-loop", *options.side) or (options.stub and name not in STUB_SIDES):
                continue
            try:
                entries.append(Entry(row, SIDES[name], prepare(SIDES[name], case), case))
            except SkipError as skip:
                reasons.setdefault((SIDES[name].label, str(skip)), []).append(row.name)
    return entries, [Skipped(label, reason, tuple(rows)) for (label, reason), rows in reasons.items()]


def time_batches(loop: Loop, launches: int, batch: int, machine: Machine) -> float:
    """Seconds per launch, over *launches* of them.

    A device queues about 1024 launches. Once the queue is full, a launch waits for the device to finish another, and the
    device's time would be measured. So a batch is shorter than the queue, and begins when the queue is empty.
    """
    loop(WARMUP)
    seconds, left = 0.0, launches
    while left > 0:
        machine.synchronize()
        seconds += loop(min(batch, left))
        left -= batch
    return seconds / launches


def measure(entries: list[Entry], options: LaunchOptions, machine: Machine) -> list[list[float]]:
    """The µs per launch of each entry, in each round. Every round begins with another entry."""
    times: list[list[float]] = [[] for _ in entries]
    for number in range(-WARMUP_ROUNDS, options.rounds):
        for turn in range(len(entries)):
            i = (turn + number) % len(entries)
            with machine.active(entries[i].side.driver):
                seconds = time_batches(entries[i].loop, options.launches, options.batch, machine)
            if number >= 0:
                times[i].append(1e6 * seconds)
    machine.synchronize()
    return times


# -- Judging


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios of what was measured in the same round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def judge(entries: list[Entry], times: list[list[float]], tensors: str = "", with_targets: bool = True) -> list[Result]:
    """The results in the order of *entries*. Targets are for our side, and say nothing about a stub."""
    by_name = {(entry.row.name, entry.side.name): rounds for entry, rounds in zip(entries, times, strict=True)}
    plain = by_name.get((PLAIN, "graft"))
    results = []
    for entry, rounds in zip(entries, times, strict=True):
        row, side = entry.row, entry.side
        floor = by_name.get((row.name, "c-loop"))
        result = Result(
            row=row.name,
            row_label=row.label,
            side=side.name,
            side_label=side.label,
            tensors=tensors,
            rounds=tuple(rounds),
            ratio=median_ratio(rounds, floor) if floor else None,
        )
        has_target = with_targets and side.name == "graft"
        nothing = by_name.get((row.name, "nothing"))
        results.append(_judge_target(result, row, floor, plain, nothing) if has_target else result)
    return results


def _judge_target(
    result: Result, row: Row, floor: list[float] | None, plain: list[float] | None, nothing: list[float] | None
) -> Result:
    """*result*, which is ours, with the target of its row, and whether it is met where there is something to compare with.

    *floor* and *nothing* have the rounds of the C loop and of nothing for this row, *plain* those of our side of the row `PLAIN`.
    """
    result = replace(result, target=row.target)
    if row.max_ratio is not None and result.ratio is not None:
        return replace(result, target_ratio=row.max_ratio, met=result.ratio <= row.max_ratio)
    if row.max_own_ratio is not None and floor and nothing:
        allowed = [least + row.max_own_ratio * loop for least, loop in zip(nothing, floor, strict=True)]
        return replace(result, target_ratio=median_ratio(allowed, floor), met=median_ratio(result.rounds, allowed) <= 1)
    if row.max_extra is not None and plain:
        allowed = [us + row.max_extra for us in plain]
        extra = statistics.median(a - b for a, b in zip(result.rounds, plain, strict=True))
        return replace(result, target_ratio=median_ratio(allowed, floor) if floor else None, met=extra <= row.max_extra)
    return result


def describe_shares(results: list[Result]) -> list[str]:
    """How our share of a launch compares with Triton's, a line for each row: what the driver itself takes is in both times."""
    by_name = {(result.tensors, result.row, result.side): result.median for result in results}
    lines = []
    for (tensors, row, side), ours in by_name.items():
        theirs = by_name.get((tensors, row, "triton"))
        if side != "graft" or theirs is None:
            continue
        floor = by_name.get((tensors, row, "c-loop"), 0.0)
        above = " above the C loop" if floor else ""
        label = f"{row}, {tensors}" if tensors else row
        lines.append(
            f"{label}: graft's share is {(ours - floor) / (theirs - floor):.3f} of Triton's "
            f"({ours - floor:.2f} of {theirs - floor:.2f} µs{above})"
        )
    return lines


def describe_ways() -> Iterator[str]:
    """A line with the ways that our launches went, if the launcher counts them: a slow way would explain a slow figure."""
    try:
        stats = getattr(native(), "stats", None)
    except SkipError:
        return
    if stats is not None:
        yield "graft's launches: " + ", ".join(f"{reason} {count}" for reason, count in stats().items())


# -- Running


def run(options: LaunchOptions) -> Report:
    """Measures. Raises `NoDeviceError` where there is nothing to launch on."""
    # Unset, Triton 3.9 warns at each compilation.
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
    machine: Machine = StubMachine(options.stub) if options.stub else CudaMachine()
    results, skipped = [], []
    for tensors in machine.each_kind():
        entries, missing = prepare_all(options, machine, tensors)
        results += judge(entries, measure(entries, options, machine), tensors.label, with_targets=not options.stub)
        skipped += [skip for skip in missing if skip not in skipped]
    return Report(
        title="Host time per launch of an empty kernel" + (", against a stub of libcuda" if options.stub else ""),
        facts=machine.facts(),
        options=options,
        results=results,
        skipped=skipped,
        notes=[*(describe_shares(results) if options.stub else []), *describe_ways()],
    )


def execute(options: LaunchOptions) -> None:
    """Measures, prints, and writes what *options* asks for."""
    report = run(options)
    show(report)
    outputs.write(reporting.to_document(report), options.json, options.plot)
    if options.markdown:
        write_file(options.markdown, reporting.format_markdown(report).encode())


def show(report: Report) -> None:
    """Prints the report: with rich on a terminal, as plain text elsewhere and where rich is missing."""
    if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        print(reporting.format_text(report))
        return
    from rich.console import Console

    console = Console()
    console.print(reporting.format_rich(report))
    for line in reporting.format_facts(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line without click. Returns the exit status."""
    return run_command("launch", LaunchOptions, execute, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
