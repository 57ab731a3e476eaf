# SPDX-License-Identifier: MIT
"""How commands print: what they say is a list of blocks, which are lines, facts under a heading, and tables.

On a terminal there are colours, long texts are wrapped between words, and digests have 12 digits. Elsewhere a program may read it, so each
fact and each row is a line of its own with all that it has, and columns are two spaces or more apart.

rich says what a terminal is: NO_COLOR, FORCE_COLOR, COLUMNS and TERM=dumb are what they are for other programs. A colour never says
alone what it says.
"""

from __future__ import annotations

import itertools
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rich import box
from rich import table as tables
from rich.console import Console
from rich.text import Text
from rich.theme import Theme

#: All colours of the command line. They can be read on light and on dark grounds.
STYLES = {"heading": "bold", "good": "green", "bad": "bold red", "notice": "bold magenta"}

#: A longer text is cut off in a table on a terminal.
_LONGEST = 160

_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


@dataclass(frozen=True)
class Line:
    """A sentence; without *text*, an empty line."""

    text: str = ""
    style: str = ""


@dataclass(frozen=True)
class Facts:
    """What is said of things by their names, under a *heading*. *style* is that of the heading."""

    heading: str
    facts: Mapping[str, str]
    style: str = "heading"


@dataclass(frozen=True)
class Table:
    """*columns* by their headings, those of *figures* on the right.

    Rows with the same cell in the first column belong together if they are *grouped*, and a terminal shows it once. Rows with the
    same cells in the first columns, as many as there are *heads*, have these in a line above them there.
    Columns that are *whole* are not wrapped. *styles* are those of cells, by what stands in them.
    """

    columns: Mapping[str, Sequence[str]]
    figures: Collection[str] = ()
    grouped: bool = False
    heads: int = 0
    whole: Collection[str] = ()
    styles: Mapping[str, str] = field(default_factory=dict)


Block = Line | Facts | Table


def show(blocks: Sequence[Block]) -> None:
    """Prints *blocks* as standard output wants them."""
    console = _console()
    if not console.is_terminal:
        sys.stdout.write(text(blocks) + "\n")
        return
    names = _widest_name(blocks)
    for block in blocks:
        for part in _rendered(block, names):
            console.print(part, width=width(), soft_wrap=isinstance(part, Text))


def text(blocks: Sequence[Block]) -> str:
    """*blocks* for programs, without a line break at the end."""
    names = _widest_name(blocks)
    return "\n".join(line.rstrip() for block in blocks for line in _plain(block, names))


def warn(message: str) -> None:
    """Prints a warning on standard error."""
    sys.stderr.write(f"Warning: {printable(message)}\n")


def is_terminal() -> bool:
    """Whether standard output is read by a person, and not by a program."""
    return _console().is_terminal


def width() -> int:
    """The columns of the terminal."""
    return max(40, shutil.get_terminal_size().columns)


def count(number: int, what: str) -> str:
    """So many of *what*: `2 kernels`."""
    return f"{number} {what}" if number == 1 else f"{number} {what[:-1]}ies" if what.endswith("y") else f"{number} {what}s"


def printable(text: str) -> str:
    """*text* with what a terminal would act on as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _console() -> Console:
    return Console(theme=Theme(STYLES), highlight=False, markup=False, emoji=False)


def _widest_name(blocks: Iterable[Block]) -> int:
    """The columns of the names of all facts, so that values stand below one another."""
    return max((len(printable(name)) for block in blocks if isinstance(block, Facts) for name in block.facts), default=0)


# -- For programs


def _plain(block: Block, names: int) -> Iterator[str]:
    if isinstance(block, Line):
        yield printable(block.text)
    elif isinstance(block, Facts):
        yield f"{printable(block.heading)}:"
        for name, value in block.facts.items():
            yield f"  {printable(name):{names}}  {printable(value)}"
    else:
        aligned = []
        for heading, column in block.columns.items():
            cells = [printable(cell) or "-" for cell in (heading, *column)]
            wide = max(map(len, cells))
            aligned.append([cell.rjust(wide) if heading in block.figures else cell.ljust(wide) for cell in cells])
        yield from map("  ".join, zip(*aligned, strict=True))


# -- For terminals


def _short(text: str) -> str:
    return _DIGEST.sub(r"\1", printable(text))


def _wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """*text* in lines of so many *columns*, indented. A word is never broken, so that it can be copied."""
    return textwrap.wrap(
        text, columns, initial_indent=indent, subsequent_indent=2 * indent, break_long_words=False, break_on_hyphens=False
    ) or [indent]


def _wrapped_line(line: Line) -> Iterator[Text]:
    text = line.text.lstrip()
    for part in _wrap(_short(text), width(), " " * (len(line.text) - len(text))):
        yield Text(part, line.style)


def _wrapped_facts(block: Facts, names: int) -> Iterator[Text]:
    yield Text(f"{_short(block.heading)}:", block.style)
    for name, value in block.facts.items():
        head, short = f"  {printable(name):{names}}  ", _short(value)
        lines = _wrap(short, width() - len(head))
        if max(map(len, lines)) > width() - len(head):  # a word that does not fit beside the name
            yield Text(head.rstrip())
            head, lines = " " * 4, _wrap(short, width() - 4)
        for line in lines:
            yield Text(head + line)
            head = " " * len(head)


def _rendered(block: Block, names: int) -> Iterator[Text | tables.Table]:
    if isinstance(block, Line):
        yield from _wrapped_line(block)
    elif isinstance(block, Facts):
        yield from _wrapped_facts(block, names)
    elif not block.heads:
        yield _rich_table(block)
    else:
        rows = zip(*block.columns.values(), strict=True)
        for number, (head, group) in enumerate(itertools.groupby(rows, key=lambda row: row[: block.heads])):
            columns = zip(block.columns, zip(*group, strict=True), strict=True)
            filled = {heading: column for heading, column in list(columns)[block.heads :] if any(column)}
            yield from [Text()] if number else []
            yield Text(_short(", ".join(head)), "heading")
            yield _rich_table(replace(block, columns=filled, heads=0))


def _rich_table(block: Table) -> tables.Table:
    made = tables.Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="heading", show_edge=False)
    for heading in block.columns:
        is_figure = heading in block.figures
        made.add_column(
            printable(heading),
            justify="right" if is_figure else "left",
            overflow="fold",
            no_wrap=is_figure or heading in block.whole,
        )
    before = None
    for first, *others in zip(*block.columns.values(), strict=True):
        is_new = first != before
        if block.grouped and is_new and before is not None:
            made.add_section()
        before = first
        cells = [first if is_new or not block.grouped else "", *others]
        made.add_row(*(Text(_cell(cell), block.styles.get(cell, "")) for cell in cells))
    return made


def _cell(text: str) -> str:
    return _short(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
