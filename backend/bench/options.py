# SPDX-License-Identifier: MIT
"""The options of the benchmarks, a table for each: its command line, with click or without, is made from it."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Collection
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from ..errors import GraftError, OptionError, did_you_mean
from .rows import ROWS
from .sides import SIDES

_TOGETHER = tuple(name for name, row in ROWS.items() if not row.alone)
_ALONE = tuple(name for name, row in ROWS.items() if row.alone)

#: More of anything would take days.
MAX_COUNT = 1_000_000

#: A device queues about 1024 launches.
MAX_BATCH = 1000

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


# -- Values


def parse_count(flag: str, text: str) -> int:
    """A number of rounds, kernels or launches."""
    if not text.isdecimal() or not text.strip("0"):
        raise OptionError(flag, text, "a positive integer")
    if len(text) > len(str(MAX_COUNT)) or int(text) > MAX_COUNT:
        raise OptionError(flag, text, f"at most {MAX_COUNT}")
    return int(text)


def parse_batch(flag: str, text: str) -> int:
    """A number of launches that the queue of a device can hold."""
    count = parse_count(flag, text)
    if count > MAX_BATCH:
        raise OptionError(flag, text, f"at most {MAX_BATCH}, as a device queues about 1024 launches")
    return count


def parse_entries(flag: str, text: str) -> int:
    """A number of cache entries of which half can be evicted."""
    count = parse_count(flag, text)
    if count < 2:
        raise OptionError(flag, text, "2 or more")
    return count


def parse_names(allowed: Collection[str]) -> Callable[[str, str], tuple[str, ...]]:
    """Reads names separated by commas; the result has the order of *allowed*."""

    def parse(flag: str, text: str) -> tuple[str, ...]:
        names = {name.strip() for name in text.split(",")}
        for name in sorted(names - set(allowed)):
            expected = f"one or more of {', '.join(allowed)}, separated by commas"
            raise OptionError(flag, text, expected + did_you_mean(name, allowed))
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
    if not Path(text).is_file() or b"stubReset" not in Path(text).read_bytes():
        raise OptionError(flag, text, "the file of a stub libcuda.so.1")
    return Path(text)


# -- Tables


def option(metavar: str, parse: Callable[[str, str], Any], help: str, is_many: bool = False) -> dict[str, Any]:
    """What the command line needs to know of a field that it gives as text, or as several texts if it *is_many*."""
    return {"metavar": metavar, "parse": parse, "help": help, "is_many": is_many}


def flag(help: str) -> dict[str, Any]:
    """The same of a field that it gives without a value."""
    return {"parse": None, "help": help, "is_many": False}


_JSON = option("FILE", parse_output, "Also write the times of every round, as JSON.")
_PLOT = option("FILE", parse_plot, "Also draw a plot; needs matplotlib.")

#: What does not change what is measured.
_BESIDE = ("json", "markdown", "plot", "list")

#: An option, a flag, and an option that may be given several times.
_NOT_GIVEN = (None, False, ())


@dataclass(frozen=True)
class Options:
    """What one run of a benchmark is to do. `json` and `plot` are files to write."""

    @classmethod
    def from_texts(cls, texts: dict[str, Any]) -> Self:
        """The options that a command line gives as texts. Raises `OptionError` for a value that is not allowed."""
        return cls(
            **{item.name: _parse(item, texts[item.name]) for item in fields(cls) if texts.get(item.name) not in _NOT_GIVEN}
        )

    def settings(self) -> dict[str, Any]:
        """What decides on the measurement, by name, as JSON can have it."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _BESIDE}
        return {name: value.name if isinstance(value, Path) else value for name, value in values.items()}

    def command(self, name: str) -> str:
        """The command line of the benchmark *name* that measures the same."""
        words = ["graft", "bench", name]
        for item in fields(self):
            value = self.settings().get(item.name)
            if value not in (None, item.default):
                words += _words(item, value)
        return shlex.join(words)


def _parse(item: Field, given: Any) -> Any:
    parse, name = item.metadata["parse"], f"--{item.name}"
    if parse is None:
        return True
    return tuple(parse(name, text) for text in given) if item.metadata["is_many"] else parse(name, given)


def _words(item: Field, value: Any) -> list[str]:
    """What a command line says so that `_parse` gives *value*."""
    name = f"--{item.name}"
    if item.metadata["parse"] is None:
        return [name]
    if item.metadata["is_many"]:
        return [word for text in value for word in (name, text)]
    return [name, ",".join(value) if isinstance(value, tuple) else str(value)]


@dataclass(frozen=True)
class LaunchOptions(Options):
    rounds: int = field(default=15, metadata=option("N", parse_count, "Measure so many rounds, and take medians; default 15."))
    launches: int = field(
        default=2000, metadata=option("N", parse_count, "Launches in each round, of each row and side; default 2000.")
    )
    batch: int = field(default=500, metadata=option("N", parse_batch, "Launches between two synchronisations; default 500."))
    rows: tuple[str, ...] = field(
        default=_TOGETHER,
        metadata=option(
            "NAME,...",
            parse_names(ROWS),
            f"Measure these rows. By default all of these: {', '.join(_TOGETHER)}. Only by name: {', '.join(_ALONE)}.",
        ),
    )
    side: tuple[str, ...] = field(
        default=tuple(SIDES),
        metadata=option(
            "NAME,...",
            parse_names(SIDES),
            f"Measure these sides, and always the C loop, to which all ratios are. By default all: {', '.join(SIDES)}.",
        ),
    )
    json: Path | None = field(default=None, metadata=_JSON)
    markdown: Path | None = field(default=None, metadata=option("FILE", parse_output, "Also write the table as Markdown."))
    plot: Path | None = field(default=None, metadata=_PLOT)
    stub: Path | None = field(
        default=None,
        metadata=option(
            "FILE", parse_stub, "Measure on the CPU alone, with this stub libcuda.so.1: Triton's own path and ours."
        ),
    )


@dataclass(frozen=True)
class KernelsOptions(Options):
    only: tuple[str, ...] = field(
        default=(),
        metadata=option("NAME", lambda _, text: text, "Measure this section or kernel only; may be repeated.", is_many=True),
    )
    rounds: int = field(default=30, metadata=option("N", parse_count, "Measure so many rounds, and take medians; default 30."))
    json: Path | None = field(default=None, metadata=_JSON)
    plot: Path | None = field(default=None, metadata=_PLOT)
    list: bool = field(default=False, metadata=flag("List the sections and kernels, and measure nothing."))


@dataclass(frozen=True)
class StartupOptions(Options):
    rounds: int = field(default=9, metadata=option("N", parse_count, "Processes for each way to start; default 9."))
    kernels: int = field(default=50, metadata=option("N", parse_count, "Kernels in the program; default 50."))
    build: bool = field(default=False, metadata=flag("Measure building the bundle instead, --rounds times; needs no device."))
    json: Path | None = field(default=None, metadata=_JSON)
    plot: Path | None = field(default=None, metadata=_PLOT)
    stub: Path | None = field(
        default=None, metadata=option("FILE", parse_stub, "Use this stub libcuda.so.1 instead of a CUDA device.")
    )


@dataclass(frozen=True)
class KeyOptions(Options):
    rounds: int = field(default=9, metadata=option("N", parse_count, "Processes for each side; default 9."))
    kernels: int = field(default=50, metadata=option("N", parse_count, "Kernels in the cache; default 50."))
    json: Path | None = field(default=None, metadata=_JSON)
    plot: Path | None = field(default=None, metadata=_PLOT)
    stub: Path | None = field(
        default=None, metadata=option("FILE", parse_stub, "Also measure launches, on the CPU with this stub libcuda.so.1.")
    )
    device: bool = field(default=False, metadata=flag("Also measure launches, on the CUDA device."))
    entries: int | None = field(
        default=None,
        metadata=option("N", parse_entries, "Measure a cache of N entries instead: writing one more, and evicting half."),
    )

    def __post_init__(self) -> None:
        for name in ("json", "plot"):
            path = getattr(self, name)
            if self.entries and path:
                raise OptionError(f"--{name}", str(path), "not to be given with --entries, which only prints")


# -- Without click


def run_command(
    name: str, table: type[Options], work: Callable[[Any], None], doc: str | None, arguments: list[str] | None
) -> int:
    """The command line of the benchmark *name* without click; *work* does what it says. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"bench {name}", description=(doc or "").partition("\n")[0], allow_abbrev=False)
    for item in fields(table):
        about: dict[str, Any] = {"help": item.metadata["help"], "action": "store_true"}
        if item.metadata["parse"]:
            about |= {"metavar": item.metadata["metavar"], "action": "append" if item.metadata["is_many"] else "store"}
        parser.add_argument(f"--{item.name}", **about)
    try:
        work(table.from_texts(vars(parser.parse_args(arguments))))
    except (GraftError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2 if isinstance(error, OptionError) else 1
    return 0
