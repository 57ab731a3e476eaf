# SPDX-License-Identifier: MIT
"""The options of `bench launch`, in one table: the command line, with click or without, is made from it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import GraftError, OptionError
from .rows import ROWS
from .sides import SIDES

_TOGETHER = tuple(name for name, row in ROWS.items() if not row.alone)
_ALONE = tuple(name for name, row in ROWS.items() if row.alone)

#: A device queues about 1024 launches.
MAX_BATCH = 1000

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


def parse_count(flag: str, text: str) -> int:
    """A number of rounds or launches."""
    if not text.isdecimal() or int(text) == 0:
        raise OptionError(flag, text, "a positive integer")
    return int(text)


def parse_batch(flag: str, text: str) -> int:
    """A number of launches that the queue of a device can hold."""
    count = parse_count(flag, text)
    if count > MAX_BATCH:
        raise OptionError(flag, text, f"at most {MAX_BATCH}, as a device queues about 1024 launches")
    return count


def parse_names(allowed: Collection[str]) -> Callable[[str, str], tuple[str, ...]]:
    """Reads names separated by commas; the result has the order of *allowed*."""

    def parse(flag: str, text: str) -> tuple[str, ...]:
        names = {name.strip() for name in text.split(",")}
        if not names <= set(allowed):
            raise OptionError(flag, text, f"one or more of {', '.join(allowed)}, separated by commas")
        return tuple(name for name in allowed if name in names)

    return parse


def parse_output(flag: str, text: str) -> Path:
    """A file to write: better now than after the measurement that it cannot be."""
    path = Path(text)
    if not path.parent.is_dir() or path.is_dir():
        raise OptionError(flag, text, "a file in a folder that exists")
    return path


def parse_plot(flag: str, text: str) -> Path:
    """A file for matplotlib to write."""
    path = parse_output(flag, text)
    if importlib.util.find_spec("matplotlib") is None:
        raise GraftError(f"{flag} {text}: this needs matplotlib: pip install 'triton-graft[bench]'")
    if path.suffix not in PLOT_SUFFIXES:
        raise OptionError(flag, text, f"a file that ends in {', '.join(PLOT_SUFFIXES)}")
    return path


def parse_stub(flag: str, text: str) -> Path:
    """The stub library."""
    if not Path(text).is_file():
        raise OptionError(flag, text, "the file of a stub libcuda.so.1")
    return Path(text)


def option(metavar: str, parse: Callable[[str, str], Any], help: str) -> dict[str, Any]:
    """What the command line needs to know of a field."""
    return {"metavar": metavar, "parse": parse, "help": help}


@dataclass(frozen=True)
class Options:
    """What one run of the launch benchmark is to do."""

    rounds: int = field(default=15, metadata=option("N", parse_count, "rounds, of which medians are taken; default 15"))
    launches: int = field(default=2000, metadata=option("N", parse_count, "launches a round, row and side; default 2000"))
    batch: int = field(default=500, metadata=option("N", parse_batch, "launches between two synchronisations; default 500"))
    rows: tuple[str, ...] = field(
        default=_TOGETHER,
        metadata=option(
            "NAME,...",
            parse_names(ROWS),
            f"rows to measure; default all: {', '.join(_TOGETHER)}; by name alone: {', '.join(_ALONE)}",
        ),
    )
    side: tuple[str, ...] = field(
        default=tuple(SIDES),
        metadata=option(
            "NAME,...",
            parse_names(SIDES),
            f"sides to measure besides the C loop, to which all ratios are; default all: {', '.join(SIDES)}",
        ),
    )
    json: Path | None = field(default=None, metadata=option("FILE", parse_output, "also write every round's figures"))
    markdown: Path | None = field(default=None, metadata=option("FILE", parse_output, "also write the table as Markdown"))
    plot: Path | None = field(default=None, metadata=option("FILE", parse_plot, "also draw the ratios (needs matplotlib)"))
    stub: Path | None = field(
        default=None,
        metadata=option(
            "FILE", parse_stub, "measure on the CPU alone, with this stub libcuda.so.1: Triton's own path and ours"
        ),
    )

    @classmethod
    def from_texts(cls, texts: dict[str, str | None]) -> Options:
        """The options that a command line gives as texts. Raises `OptionError` for a value that is not allowed."""
        given = {name: text for name, text in texts.items() if text is not None}
        return cls(**{f.name: f.metadata["parse"](f"--{f.name}", given[f.name]) for f in fields(cls) if f.name in given})
