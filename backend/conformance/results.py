# SPDX-License-Identifier: MIT
"""The file of a side: JSON lines, of which the first says what was run on what, and the others what came of each test.

A line is added as a test ends, so an interrupted run can go on. What stands in it:
- the header: the fields of `Header`;
- `{"collected": [...]}`: the ids of the tests that are to be run now, once they are known;
- a test: the fields of `Result`. A file of tests that could not be imported has a line of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import OptionError

#: What may come of a test.
OUTCOMES = ("passed", "failed", "error", "crashed", "timeout", "skipped", "xfailed", "xpassed")
#: Those that say that something is wrong.
WRONG = ("failed", "error", "crashed", "timeout")
#: What stands in the place of an outcome: the test was there and has none; it was not there.
NOT_RUN, NOT_THERE = "not run", "not there"


@dataclass(frozen=True)
class Header:
    """What was run, and on what."""

    driver: str
    target: str
    triton: str
    checkout: str
    tests: tuple[str, ...]
    keyword: str = ""
    arguments: tuple[str, ...] = ()
    format: str = "triton-conformance 1"

    @property
    def selection(self) -> tuple:
        """What says which tests were chosen."""
        return self.checkout, self.tests, self.keyword, self.arguments


@dataclass(frozen=True)
class Result:
    """What came of a test, and why.

    *drivers* has what was active in the place of the chosen driver: before it (the chosen one was then set again), during it, or after it.
    """

    id: str
    outcome: str
    seconds: float = 0.0
    message: str = ""
    drivers: dict[str, str] = field(default_factory=dict)


@dataclass
class Results:
    """All that a file says."""

    header: Header
    results: dict[str, Result]
    collected: set[str] | None = None

    @property
    def ids(self) -> set[str]:
        """The tests that there are."""
        return set(self.results) | (self.collected or set())

    @property
    def is_complete(self) -> bool:
        """Whether every test has an outcome."""
        return self.collected is not None and self.collected <= set(self.results)

    def outcome(self, test: str) -> str:
        """What came of *test*."""
        if test in self.results:
            return self.results[test].outcome
        return NOT_RUN if test in self.ids else NOT_THERE


class File:
    """A file of results that is added to: one of its own for each process that does."""

    def __init__(self, path: Path | str):
        self._stream = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the process runs

    def add(self, line: Any) -> None:
        """Adds *line*, which a reader sees at once: a header, a result, or a list of what was collected."""
        what = line if isinstance(line, dict) else asdict(line)
        self._stream.write(json.dumps(what) + "\n")
        self._stream.flush()

    def add_collected(self, ids: Iterable[str]) -> None:
        """Adds the ids of the tests that are to be run now."""
        self.add({"collected": list(ids)})


def begin(path: Path, header: Header) -> Results:
    """The results in the file *path*, which is made if it is not there. Raises `OptionError` if it is not of *header*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or not _whole(path):
        path.unlink(missing_ok=True)
        File(path).add(header)
    found = read(path, "--out", str(path.parent))
    os.truncate(path, len(_whole(path)))
    for one in fields(Header):
        before, now = getattr(found.header, one.name), getattr(header, one.name)
        if before != now:
            expected = f"a new folder, or one of a run with the same {one.name}: {path.name} has {_text(before)} and this is {_text(now)}"
            raise OptionError("--out", str(path.parent), expected)
    return found


class Reader:
    """Reads a file as it grows: *results* is what `update` found. Both raise `OSError` and, for a file that is none of ours, `ValueError`."""

    def __init__(self, path: Path):
        self._stream = open(path, "rb")  # noqa: SIM115 - open as long as it is read
        self._rest = b""
        header: dict[str, Any] = json.loads(self._stream.readline())
        if not isinstance(header, dict) or set(header) != {one.name for one in fields(Header)}:
            raise ValueError(header)
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in header.items()}
        self.results = Results(Header(**given), {})

    def update(self) -> Results:
        """The results, with those that came since it was called last."""
        *lines, self._rest = (self._rest + self._stream.read()).split(b"\n")  # the last may be half written
        for line in lines:
            _take(self.results, json.loads(line))
        return self.results


def read(path: Path, flag: str, given: str) -> Results:
    """The results in the file *path*. Raises `OptionError`, which blames *flag* and what was *given*, if it is none of ours."""
    expected = f"{path.name} to be a file of results that this command wrote"
    try:
        return Reader(path).update()
    except OSError as error:
        raise OptionError(flag, given, f"{expected} ({error.strerror})") from None
    except (ValueError, TypeError, AttributeError):
        raise OptionError(flag, given, expected) from None


def _take(found: Results, line: dict[str, Any]) -> None:
    if "collected" in line:
        found.collected = {*found.results, *line["collected"]}
        return
    result = Result(**line)
    if result.outcome not in OUTCOMES:
        raise ValueError(result.outcome)
    found.results[result.id] = result


def _whole(path: Path) -> bytes:
    """The lines of *path* that are whole: the last may be half written."""
    text = path.read_bytes()
    return text[: text.rfind(b"\n") + 1]


def _text(value: object) -> str:
    return " ".join(value) or "none" if isinstance(value, tuple) else str(value) or "none"
