# SPDX-License-Identifier: MIT
"""What the launch benchmark found, as text, a rich table, Markdown and a document."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from . import documents
from .documents import Document
from .options import LaunchOptions

#: Columns of figures, which are aligned on the right.
NUMERIC = ("µs", "to C loop")


@dataclass(frozen=True)
class Result:
    """One side of one row. *rounds* has the µs per launch in each round, and *ratio* is the median of the rounds' ratios."""

    row: str
    row_label: str
    side: str
    side_label: str
    tensors: str
    rounds: tuple[float, ...]
    ratio: float | None = None
    target: str = ""
    """In words; empty if there is none."""
    target_ratio: float | None = None
    """Where the target is among the ratios, if there is one and it can be told."""
    met: bool | None = None

    @property
    def median(self) -> float:
        """µs per launch."""
        return statistics.median(self.rounds)


@dataclass(frozen=True)
class Skipped:
    """A side that was not measured in some rows, and why."""

    side_label: str
    reason: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    title: str
    facts: dict[str, str]
    options: LaunchOptions
    results: list[Result]
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


# -- Text


def make_columns(report: Report) -> dict[str, list[str]]:
    """The table, column by column, without those that are empty. What names a row stands in its first line only."""
    columns: dict[str, list[str]] = {}
    before = ("", "")
    for result in report.results:
        here = (result.row_label, result.tensors)
        cells = {
            "row": here[0] if here != before else "",
            "tensors": here[1] if here != before else "",
            "side": result.side_label,
            "µs": f"{result.median:.2f}",
            "to C loop": f"{result.ratio:.2f}" if result.ratio is not None else "",
            "target": result.target,
            "met": {True: "yes", False: "NO", None: ""}[result.met],
        }
        for heading, text in cells.items():
            columns.setdefault(heading, []).append(text)
        before = here
    return {heading: column for heading, column in columns.items() if any(column)}


def format_facts(report: Report) -> list[str]:
    """The lines below the table: what a figure has to be read with, what was not measured, and what else there is to say."""
    lines = [
        ", ".join(f"{name} {value}" for name, value in report.facts.items()),
        f"command: {report.options.command('launch')}",
    ]
    for skip in report.skipped:
        lines.append(f"not measured: {skip.side_label} ({', '.join(skip.rows)}): {skip.reason}")
    return lines + report.notes


def format_text(report: Report) -> str:
    """The report for a terminal or a file, without a line break at the end."""
    padded = []
    for heading, column in make_columns(report).items():
        width = max(map(len, [heading, *column]))
        padded.append([text.rjust(width) if heading in NUMERIC else text.ljust(width) for text in [heading, *column]])
    lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    return "\n".join([report.title, "", *lines, "", *format_facts(report)])


def format_rich(report: Report) -> Any:
    """The table as a renderable for rich."""
    from rich.table import Table
    from rich.text import Text

    columns = make_columns(report)
    table = Table(title=report.title, title_justify="left")
    for heading in columns:
        table.add_column(heading, justify="right" if heading in NUMERIC else "left")
    for cells in zip(*columns.values(), strict=True):
        if cells[0] and table.row_count:
            table.add_section()
        table.add_row(*(Text(cell, {"yes": "green", "NO": "bold red"}.get(cell, "")) for cell in cells))
    return table


def format_markdown(report: Report) -> str:
    """The report as Markdown, with a line break at the end."""
    columns = make_columns(report)
    rule = ["---:" if heading in NUMERIC else "---" for heading in columns]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [list(columns), rule, *zip(*columns.values(), strict=True)])
    facts = "\n".join(f"- {line}" for line in format_facts(report))
    return f"{report.title}\n\n{table}\n\n{facts}\n"


def to_document(report: Report) -> Document:
    """The whole report. Times are in µs per launch."""
    body = {
        "title": report.title,
        "results": [asdict(result) | {"median": result.median} for result in report.results],
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "notes": report.notes,
    }
    return documents.make("launch", report.facts, report.options, body)
