# SPDX-License-Identifier: MIT
"""What `bench kernels` found: rows of times, the figures made of them, tables and JSON.

A ratio is the median of the rounds' ratios. Ratios of kernels are of speeds, so more is better; those of compilations are of times.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from . import documents
from .documents import Document
from .options import KernelsOptions
from .suite.sections import COMPILE, SECTIONS

IN_TREE, GRAFT = "in-tree", "graft"
#: The in-tree side measured a second time: what noise does to a ratio.
AGAIN = "in-tree again"

#: What a ratio of speeds is to reach, by section. With masks it is what the in-tree side has, less what is noise.
LEAST = {"elementwise": 0.97, "rows": 0.99, "masks": 0.995, "programs": 0.98, "tutorials": 0.99, "wild": 0.99}
#: A kernel in the natural order is not to be slower than that by more than this.
LEAST_OF_NATURAL = 0.99
#: What all compilations together may take.
MOST_TO_COMPILE = 1.10

Cells = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One kernel at one size. *times* has the ms of each round by side, *errors* why a side was not measured."""

    section: str
    kernel: str
    size: str
    times: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def median(self, side: str) -> float | None:
        """ms on *side*, None if it was not measured."""
        return statistics.median(self.times[side]) if side in self.times else None

    def ratio(self, above: str, below: str) -> float | None:
        """How many times as long *above* took as *below*: how many times as fast *below* was."""
        if above not in self.times or below not in self.times:
            return None
        return statistics.median(a / b for a, b in zip(self.times[above], self.times[below], strict=True))

    def cells(self) -> Cells:
        """The columns of its section's table, after kernel and size."""
        return COLUMNS.get(self.section, _compare_speeds)(self)

    def brief(self) -> str:
        """Its figures in one line."""
        figures = [f"{name} {_format(value)}" for name, value in self.cells().items() if value not in (None, "")]
        return ", ".join([*figures, *(f"{side}: {error}" for side, error in self.errors.items())])


@dataclass(frozen=True)
class Report:
    facts: dict[str, str]
    options: KernelsOptions
    target: str
    rows: list[Row] = field(default_factory=list)


# -- Figures


def _compare_speeds(row: Row) -> Cells:
    ratio = row.ratio(IN_TREE, GRAFT)
    return {
        "in-tree, ms": row.median(IN_TREE),
        "graft, ms": row.median(GRAFT),
        "speed to in-tree": ratio,
        "in-tree to itself": row.ratio(IN_TREE, AGAIN),
        "reached": _is_reached(row, ratio, LEAST[row.section]),
    }


def _compare_with_aligned(row: Row) -> Cells:
    ratio = row.ratio(f"{GRAFT}, aligned", GRAFT)
    return {
        "in-tree aligned, ms": row.median(f"{IN_TREE}, aligned"),
        "in-tree odd, ms": row.median(IN_TREE),
        "graft aligned, ms": row.median(f"{GRAFT}, aligned"),
        "graft odd, ms": row.median(GRAFT),
        "in-tree, odd to aligned": row.ratio(f"{IN_TREE}, aligned", IN_TREE),
        "graft, odd to aligned": ratio,
        "aligned, graft to in-tree": row.ratio(f"{IN_TREE}, aligned", f"{GRAFT}, aligned"),
        "reached": _is_reached(row, ratio, LEAST[row.section]),
    }


def _compare_with_groups(row: Row) -> Cells:
    by_hand = [side for side in row.times if side.startswith(f"{IN_TREE}, groups")]
    best = min(by_hand, key=lambda side: statistics.median(row.times[side]), default="")
    ratio, to_natural = row.ratio(best, GRAFT), row.ratio(IN_TREE, GRAFT)
    cells: Cells = {
        f"{name}, TFLOP/s": to_tflops(int(row.size), row.median(side))
        for name, side in (("in-tree", IN_TREE), ("graft", GRAFT), ("best by hand", best))
    }
    reached = [_is_reached(row, ratio, LEAST[row.section]), _is_reached(row, to_natural, LEAST_OF_NATURAL)]
    return {
        **cells,
        "by hand": best.removeprefix(f"{IN_TREE}, "),
        "in-tree to by hand": row.ratio(best, IN_TREE),
        "speed to by hand": ratio,
        "speed to in-tree": to_natural,
        "in-tree to itself": row.ratio(IN_TREE, AGAIN),
        "reached": "NO" if "NO" in reached else reached[0],
    }


def _compare_compiling(row: Row) -> Cells:
    stages = sorted({side.partition(", ")[2] for side in row.times} - {""}, key=_STAGES.index)
    return {
        "in-tree, ms": row.median(IN_TREE),
        "graft, ms": row.median(GRAFT),
        "time to in-tree": row.ratio(GRAFT, IN_TREE),
        **{stage: row.ratio(f"{GRAFT}, {stage}", f"{IN_TREE}, {stage}") for stage in stages},
    }


_STAGES = ("ttir", "ttgir", "llir", "ptx", "cubin")

COLUMNS: dict[str, Callable[[Row], Cells]] = {
    "elementwise": _compare_with_aligned,
    "programs": _compare_with_groups,
    COMPILE: _compare_compiling,
}


def to_tflops(n: int, ms: float | None) -> float | None:
    """TFLOP/s of a product of matrices of *n* rows and columns that takes *ms*."""
    return None if ms is None else 2 * n**3 / ms / 1e9


def _is_reached(row: Row, ratio: float | None, least: float) -> str:
    """Whether *ratio* is *least* or more."""
    if ratio is None or row.errors:
        return "NO" if row.errors else ""
    return "yes" if ratio >= least else "NO"


def sum_up_compiling(rows: Iterable[Row]) -> str:
    """One line on all compilations together; empty if none was measured."""
    pairs = [(row.median(GRAFT), row.median(IN_TREE)) for row in rows if row.section == COMPILE and row.size]
    whole = [(graft, in_tree) for graft, in_tree in pairs if graft is not None and in_tree is not None]
    if not whole:
        return ""
    graft, in_tree = (sum(column) for column in zip(*whole, strict=True))
    reached = "" if graft / in_tree <= MOST_TO_COMPILE else ": NOT reached"
    return (
        f"all {len(whole)} compilations: graft to in-tree {graft / in_tree:.3f} ({graft / 1000:.1f} s to {in_tree / 1000:.1f} s), "
        f"at most {MOST_TO_COMPILE:.2f} wanted{reached}"
    )


# -- Text


def format_text(report: Report) -> str:
    """A table for each section, as Markdown, with what it has to be read with."""
    lines = [", ".join(f"{name} {value}" for name, value in report.facts.items())]
    for section in dict.fromkeys(row.section for row in report.rows):
        rows = [row for row in report.rows if row.section == section]
        title = SECTIONS[section].title if section in SECTIONS else f"Compiling for {report.target}: medians"
        lines += ["", f"## {title}", "", *format_table([_whole_row(row) for row in rows])]
    lines += ["", "Ratios of kernels are of speeds, so more is better; those of compilations are of times."]
    lines += describe_misses(report.rows)
    return "\n".join(lines)


def describe_misses(rows: list[Row]) -> list[str]:
    """A line for each thing that failed or is slower than wanted, and one on compile time."""
    lines = []
    for row in rows:
        name = f"{row.section}/{row.kernel}" + (f", {row.size}" if row.size else "")
        lines += [f"failed: {name}, {side}: {error}" for side, error in row.errors.items()]
        if not row.errors and row.cells().get("reached") == "NO":
            lines.append(f"slower than wanted: {name}: {row.brief()}")
    summary = sum_up_compiling(rows)
    return [*lines, *([summary] if summary else [])]


def _whole_row(row: Row) -> Cells:
    return {"kernel": row.kernel, "size": row.size, **row.cells()}


def format_table(rows: list[Cells]) -> list[str]:
    """The lines of a Markdown table whose columns are those of all *rows*, padded; what a row lacks is empty."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    body = [[_format(row.get(head)) for head in heads] for row in rows]
    is_number = [any(isinstance(row.get(head), float) for row in rows) for head in heads]
    widths = [max(len(line[i]) for line in [heads, *body]) for i in range(len(heads))]

    def line(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, is_number, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = ["-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, is_number, strict=True)]
    return [line(heads), line(rule), *map(line, body)]


def _format(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{0 if value >= 100 else 3 if value >= 0.1 else 4}f}" if isinstance(value, float) else str(value)


# -- The document


def to_document(report: Report) -> Document:
    """The whole report. Times are in ms per launch or compilation, for every round."""
    rows = [asdict(row) | {"figures": row.cells()} for row in report.rows]
    return documents.make("kernels", report.facts, report.options, {"target": report.target, "rows": rows})
