# SPDX-License-Identifier: MIT
"""How a build goes on, on standard error: a bar for each target on a terminal, else a line for each target."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import interrupts
from .building import Progress


@contextmanager
def shown() -> Iterator[Progress]:
    """Shows how a build in the block goes on."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with interrupts.held():
        from rich import progress
        from rich.console import Console

    columns = (progress.SpinnerColumn(), "{task.description}", progress.TimeElapsedColumn(), "{task.completed} variants")
    with progress.Progress(*columns, "[dim]{task.fields[kernel]}", console=Console(stderr=True)) as bars:
        yield Bars(bars)


class Lines:
    """A line for each target when it is done, below what was printed for it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def begin(self, target: str) -> None:
        """Nothing is said yet."""

    def compiled(self, target: str, kernel: str) -> None:
        """Counts it."""
        self._counts[target] += 1

    def end(self, target: str, said: str) -> None:
        """Prints the line."""
        count = self._counts[target]
        sys.stderr.write(f"{said}{target}: {count} variant{'s' if count > 1 else ''} compiled or found in the cache\n")


class Bars:
    """A line for each target with what it is at, on the display of rich *bars*; what was printed for it goes above."""

    def __init__(self, bars: Any):
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def begin(self, target: str) -> None:
        """Adds the line."""
        self._tasks[target] = self._bars.add_task(target, total=None, kernel="")

    def compiled(self, target: str, kernel: str) -> None:
        """Shows one more."""
        self._bars.update(self._tasks[target], advance=1, kernel=kernel)

    def end(self, target: str, said: str) -> None:
        """Stops the line's clock."""
        task = self._tasks[target]
        self._bars.update(task, total=self._bars.tasks[task].completed, kernel="")
        if said:
            self._bars.console.print(said.rstrip("\n"), markup=False, highlight=False)
