# SPDX-License-Identifier: MIT
"""The plots of the benchmarks, each made of a document as it is read from its file.

A plot says below what it has to be read with: the machine, versions, the command. It tells sides apart by labels beside them.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..errors import GraftError
from .documents import Document
from .drawing import HEADING, MARGIN, PLAIN, QUIET, SMALL, TITLE, WIDTH, Letters, Sheet, width_of, wrapped
from .kernels_report import AGAIN, GRAFT, IN_TREE, Row, to_tflops
from .suite.sections import COMPILE, SECTIONS

_INNER = WIDTH - 2 * MARGIN

_TICK, _LABEL, _RANGE = Letters(10.5, "muted"), Letters(11), Letters(11, "muted")


def draw(document: Document, dark: bool = False) -> Sheet:
    """The plot of what a benchmark wrote. Raises `GraftError` if there is nothing in it to draw."""
    if document["benchmark"] not in _PLOTS or not (document.get("results") or document.get("rows")):
        raise _nothing()
    return _PLOTS[document["benchmark"]](document, dark)


def _nothing() -> GraftError:
    return GraftError("there is nothing in this report to draw")


# -- What is around a plot


class Around(NamedTuple):
    """The texts around a plot: above it what it is of and how it is read, below it what it has to be read with."""

    title: str
    reading: str
    small_print: Sequence[str]

    def sheet(self, height: float, dark: bool) -> tuple[Sheet, float]:
        """A sheet with room for *height* pixels between the texts, and where the room begins."""
        reading = list(wrapped(self.reading, _INNER, QUIET))
        small = [line for text in self.small_print for line in wrapped(text, _INNER, SMALL)]
        top = MARGIN + 18 + 16 * len(reading) + 14
        sheet = Sheet(top + height + 14 + 13 * len(small) + MARGIN / 2, dark)
        sheet.text(MARGIN, MARGIN + 13, self.title, TITLE)
        for i, line in enumerate(reading):
            sheet.text(MARGIN, MARGIN + 34 + 16 * i, line, QUIET)
        for i, line in enumerate(small):
            sheet.text(MARGIN, top + height + 22 + 13 * i, line, SMALL)
        return sheet, top


def describe(facts: Mapping[str, str], command: str, more: str = "") -> list[str]:
    """The small print of a plot."""
    named = [value if name in ("GPU", "CPU") else f"{name} {value}" for name, value in facts.items()]
    return [_joined(named), _joined(filter(None, (command, more)))]


def _joined(items: Iterable[str]) -> str:
    """*items* in a line that can be broken between them alone."""
    return "\u00a0· ".join(item.replace(" ", "\u00a0") for item in items)


def _around(document: Document, title: str, reading: str, rounds: Sequence[float], more: Iterable[str] = ()) -> Around:
    """What is around a plot of *document*, of whose figures one has these *rounds*."""
    medians = f"medians of {len(rounds)} rounds" if len(rounds) > 1 else ""
    return Around(title, reading, [*describe(document["facts"], document["command"], medians), *more])


# -- Bars


class Bar(NamedTuple):
    """A bar with *text* at its end. *part* of it is drawn paler."""

    label: str
    value: float
    text: str
    colour: str
    part: float = 0


class Panel(NamedTuple):
    """Bars under a heading."""

    heading: str
    bars: Sequence[Bar]


class Scale(NamedTuple):
    """Where bars begin, how many pixels 1 is, and how much room there is above a bar for its label, 0 if that is beside it."""

    left: float
    one: float
    above: float

    @property
    def pitch(self) -> float:
        return 19 + self.above + (3 if self.above else 0)


def _scale(bars: Sequence[Bar], has_mark: bool) -> Scale:
    labels = max(width_of(bar.label) for bar in bars)
    above = 16 if labels > 190 else 0
    left = MARGIN if above else MARGIN + labels + 10
    right = WIDTH - MARGIN - 8 - max(width_of(bar.text, HEADING) for bar in bars)
    return Scale(left, (right - left) / max(1.0 if has_mark else 0.0, *(bar.value for bar in bars)), above)


def draw_bars(panels: Sequence[Panel], around: Around, mark: str = "", dark: bool = False) -> Sheet:
    """Horizontal bars on one scale from 0 on, with a line at 1 if it has a name, *mark*. Long labels stand above their bars."""
    bars = [bar for panel in panels for bar in panel.bars]
    if not bars:
        raise _nothing()
    scale, head, gap = _scale(bars, bool(mark)), 24, 12
    room = 14 if mark else 0
    sheet, y = around.sheet(room - gap + sum(head + scale.pitch * len(panel.bars) + gap for panel in panels), dark)
    at_one = scale.left + scale.one
    if mark:
        sheet.text(at_one, y + 4, mark, _TICK, "center")
    y += room
    for panel in panels:
        sheet.text(MARGIN, y + 12, panel.heading, HEADING)
        y += head
        for bar in panel.bars:
            if mark:
                sheet.line([(at_one, y + scale.above - 3), (at_one, y + scale.above + 16)], "muted")
            _draw_bar(sheet, bar, scale, y, least=1 if mark else 0)
            y += scale.pitch
        y += gap
    return sheet


def _draw_bar(sheet: Sheet, bar: Bar, scale: Scale, y: float, least: float) -> None:
    """Draws *bar* with its text behind it and behind *least*."""
    if scale.above:
        indent = 7 * (len(bar.label) - len(bar.label.lstrip()))
        sheet.text(scale.left + indent, y + 10, bar.label.strip())
    else:
        sheet.text(scale.left - 10, y + 11, bar.label, align="right")
    y += scale.above
    sheet.box((scale.left, y), (scale.one * bar.value, 13), bar.colour)
    if bar.part:
        sheet.box((scale.left, y), (scale.one * bar.part, 13), "pale")
    sheet.text(scale.left + scale.one * max(bar.value, least) + 8, y + 11, bar.text, HEADING if bar.colour == "ours" else PLAIN)


def draw_launch(document: Document, dark: bool = False) -> Sheet:
    """What one launch costs, as multiples of a C loop over the driver's own call."""
    panels: dict[str, list[Bar]] = {}
    floors = [result["median"] for result in document["results"] if result["side"] == "c-loop"]
    for result in document["results"]:
        if result["ratio"] is not None and result["side"] != "c-loop":
            label = ", ".join(filter(None, (result["row_label"], result["tensors"])))
            colour = {"graft": "ours", "triton": "theirs"}.get(result["side"], "others")
            bar = Bar(result["side_label"], result["ratio"], f"{result['ratio']:.2f}", colour)
            panels.setdefault(label, []).append(bar)
    if not panels:
        raise GraftError("there is no ratio to the C loop to draw")
    reading = (
        f"Time on the host as a multiple of that of a C loop over cuLaunchKernelEx, {_range(floors)} µs; lower is better. "
        "Kernels are empty."
    )
    around = _around(document, document["title"], reading, document["results"][0]["rounds"])
    return draw_bars([Panel(label, bars) for label, bars in panels.items()], around, "C loop", dark)


def _range(values: Sequence[float]) -> str:
    low, high = (f"{value:.2f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def draw_startup(document: Document, dark: bool = False) -> Sheet:
    """How long a program takes to its first launches, and the files that it needs, as parts of Triton's."""
    rows = document["rows"]
    start = next((row for row in rows if row["whose"] == "start"), None)
    panels: dict[str, list[Bar]] = {}
    for row in rows:
        if row["whose"] != "start":
            text = f"{row['ratio']:.2f}  ({row['value']:,.0f} {row['unit']})"
            part = start["ratio"] if start and row["net"] is not None else 0
            bar = Bar(row["name"], row["ratio"], text, _colour_of(row["whose"], row["ratio"]), part)
            panels.setdefault("files" if row["unit"] == "KiB" else "time", []).append(bar)
    count = document["options"]["kernels"]
    if start is None:
        title, headings = "Building a bundle", {"time": f"{count} kernels"}
        reading = "Time as a part of that of one process that compiles for one target after the other; lower is better."
    else:
        title = "From the start of a process to its first launches"
        headings = {"time": f"Until the last of {count} kernels was launched", "files": f"The files of the {count} kernels"}
        reading = (
            "As parts of what Triton takes with a warm cache; lower is better. "
            f"Pale: what CUDA itself takes to start, {start['value']:,.0f} ms, the same for all."
        )
    named = [Panel(headings[name], bars) for name, bars in panels.items()]
    return draw_bars(named, _around(document, title, reading, rows[0]["rounds"]), "Triton", dark)


def draw_key(document: Document, dark: bool = False) -> Sheet:
    """What finding kernels in the cache costs, as parts of what it costs under Triton."""
    bars = []
    for row in document["rows"]:
        ours, theirs = (row["medians"][side] for side in ("graft", "triton"))
        text = f"{row['ratio']:.2f}  ({_ms(ours)} ms; Triton {_ms(theirs)} ms)"
        bars.append(Bar(row["name"], row["ratio"], text, _colour_of("graft", row["ratio"])))
    reading = "Time as a part of what Triton's own key and cache take for the same; lower is better."
    around = _around(document, "Finding kernels in the cache", reading, document["rows"][0]["times"]["graft"])
    return draw_bars([Panel(f"{document['options']['kernels']} kernels", bars)], around, "Triton", dark)


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _colour_of(whose: str, ratio: float) -> str:
    if whose == "graft":
        return "ours" if ratio <= 1 else "worse"
    return "theirs" if whose == "triton" else "others"


def draw_programs(document: Document, dark: bool = False) -> Sheet:
    """How fast matrix products are, by the order of their programs."""
    rows, panels = _rows(document), []
    for row in rows:
        natural = {IN_TREE: (f"natural order, {IN_TREE}", "theirs"), GRAFT: (f"natural order, {GRAFT}", "ours")}
        bars = []
        by_hand = {side: (f"{side.partition(', ')[2]} by hand, {IN_TREE}", "others") for side in row.times if "groups" in side}
        for side, (label, colour) in {**natural, **by_hand}.items():
            if (speed := to_tflops(int(row.size), row.median(side))) is not None:
                bars.append(Bar(label, speed, f"{speed:.0f}", colour))
        panels.append(Panel(f"{row.kernel}, {row.size} x {row.size} x {row.size}", bars))
    reading = "fp16, in TFLOP/s; higher is better. Programs in the natural order, and in groups of rows by hand."
    around = _around(document, "Matrix products by the order of their programs", reading, _rounds(rows))
    return draw_bars(panels, around, dark=dark)


# -- Dots


class Dots(NamedTuple):
    """Ratios on one line, those of *hollow* as rings."""

    label: str
    values: Sequence[float]
    hollow: Sequence[float] = ()

    @property
    def middle(self) -> float:
        return statistics.geometric_mean([*self.values, *self.hollow])


#: What is taken for noise in any case.
_NOISE = 0.01

#: By heading.
Groups = Mapping[str, Sequence[Dots]]


class Axis(NamedTuple):
    """A logarithmic axis for *values*, from *left* to *right*. Between *low* and *high* is what noise does to a ratio."""

    left: float
    right: float
    values: Sequence[float]
    low: float
    high: float
    #: Whether a larger ratio is the better one.
    is_speed: bool = True

    @property
    def ends(self) -> tuple[float, float]:
        return min(*self.values, 0.9) / 1.03, max(*self.values, 1.25) * 1.03

    def x(self, value: float) -> float:
        least, most = map(math.log, self.ends)
        return self.left + (self.right - self.left) * (math.log(value) - least) / (most - least)

    def colour(self, value: float) -> str:
        if self.low <= value <= self.high:
            return "others"
        return "ours" if (value > self.high) is self.is_speed else "worse"

    def ticks(self) -> list[float]:
        """Round numbers on the axis that have room beside one another, 1 among them."""
        found = [1.0]
        for value in (2.0, 0.5, 4, 1.5, 3, 8, 0.25, 16, 0.7, 1.25, 0.8, 6, 0.9, 1.1):
            inside = self.ends[0] <= value <= self.ends[1]
            if inside and all(abs(self.x(value) - self.x(other)) > 34 for other in found):
                found.append(value)
        return sorted(found)


def draw_dots(groups: Groups, around: Around, noise: Sequence[float] = (), is_speed: bool = True, dark: bool = False) -> Sheet:
    """A line of dots for each label, sorted within its group; a line at 1, and behind it a band as wide as *noise*.

    Beside each line is the range of its ratios.
    """
    every = [dots for group in groups.values() for dots in group]
    values = [value for dots in every for value in (*dots.values, *dots.hollow)]
    if not values:
        raise _nothing()
    left = MARGIN + max(width_of(dots.label, _LABEL) for dots in every) + 14
    right = WIDTH - MARGIN - 14 - max(width_of(_range_of(dots), _RANGE) for dots in every)
    axis = Axis(left, right, values, *_band(noise), is_speed)
    pitch, head = 16, 26
    sheet, y = around.sheet(12 + sum(head + pitch * len(group) for group in groups.values()), dark)
    for tick in axis.ticks():
        sheet.text(axis.x(tick), y + 3, f"{tick:g}", _TICK, "center")
    y += 12
    for heading, group in groups.items():
        sheet.text(MARGIN, y + 17, heading, HEADING)
        y += head
        _draw_grid(sheet, axis, y, y + pitch * len(group))
        for dots in sorted(group, key=lambda dots: dots.middle, reverse=is_speed):
            _draw_dots(sheet, dots, axis, y)
            y += pitch
    return sheet


def _draw_grid(sheet: Sheet, axis: Axis, top: float, bottom: float) -> None:
    sheet.box((axis.x(axis.low), top), (axis.x(axis.high) - axis.x(axis.low), bottom - top), "area")
    for tick in axis.ticks():
        sheet.line([(axis.x(tick), top), (axis.x(tick), bottom)], *(("muted", 1) if tick == 1 else ("line", 0.7)))


def _draw_dots(sheet: Sheet, dots: Dots, axis: Axis, y: float) -> None:
    sheet.text(axis.left - 14, y + 12, dots.label, _LABEL, "right")
    ends = [axis.x(value) for value in (*dots.values, *dots.hollow)]
    sheet.line([(min(ends), y + 8), (max(ends), y + 8)], "others")
    for hollow, values in ((False, dots.values), (True, dots.hollow)):
        for value in values:
            sheet.dot(axis.x(value), y + 8, 3.5, axis.colour(value), hollow)
    sheet.text(WIDTH - MARGIN, y + 12, _range_of(dots), _RANGE, "right")


def _range_of(dots: Dots) -> str:
    values = (*dots.values, *dots.hollow)
    low, high = (f"{value:.2f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _band(noise: Sequence[float]) -> tuple[float, float]:
    """From where to where the middle nine tenths of *noise* are, and what is less than `_NOISE` away from 1."""
    steps = statistics.quantiles(noise, n=20, method="inclusive") if len(noise) > 1 else [1.0]
    return min(1 / (1 + _NOISE), steps[0]), max(1 + _NOISE, steps[-1])


def draw_kernels(document: Document, dark: bool = False) -> Sheet:
    """How fast kernels are beside the in-tree driver; a report of one section in its own way."""
    sections = {row["section"] for row in document["rows"]}
    if sections == {"programs"}:
        return draw_programs(document, dark)
    if sections == {COMPILE}:
        return _draw_compiling(document, dark)
    rows = [row for row in _rows(document) if row.section != COMPILE]
    pairs = [(IN_TREE, GRAFT), (f"{IN_TREE}, aligned", f"{GRAFT}, aligned")]
    groups, failed = _group(rows, pairs, lambda section: SECTIONS[section].title)
    noise = [ratio for row in rows if (ratio := row.ratio(IN_TREE, AGAIN)) is not None]
    reading = (
        "Speed under graft divided by that under the in-tree driver, a dot for each size; more is better. "
        "Grey: as much as the in-tree driver differs from itself, or 1 %."
    )
    around = _around(document, "Kernels beside the in-tree driver", reading, _rounds(rows), failed)
    return draw_dots(groups, around, noise, dark=dark)


def _draw_compiling(document: Document, dark: bool) -> Sheet:
    rows = [row for row in _rows(document) if row.size]
    groups, failed = _group(rows, [(GRAFT, IN_TREE)], lambda section: f"Compiling for {document['target']}")
    reading = (
        "Time of triton.compile under graft divided by that under the in-tree driver, a dot for each variant; less is better."
    )
    return draw_dots(groups, _around(document, "Compile time", reading, _rounds(rows), failed), is_speed=False, dark=dark)


def _group(
    rows: Iterable[Row], pairs: Sequence[tuple[str, str]], title: Callable[[str], str]
) -> tuple[dict[str, list[Dots]], list[str]]:
    """The ratios between *pairs* of sides by section and kernel, and a line on what could not be measured."""
    found: dict[str, dict[str, list[float]]] = {}
    failed = []
    for row in rows:
        ratios = [ratio for pair in pairs if (ratio := row.ratio(*pair)) is not None]
        if ratios:
            found.setdefault(title(row.section), {}).setdefault(row.kernel, []).extend(ratios)
        if row.errors:
            failed.append(f"{row.kernel}, {row.size}")
    groups = {heading: [Dots(kernel, ratios) for kernel, ratios in kernels.items()] for heading, kernels in found.items()}
    return groups, [f"not measured: {'; '.join(failed)}"] if failed else []


def _rows(document: Document) -> list[Row]:
    names = [field.name for field in dataclasses.fields(Row)]
    return [Row(**{name: found[name] for name in names}) for found in document["rows"]]


def _rounds(rows: Sequence[Row]) -> Sequence[float]:
    """The rounds of one of the *rows*; none if nothing was measured."""
    return next((rounds for row in rows for rounds in row.times.values()), ())


_PLOTS: dict[str, Callable[[Document, bool], Sheet]] = {
    "launch": draw_launch,
    "kernels": draw_kernels,
    "startup": draw_startup,
    "key": draw_key,
}
