# SPDX-License-Identifier: MIT
"""Drawing: a sheet in pixels, the colours, and writing it so that the same drawing is the same bytes.

A sheet is to be shown as wide as it is, 700 pixels, where its letters have the size that they are given. Text stays text in SVG
files. It is set there in the reader's own sans-serif font; room is made for DejaVu Sans, which matplotlib brings along and which
is wider than most.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..errors import GraftError

try:
    import matplotlib
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle
except ModuleNotFoundError as error:
    raise GraftError(f"drawing needs matplotlib ({error}): pip install 'triton-graft[bench]'") from None

WIDTH = 700

#: Between what is drawn and the edge of the sheet.
MARGIN = 16


Point = tuple[float, float]


class Colours(NamedTuple):
    """The colours of a sheet. *ours* and *worse*, the only ones with a hue, are told apart by the colour-blind, too."""

    page: str
    ink: str
    muted: str
    #: Axes and grids.
    line: str
    ours: str
    #: Triton's, and those of others.
    theirs: str
    others: str
    #: Where ours is the worse one.
    worse: str
    #: Areas behind the ink.
    area: str
    our_area: str
    #: What lets a bar's own colour through.
    pale: str


LIGHT = Colours(
    "#ffffff", "#1f2328", "#57606a", "#d0d7de", "#0072b2", "#6e7781", "#b8c0c9", "#d55e00", "#f1f3f5", "#e3f1fa", "#ffffffa0"
)
DARK = Colours(
    "#0d1117", "#e6edf3", "#9aa4af", "#3d444d", "#56b4e9", "#9aa4af", "#58626e", "#e69f00", "#1b2129", "#12293a", "#0d1117a0"
)

#: How fonts are asked for by those that draw the files, and by those that read them.
_FONTS = {
    "'DejaVu Sans Mono'": "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
    "'DejaVu Sans'": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif",
}


class Letters(NamedTuple):
    """How a text is set; *size* in pixels."""

    size: float = 12
    colour: str = "ink"
    bold: bool = False
    mono: bool = False


PLAIN = Letters()
TITLE, HEADING = Letters(15, bold=True), Letters(12, bold=True)
QUIET, SMALL = Letters(11.5, "muted"), Letters(9.5, "muted")


class Sheet:
    """A drawing of *height* pixels. x runs to the right and y downwards; a text stands on its y."""

    width = WIDTH

    def __init__(self, height: float, dark: bool = False):
        self.colours = DARK if dark else LIGHT
        self.height = height
        # A pixel is a point, which is the unit of matplotlib's SVG files.
        self.figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        self._axes.set_axis_off()
        self._count = 0

    def text(self, x: float, y: float, text: str, letters: Letters = PLAIN, align: str = "left") -> None:
        """Writes a line. *align* is what x is of it: left, center or right."""
        font, ink = _font(letters), getattr(self.colours, letters.colour)
        drawn = self._axes.text(x, y, text, color=ink, ha=align, va="baseline", fontproperties=font, parse_math=False)
        self._put_on_top(drawn)

    def box(self, corner: Point, size: Point, fill: str, edge: str = "", radius: float = 0) -> None:
        """A rectangle whose *corner* is at the top left; without what has no colour."""
        ink = {"facecolor": fill, "edgecolor": edge}
        style = {name: getattr(self.colours, colour) if colour else "none" for name, colour in ink.items()}
        if radius:
            shape = f"round,pad=0,rounding_size={radius}"
            self._add_patch(FancyBboxPatch(corner, *size, boxstyle=shape, linewidth=1, **style))
        else:
            self._add_patch(Rectangle(corner, *size, linewidth=1 if edge else 0, **style))

    def line(self, points: Sequence[Point], colour: str = "line", width: float = 1, dashed: bool = False) -> None:
        """A line through *points*."""
        line = Line2D(*zip(*points, strict=True), color=getattr(self.colours, colour), linewidth=width)
        line.set(solid_capstyle="butt", dash_capstyle="butt", solid_joinstyle="round")
        if dashed:
            line.set_linestyle((0, (3, 2.5)))
        self._put_on_top(self._axes.add_line(line))

    def arrow(self, points: Sequence[Point], colour: str = "muted", dashed: bool = False) -> None:
        """A line through *points* with a head at the last, which it comes to straight."""
        (x0, y0), (x, y) = points[-2:]
        length = abs(x - x0) + abs(y - y0)
        dx, dy = (x - x0) / length, (y - y0) / length
        self.line([*points[:-1], (x - 5 * dx, y - 5 * dy)], colour, 1.2, dashed)
        head = [(x, y), (x - 7 * dx - 3.5 * dy, y - 7 * dy + 3.5 * dx), (x - 7 * dx + 3.5 * dy, y - 7 * dy - 3.5 * dx)]
        self._add_patch(Polygon(head, closed=True, facecolor=getattr(self.colours, colour), edgecolor="none"))

    def dot(self, x: float, y: float, radius: float, colour: str, hollow: bool = False) -> None:
        """A disc, or a ring."""
        ink = getattr(self.colours, colour)
        fill = "none" if hollow else ink
        self._add_patch(Circle((x, y), radius, facecolor=fill, edgecolor=ink, linewidth=1.2))

    def _add_patch(self, patch: Any) -> None:
        self._put_on_top(self._axes.add_patch(patch))

    def _put_on_top(self, drawn: Any) -> None:
        """What is drawn later covers what was drawn before."""
        self._count += 1
        drawn.set_zorder(self._count)

    def save(self, suffix: str) -> bytes:
        """The drawing as an image file of the kind *suffix*, such as .svg. An SVG has no background: the page shows through."""
        stream = io.BytesIO()
        settings = {"svg.fonttype": "none", "svg.hashsalt": "sheet", "pdf.fonttype": 42}
        undated = {".svg": {"Date": None, "Creator": None}, ".pdf": {"CreationDate": None}}.get(suffix, {"Software": None})
        page = "none" if suffix == ".svg" else self.colours.page
        with matplotlib.rc_context(settings):
            self.figure.savefig(stream, format=suffix[1:], dpi=144, facecolor=page, metadata=undated)
        return stream.getvalue() if suffix != ".svg" else _for_readers(stream.getvalue().decode()).encode()


def _for_readers(svg: str) -> str:
    """*svg* for who has other fonts."""
    return re.sub("|".join(_FONTS), lambda found: _FONTS[found[0]], svg)


def _font(letters: Letters) -> FontProperties:
    family = "DejaVu Sans Mono" if letters.mono else "DejaVu Sans"
    return FontProperties(family=family, size=letters.size, weight="bold" if letters.bold else "normal")


@functools.cache
def _renderer() -> Any:
    return RendererAgg(1, 1, 72)


@functools.cache
def width_of(text: str, letters: Letters = PLAIN) -> float:
    """How many pixels wide *text* is."""
    return _renderer().get_text_width_height_descent(text, _font(letters), ismath=False)[0]


def wrapped(text: str, width: float, letters: Letters = PLAIN) -> Iterator[str]:
    """The lines of *text*, none of which is wider than *width* if its words are not. A no-break space is no end of a word."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}".lstrip()
        if line and width_of(longer, letters) > width:
            yield line
            longer = word
        line = longer
    if line:
        yield line
