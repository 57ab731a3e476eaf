# SPDX-License-Identifier: MIT
"""How a run goes on, on standard error: a bar for each side on a terminal, else now and then a line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from .. import interrupts
from .results import OUTCOMES, Results

#: A line comes whenever so many parts of a hundred are done.
_STEP = 10


class Progress(Protocol):
    """Is told how a run goes on."""

    def show(self, side: str, results: Results) -> None:
        """So far the tests of *side* have come to *results*."""


@contextmanager
def shown() -> Iterator[Progress]:
    """Shows how the runs in the block go on."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with interrupts.held():
        from rich import progress
        from rich.console import Console

    columns = (
        progress.SpinnerColumn(), "{task.description}", progress.BarColumn(), progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(), progress.TimeRemainingColumn(), "[dim]{task.fields[counts]}",
    )  # fmt: skip
    with progress.Progress(*columns, console=Console(stderr=True)) as bars:
        yield Bars(bars)


def counts(results: Results) -> str:
    """How many tests came to what."""
    counted = Counter(result.outcome for result in results.results.values())
    return ", ".join(f"{counted[name]} {name}" for name in OUTCOMES if counted[name])


class Lines:
    """A line for each tenth of a side's tests."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def show(self, side: str, results: Results) -> None:
        """Prints the line if another tenth is done."""
        if results.collected is None:
            return
        done, total = len(results.results), len(results.ids)
        step = 100 * done // max(total, 1) // _STEP
        if step > self._said.get(side, 0):
            self._said[side] = step
            sys.stderr.write(f"{side}: {done} of {total} tests: {counts(results)}\n")


class Bars:
    """A bar for each side, on the display of rich *bars*."""

    def __init__(self, bars: Any):
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def show(self, side: str, results: Results) -> None:
        """Moves the bar."""
        if side not in self._tasks:
            self._tasks[side] = self._bars.add_task(side, total=None, counts="")
        total = len(results.ids) if results.collected is not None else None
        self._bars.update(self._tasks[side], total=total, completed=len(results.results), counts=counts(results))
