# SPDX-License-Identifier: MIT
"""The report of a kernel as one page of HTML: its source, what each stage made of it, line by line, and what each pass changed.

The page is made of kernel_page.html.jinja, .css and .js, and has all that it needs in itself. Needs Jinja and Pygments.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import itertools
import linecache
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2
import triton

from .. import __version__
from ..errors import GraftError, OptionError
from ..files import write_file
from . import differences, highlighting, kernel_report, locations, pass_changes, remarks
from .compiling import Compiled, Launch
from .highlighting import Piece
from .remarks import Place

#: The stages that are shown, and what they are called.
STAGES = {"ttir": "TTIR", "ttgir": "TTGIR", "llir": "LLVM IR", "ptx": "PTX"}

#: So many lines that are the same are shown around what differs.
_CONTEXT = 3

_TEMPLATE = "kernel_page.html.jinja"


def check_file(file: str) -> None:
    """Raises `OptionError` if no page can be written to *file*."""
    folder = os.path.dirname(file) or os.curdir
    if not file or (os.path.exists(file) and not os.path.isfile(file)):
        raise OptionError("--html", file, "the name of a file, new or to be replaced")
    if not os.path.isdir(folder):
        raise OptionError("--html", file, f"a file in a folder that exists; make {folder} first")


def write(file: str, page: str) -> None:
    """Writes *page* to *file*, whole or not at all. Raises `GraftError`."""
    try:
        write_file(file, page.encode(errors="backslashreplace"))  # names of files may be no text
    except OSError as error:
        raise GraftError(f"cannot write the page to {file}: {error.strerror}") from None


def render(report: kernel_report.Report, launch: Launch, compiled: Compiled) -> str:
    """The page about *report*, which is of what was *compiled* for *launch*."""
    stages = {name: locations.read(name, str(compiled.results[name])) for name in STAGES if name in compiled.results}
    source = _Source.of(launch, report.lines, [line for name in ("ttir", "ttgir") for line in stages.get(name, ())])
    here = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(here),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((here / f"kernel_page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return environment.get_template(_TEMPLATE).render(
        name=launch.function.__name__,
        report=report,
        options={name: value for name, value in report.options.items() if value not in (None, "")},
        blocks=source.blocks,
        elsewhere=source.elsewhere,
        stages=[_Stage.of(name, lines, source) for name, lines in stages.items()],
        changes=[_Change.of(change, source) for change in pass_changes.of_launch(launch, compiled)],
        style=style,
        script=script,
        allowed={"style": _digest(style), "script": _digest(script)},
        versions=f"triton-graft {__version__}, Triton {triton.__version__}",
    )


def _digest(content: str) -> str:
    """What a page's policy allows *content* by, and nothing else."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


# -- Source


class _Fact(NamedTuple):
    """What was said of a line: a *kind*, which is the width of an access or a word, and a text."""

    kind: str
    text: str


class _SourceLine(NamedTuple):
    id: str
    number: int
    pieces: list[Piece]
    #: How wide its accesses are, if it has any: full, part or scalar.
    width: str
    facts: list[_Fact]


class _Block(NamedTuple):
    """A function, its file, and whether that is the kernel's."""

    name: str
    file: str
    is_own: bool
    lines: list[_SourceLine]


class _Source(NamedTuple):
    """The functions that the kernel is made of, and what was said of lines that are in none of them."""

    blocks: list[_Block]
    elsewhere: list[tuple[str, list[_Fact]]]
    #: The marks of the lines that are shown.
    ids: dict[Place, str]
    own_file: str

    @classmethod
    def of(cls, launch: Launch, told: Sequence[kernel_report.Line], lines: Sequence[locations.Line]) -> _Source:
        """The functions that *lines* of MLIR come from. LLVM IR may name other lines, where it merged locations."""
        code = launch.function.fn.__code__
        own, kernel = code.co_filename, Place(code.co_filename, code.co_firstlineno)
        places = {place for line in lines for place in line.places}
        places |= {Place(line.file, line.number) for line in told}
        files = sorted({place.file for place in places} - {own})
        facts = {Place(line.file, line.number): line for line in told}
        blocks = []
        for index, file in enumerate([own, *files]):
            numbers = {place.line for place in {*places, kernel} if place.file == file}
            prefix = f"F{index}-" if index else "L"
            blocks += [_block(file, function, prefix, facts, file == own) for function in _functions(file, numbers)]
        blocks.sort(key=lambda block: (not block.is_own, block.name != launch.function.__name__))
        ids = {Place(block.file, line.number): line.id for block in blocks for line in block.lines}
        elsewhere = [
            (_place_text(place) or "without a line", _facts(line)) for place, line in facts.items() if place not in ids
        ]
        return cls(blocks, elsewhere, ids, own)

    def at(self, places: locations.Places) -> str:
        """The marks of *places*, from the inside out, as the page has them."""
        return " ".join(self.ids[place] for place in places if place in self.ids)

    def origin(self, places: locations.Places) -> str:
        """The number of the line in the kernel's file that *places* lead to: the innermost one."""
        return next((str(place.line) for place in places if place.file == self.own_file and place in self.ids), "")


def _functions(file: str, numbers: Iterable[int]) -> list[tuple[str, range]]:
    """The innermost functions of *file* around the lines *numbers*, with their names and lines, in order."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return []
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            known[range(start, (node.end_lineno or start) + 1)] = node.name
    found = {min((lines for lines in known if number in lines), key=len, default=None) for number in numbers}
    return sorted(((known[lines], lines) for lines in found if lines), key=lambda function: function[1].start)


def _block(
    file: str, function: tuple[str, range], prefix: str, told: Mapping[Place, kernel_report.Line], is_own: bool
) -> _Block:
    name, numbers = function
    pieces = highlighting.coloured("python", [line.rstrip("\n") for line in linecache.getlines(file)])
    lines = []
    for number in numbers:
        line = told.get(Place(file, number))
        width, facts = (_line_width(line), _facts(line)) if line else ("", [])
        lines.append(_SourceLine(f"{prefix}{number}", number, pieces[number - 1], width, facts))
    return _Block(name, file, is_own, lines)


def _place_text(place: Place) -> str:
    return f"{os.path.basename(place.file)}:{place.line}" if place.line else ""


def _width(access: remarks.Access) -> str:
    if access.elements >= access.most:
        return "full"
    return "scalar" if access.elements == 1 else "part"


def _line_width(line: kernel_report.Line) -> str:
    """The narrowest of the line's accesses, of each kind and type the widest: a pass may leave narrow ones for the last tile."""
    facts = [one.fact for one in line.accesses if isinstance(one.fact, remarks.Access)]
    widest: dict[tuple[str, str], remarks.Access] = {}
    for fact in sorted(facts, key=lambda fact: fact.elements):
        widest[fact.kind, fact.dtype] = fact
    widths = {_width(fact) for fact in widest.values()}
    return next((width for width in ("scalar", "part", "full") if width in widths), "")


def _facts(line: kernel_report.Line) -> list[_Fact]:
    """What was said of *line*."""

    def kind(fact: remarks.Fact) -> str:
        if isinstance(fact, remarks.Access):
            return _width(fact)
        return "layout" if isinstance(fact, remarks.Conversion) else "shared"

    counted = [*line.accesses, *line.conversions, *line.shared_memory]
    facts = [_Fact(kind(one.fact), f"{one.text} (x{one.count})" if one.count > 1 else one.text) for one in counted]
    return facts + [_Fact("pass", text) for text in line.passes]


# -- IR


class _StageLine(NamedTuple):
    number: int
    pieces: list[Piece]
    at: str
    origin: str


class _Stage(NamedTuple):
    name: str
    title: str
    lines: list[_StageLine]

    @classmethod
    def of(cls, name: str, lines: list[locations.Line], source: _Source) -> _Stage:
        coloured = highlighting.coloured(name, [line.text for line in lines])
        made = [
            _StageLine(number, pieces, source.at(line.places), source.origin(line.places))
            for number, (line, pieces) in enumerate(zip(lines, coloured, strict=True), 1)
        ]
        return cls(name, STAGES[name], made)


# -- Changes of passes


class _Said(NamedTuple):
    text: str
    at: str
    place: str


class _DiffRow(NamedTuple):
    """A line with its numbers before and after, and `-`, `+` or a space."""

    sign: str
    before: int | None
    after: int | None
    pieces: list[Piece]


class _Hunk(NamedTuple):
    rows: list[_DiffRow]
    is_folded: bool


class _Change(NamedTuple):
    name: str
    said: list[_Said]
    failure: str
    hunks: list[_Hunk]
    added: int
    removed: int

    @classmethod
    def of(cls, change: pass_changes.Change, source: _Source) -> _Change:
        rows = list(_diff_rows(change)) if change.before != change.after else []
        said = dict.fromkeys(
            _Said(one.text, source.at(one.places[:1]), _place_text(one.places[0]) if one.places else "") for one in change.said
        )
        signs = [row.sign for row in rows]
        hunks = _folded(rows) if set(signs) - {" "} else []
        return cls(change.name, list(said), change.failure, hunks, signs.count("+"), signs.count("-"))


def _diff_rows(change: pass_changes.Change) -> Iterator[_DiffRow]:
    texts = [[line.text for line in locations.read("ttir", text)] for text in (change.before, change.after)]
    before, after = (highlighting.coloured("ttir", lines) for lines in texts)
    for row in differences.compare(*texts):
        old, new = (None if number is None else number + 1 for number in row)
        if row.after is not None:
            yield _DiffRow("+" if old is None else " ", old, new, after[row.after])
        elif row.before is not None:
            yield _DiffRow("-", old, new, before[row.before])


def _folded(rows: Sequence[_DiffRow]) -> list[_Hunk]:
    """*rows* in hunks, of which those are folded that are far from what differs."""
    different = [index for index, row in enumerate(rows) if row.sign != " "]
    near = {other for index in different for other in range(index - _CONTEXT, index + _CONTEXT + 1)}
    groups = itertools.groupby(enumerate(rows), key=lambda numbered: numbered[0] not in near)
    return [_Hunk([row for _, row in group], is_folded) for is_folded, group in groups]
