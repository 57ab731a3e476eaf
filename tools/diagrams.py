# SPDX-License-Identifier: MIT
"""Draws the diagrams of the docs: boxes on a grid with arrows between them (TOML), and who calls whom (Mermaid).

A file of boxes has a title and a `reading`, how many `columns` there are, and the `gap` between boxes in pixels, across and down:

    [box.passes]                                 its name, for arrows
    text = "our passes\\non TTIR"                 the first line is its heading, in backticks if it is code
    at = [0, 2]                                  the column and row of its first cell
    size = [2, 1]                                how many columns and rows it has; 1 and 1 if it is not given
    kind = "ours"                                ours, theirs, or plain, the default

    [[arrow]]
    path = ["passes", "verdict"]
    label = "changed"                            beside it
    dashed = true                                a way that is seldom taken
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from triton.backends.graft.bench.drawing import HEADING, MARGIN, WIDTH, Letters, Point, Sheet, width_of, wrapped
from triton.backends.graft.bench.plots import Around

_DETAIL, _LABEL = Letters(10.5), Letters(10.5, "muted")
_CODE, _CALL = Letters(11.5, bold=True, mono=True), Letters(10, mono=True)
_PADDING = 9
_INNER = WIDTH - 2 * MARGIN


def draw(path: Path, dark: bool = False) -> Sheet:
    """The diagram in the file *path*."""
    text = path.read_text()
    return draw_calls(text, dark) if path.suffix == ".mmd" else draw_boxes(tomllib.loads(text), dark)


# -- Boxes


class Line(NamedTuple):
    text: str
    letters: Letters
    height: float


class Box(NamedTuple):
    """A box where it is drawn."""

    left: float
    top: float
    right: float
    bottom: float
    kind: str
    lines: Sequence[Line]

    @property
    def middle(self) -> Point:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


class Grid(NamedTuple):
    """Where columns and rows begin, and how wide and high they are."""

    width: float
    tops: Sequence[float]
    heights: Sequence[float]
    gap: Point

    def place(self, about: Mapping[str, Any]) -> Box:
        (column, row), (wide, high) = about["at"], about.get("size", (1, 1))
        left = MARGIN + column * (self.width + self.gap[0])
        right = left + wide * self.width + (wide - 1) * self.gap[0]
        last = row + high - 1
        return Box(
            left, self.tops[row], right, self.tops[last] + self.heights[last], about.get("kind", "plain"), _lines(about, self)
        )


def _lines(about: Mapping[str, Any], grid: Grid) -> list[Line]:
    """The text of a box, wrapped."""
    wide = about.get("size", (1, 1))[0]
    room = wide * grid.width + (wide - 1) * grid.gap[0] - 2 * _PADDING
    heading, *rest = about["text"].split("\n")
    letters = _CODE if heading.startswith("`") else HEADING
    lines = [Line(line, letters, 16) for line in wrapped(heading.strip("`"), room, letters)]
    return lines + [Line(line, _DETAIL, 14) for text in rest for line in wrapped(text, room, _DETAIL)]


def _grid(document: Mapping[str, Any]) -> Grid:
    """The grid of *document*: rows are as high as the boxes in them need that are in no other."""
    across, down = document["gap"]
    columns, boxes = document["columns"], document["box"].values()
    rows = max(box["at"][1] + box.get("size", (1, 1))[1] for box in boxes)
    flat = Grid((_INNER - (columns - 1) * across) / columns, [0] * rows, [0] * rows, (across, down))
    heights = [0.0] * rows
    for box in boxes:
        if box.get("size", (1, 1))[1] == 1:
            needed = sum(line.height for line in _lines(box, flat)) + 2 * _PADDING - 2
            heights[box["at"][1]] = max(heights[box["at"][1]], needed)
    tops = [sum(heights[:row]) + row * down for row in range(rows)]
    return flat._replace(tops=tops, heights=heights)


def draw_boxes(document: Mapping[str, Any], dark: bool = False) -> Sheet:
    """The boxes and arrows of *document*."""
    grid = _grid(document)
    height = grid.tops[-1] + grid.heights[-1]
    sheet, top = Around(document["title"], document["reading"], ()).sheet(height, dark)
    grid = grid._replace(tops=[top + y for y in grid.tops])
    boxes = {name: grid.place(about) for name, about in document["box"].items()}
    for box in boxes.values():
        _draw_box(sheet, box)
    for arrow in document.get("arrow", ()):
        start, end = arrow["path"]
        _draw_arrow(sheet, boxes[start], boxes[end], arrow)
    return sheet


def _draw_box(sheet: Sheet, box: Box) -> None:
    fill, edge = {"ours": ("our_area", "ours"), "theirs": ("area", "theirs"), "plain": ("area", "line")}[box.kind]
    sheet.box((box.left, box.top), (box.right - box.left, box.bottom - box.top), fill, edge, radius=5)
    y = box.middle[1] - sum(line.height for line in box.lines) / 2
    for line in box.lines:
        y += line.height
        sheet.text(box.middle[0], y - 4, line.text, line.letters, "center")


def _draw_arrow(sheet: Sheet, start: Box, end: Box, arrow: Mapping[str, Any]) -> None:
    points = _points(start, end)
    sheet.arrow(points, dashed=arrow.get("dashed", False))
    label = arrow.get("label", "")
    (x0, y0), (x1, y1) = points[:2]
    if x0 == x1:
        sheet.text(x0 + 7, (y0 + y1) / 2 + 4, label, _LABEL)
    elif label:
        sheet.text((x0 + x1) / 2, y0 - 5, label, _LABEL, "center")


def _points(start: Box, end: Box) -> list[Point]:
    """From *start* to *end*: straight where they lie side by side or one above the other, else across and then up or down."""
    x = _shared(start.left, start.right, end.left, end.right)
    y = _shared(start.top, start.bottom, end.top, end.bottom)
    is_down, is_right = end.middle[1] > start.middle[1], end.middle[0] > start.middle[0]
    if x is not None:
        return [(x, start.bottom), (x, end.top)] if is_down else [(x, start.top), (x, end.bottom)]
    if y is not None:
        return [(start.right, y), (end.left, y)] if is_right else [(start.left, y), (end.right, y)]
    corner = (end.middle[0], start.middle[1])
    return [(start.right if is_right else start.left, corner[1]), corner, (corner[0], end.top if is_down else end.bottom)]


def _shared(low: float, high: float, other_low: float, other_high: float) -> float | None:
    """The middle of what two ranges share; None if that is nothing."""
    start, end = max(low, other_low), min(high, other_high)
    return (start + end) / 2 if end > start else None


# -- Calls


class Call(NamedTuple):
    """A line of a sequence diagram: a call of *end* by *start*, what happens at *start*, or the beginning or end of a part."""

    kind: str
    start: str = ""
    end: str = ""
    text: str = ""


_GRAMMAR = {
    "participant": r"participant (?P<start>\w+) as (?P<text>.+)",
    "call": r"(?P<start>\w+)->>(?P<end>\w+): (?P<text>.+)",
    "answer": r"(?P<start>\w+)-->>(?P<end>\w+): (?P<text>.+)",
    "note": r"Note over (?P<start>\w+): (?P<text>.+)",
    "opt": r"opt (?P<text>.+)",
    "end": r"end",
}


def parse_calls(text: str) -> list[Call]:
    """The lines of *text*, a sequence diagram in the part of Mermaid that is used here. Raises `ValueError` for another line."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == "sequenceDiagram" or line.startswith("%%"):
            continue
        matches = [(kind, re.fullmatch(pattern, line)) for kind, pattern in _GRAMMAR.items()]
        kind, match = next(((kind, match) for kind, match in matches if match), ("", None))
        if match is None:
            raise ValueError(f"{line!r}: expected participant, ->>, -->>, Note over, opt or end")
        found.append(Call(kind, **match.groupdict()))
    return found


#: How many pixels a line of each kind takes.
_CALL_HEIGHTS = {"participant": 0, "call": 25, "answer": 25, "note": 25, "opt": 32, "end": 9}


def draw_calls(text: str, dark: bool = False) -> Sheet:
    """The sequence diagram *text*, whose title and reading stand in its first comments."""
    title, reading = re.findall(r"^%% (.+)$", text, re.M)[:2]
    calls = parse_calls(text)
    names = {call.start: call.text for call in calls if call.kind == "participant"}
    height = 40 + sum(_CALL_HEIGHTS[call.kind] for call in calls) + 12
    sheet, top = Around(title, reading, ()).sheet(height, dark)
    xs = _lifelines(calls, names)
    y = top + 40
    parts = _parts(calls, y)
    for part in parts:
        sheet.box(part.corner, part.size, "" if part.depth else "area", "line", radius=4)
    for name, x in xs.items():
        sheet.line([(x, top + 26), (x, top + height)], "line")
        width = _head_width(names[name])
        sheet.box((x - width / 2, top), (width, 27), "area", "line", radius=5)
        sheet.text(x, top + 18, names[name], HEADING, "center")
    for part in parts:
        left, y_of_part = part.corner
        sheet.box((left + _PADDING - 3, y_of_part + 4), (width_of(part.text, _LABEL) + 6, 16), "area")
        sheet.text(left + _PADDING, y_of_part + 16, part.text, _LABEL)
    for call in calls:
        if call.kind in ("call", "answer"):
            _draw_call(sheet, call, xs, y + 20)
        elif call.kind == "note":
            _draw_note(sheet, call.text, xs[call.start], y)
        y += _CALL_HEIGHTS[call.kind]
    return sheet


def _head_width(text: str) -> float:
    return width_of(text, HEADING) + 2 * _PADDING


def _lifelines(calls: Sequence[Call], names: Mapping[str, str]) -> dict[str, float]:
    """Where the lines of *names* are, with room for what stands between neighbours: heads, and the texts that begin at a line."""
    order, widths = list(names), [_head_width(text) for text in names.values()]
    gaps = [(left + right) / 2 + 8 for left, right in itertools.pairwise(widths)]
    for call in calls:
        if call.kind in ("call", "answer"):
            place = min(order.index(call.start), order.index(call.end))
            gaps[place] = max(gaps[place], width_of(call.text, _CALL) + 16)
    more = (_INNER - (widths[0] + widths[-1]) / 2 - sum(gaps)) / len(gaps)
    starts = itertools.accumulate((gap + more for gap in gaps), initial=MARGIN + widths[0] / 2)
    return dict(zip(order, starts, strict=True))


def _draw_call(sheet: Sheet, call: Call, xs: Mapping[str, float], y: float) -> None:
    sheet.arrow([(xs[call.start], y), (xs[call.end], y)], dashed=call.kind == "answer")
    sheet.text(min(xs[call.start], xs[call.end]) + 8, y - 5, call.text, _CALL)


def _draw_note(sheet: Sheet, text: str, x: float, y: float) -> None:
    width = width_of(text, _DETAIL) + 2 * _PADDING
    sheet.box((x - width / 2, y + 2), (width, 20), "our_area", "line", radius=3)
    sheet.text(x, y + 16, text, _DETAIL, "center")


class Part(NamedTuple):
    """The frame around calls that are not always made, with their condition."""

    depth: int
    corner: Point
    size: Point
    text: str


def _parts(calls: Sequence[Call], y: float) -> list[Part]:
    """The frames around *calls*, which begin at *y*, the outer ones first."""
    opened: list[tuple[float, str]] = []
    found = []
    for call in calls:
        if call.kind == "opt":
            opened.append((y, call.text))
        y += _CALL_HEIGHTS[call.kind]
        if call.kind == "end":
            top, text = opened.pop()
            inset = 12 * len(opened)
            found.append(Part(len(opened), (MARGIN + inset, top + 6), (_INNER - 2 * inset, y - top - 8), text))
    return sorted(found)
