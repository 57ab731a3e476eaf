# SPDX-License-Identifier: MIT
"""What the launch benchmark found, as text, a rich table, Markdown, JSON and a plot."""

from __future__ import annotations

import io
import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import GraftError

#: Of the JSON file; raised when its structure changes.
SCHEMA = 1

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
    command: str
    facts: dict[str, str]
    options: dict[str, Any]
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
    lines = [", ".join(f"{name} {value}" for name, value in report.facts.items()), f"command: {report.command}"]
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


def format_json(report: Report) -> str:
    """The whole report, with a line break at the end. Times are in µs per launch."""
    results = [asdict(result) | {"median": result.median} for result in report.results]
    return json.dumps({"schema": SCHEMA, **asdict(report), "results": results}, indent=2, ensure_ascii=False) + "\n"


# -- Plot


def draw_plot(report: Report, suffix: str) -> bytes:
    """The ratios to the C loop as horizontal bars, a panel for each row, as an image file of the kind *suffix*.

    A line marks the target. Sides keep their colour from panel to panel, and the C loop is the line at 1.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    panels: dict[str, list[Result]] = {}
    for result in report.results:
        if result.ratio is not None and result.side != "c-loop":
            label = f"{result.row_label}, {result.tensors}" if result.tensors else result.row_label
            panels.setdefault(label, []).append(result)
    if not panels:
        raise GraftError("there is no ratio to the C loop to draw")
    sides = list(dict.fromkeys(result.side for results in panels.values() for result in results))
    colours = {side: colormaps["tab10"](i) for i, side in enumerate(sides)}
    bars = [len(results) for results in panels.values()]
    figure = Figure(figsize=(9, 0.8 + 0.28 * sum(bars) + 0.5 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[n + 0.6 for n in bars])[:, 0]
    for axis, (label, results) in zip(axes, panels.items(), strict=True):
        _draw_panel(axis, label, results, colours)
    widest = max(result.ratio or 0.0 for results in panels.values() for result in results)
    axes[-1].set_xlim(0, 1.12 * widest)
    axes[-1].set_xlabel("time per launch, as a multiple of a C loop over cuLaunchKernelEx (lower is better)", fontsize="small")
    figure.suptitle(report.title, fontsize="medium")
    stream = io.BytesIO()
    figure.savefig(stream, format=suffix.removeprefix("."), dpi=150)
    return stream.getvalue()


def _draw_panel(axis: Any, label: str, results: list[Result], colours: dict[str, Any]) -> None:
    """One row's bars, each with its ratio beside it."""
    axis.axvline(1.0, color="black", linewidth=0.8)
    for i, result in enumerate(results):
        ratio, target = result.ratio or 0.0, result.target_ratio or 0.0
        axis.barh(result.side_label, ratio, color=colours[result.side])
        if target:
            axis.plot([target] * 2, [i - 0.45, i + 0.45], color="black", linestyle=":", linewidth=1.6)
            label += f" (dotted: target {result.target})"
        place = {"textcoords": "offset points", "xytext": (4, 0), "va": "center", "fontsize": "small"}
        axis.annotate(f"{ratio:.2f}", (max(ratio, target), i), **place)
    axis.set_title(label, loc="left", fontsize="small")
    axis.tick_params(labelsize="small")
    axis.spines[["top", "right"]].set_visible(False)
    axis.invert_yaxis()
