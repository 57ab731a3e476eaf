# SPDX-License-Identifier: MIT
"""The report as Markdown, which is what people read, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from .comparing import Difference, Report
from .results import NOT_RUN, NOT_THERE, OUTCOMES

#: The longest message in a table, in characters.
_LONGEST = 160


def format_json(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(report.to_json(), indent=2) + "\n"


def format_markdown(report: Report) -> str:
    """The report as Markdown."""
    header = report.sides[-1].header
    chosen = " ".join(
        f"`{text}`" for text in (*header.tests, *(("-k", header.keyword) if header.keyword else ()), *header.arguments)
    )
    parts = [
        "# Triton's tests",
        f"{'Nothing differs that is not allowed' if report.is_conformant else _verdict(report)}.",
        f"Triton {header.triton}; checkout {header.checkout}; tests {chosen}.",
        *(f"Warning: {warning}." for warning in report.warnings),
        _sides(report),
        *_sections(report),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(report: Report) -> str:
    """What is wrong, in one sentence."""
    said = []
    if report.forbidden:
        said.append(f"{_count(len(report.forbidden), 'test')} differ{'s' if len(report.forbidden) == 1 else ''} and may not")
    if report.not_run:
        said.append(f"{_count(len(report.not_run), 'test')} {'was' if len(report.not_run) == 1 else 'were'} not run")
    if not report.sides[-1].counts["passed"]:
        said.append("no test passed")
    text = "; ".join(said)
    return text[0].upper() + text[1:]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _sides(report: Report) -> str:
    """The table of the sides: what they are, and how many tests came to what."""
    sides = report.sides
    strays = [sum(stray.side == side.name for stray in report.strays) for side in sides]
    counted = [name for name in (*OUTCOMES, NOT_RUN, NOT_THERE) if any(side.counts[name] for side in sides)]
    rows = [
        ("driver", *(f"`{side.header.driver}`" for side in sides)),
        ("target", *(side.header.target for side in sides)),
        *((name, *(str(side.counts[name]) for side in sides)) for name in counted),
        ("on another driver", *map(str, strays)),
    ]
    return _table(("", *(side.name for side in sides)), rows)


def _sections(report: Report) -> Iterable[str]:
    """A section for each kind of thing of which there is any."""
    if report.forbidden:
        yield from _section("What differs", _differing(report, "message", lambda one: one.message), report.forbidden)
    if report.allowed:
        yield from _section("What differs and may", _differing(report, "reason", lambda one: one.reason), report.allowed)
    if report.strays:
        columns = {
            "side": lambda one: one.side, "test": _code("test"), "outcome": lambda one: one.outcome, "driver": lambda one: one.drivers,
        }  # fmt: skip
        yield from _section("On another driver than the chosen one", columns, report.strays)
    if report.unused:
        columns = {"entry": _code("entry"), "reason": lambda one: one.reason, "": lambda one: one.why}
        yield from _section("Allowances that nothing needs", columns, report.unused)
    if report.not_run:
        yield from _section("Not run", {"test": lambda test: f"`{test}`"}, report.not_run)


_Columns = dict[str, Callable[..., str]]


def _differing(report: Report, last: str, text: Callable[[Difference], str]) -> _Columns:
    """The columns of differences. Without a baseline there is none of it."""
    columns: _Columns = {"test": _code("test"), "baseline": lambda one: one.baseline, "backend": lambda one: one.backend}
    if len(report.sides) == 1:
        del columns["baseline"]
    return {**columns, "driver": lambda one: one.drivers, last: text}


def _code(name: str) -> Callable[..., str]:
    return lambda one: f"`{getattr(one, name)}`"


def _section(title: str, columns: _Columns, things: Sequence[object]) -> Iterable[str]:
    yield f"## {title} ({len(things)})"
    yield _table(tuple(columns), [tuple(text(thing) for text in columns.values()) for thing in things])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *(list(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """*text* in one line that ends no cell; of a message its first line."""
    first = text.strip().partition("\n")[0]
    short = first if len(first) <= _LONGEST or first.startswith("`") else first[:_LONGEST] + "…"
    return short.replace("|", "\\|")
