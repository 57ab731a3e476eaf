# SPDX-License-Identifier: MIT
"""What differs between two texts of MLIR, apart from numbers of values and from indentation.

A pass that adds one operation renumbers all values behind it, and one that puts code into a branch indents it. Neither is a
difference here: lines are matched without names and indentation, and are the same if their values are those that match.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_VALUE = re.compile(r"%[\w$.]+")
#: Where a value is defined: in front of an operation, or as an argument of a region or function.
_RESULTS = re.compile(r"\s*(%[^=]*?) = ")
_ARGUMENT = re.compile(r"(%[\w$.]+)(?: = %|: )")


class Row(NamedTuple):
    """A line that is there *before*, *after*, or in both texts, by its number from 0; None where it is not there."""

    before: int | None
    after: int | None


def compare(before: Sequence[str], after: Sequence[str]) -> list[Row]:
    """The rows of a comparison of two modules, in order: what is gone stands in front of what is new."""
    names: dict[str, str] = {}
    rows: list[Row] = []
    matcher = difflib.SequenceMatcher(None, [*map(_shape, before)], [*map(_shape, after)], autojunk=False)
    for tag, first, end, other_first, other_end in matcher.get_opcodes():
        old, new = range(first, end), range(other_first, other_end)
        if tag == "equal":
            rows += _matched(before, after, zip(old, new, strict=True), names)
        else:
            rows += [Row(number, None) for number in old] + [Row(None, number) for number in new]
    return rows


def _shape(line: str) -> str:
    return _VALUE.sub("%", line).strip()


def _matched(
    before: Sequence[str], after: Sequence[str], pairs: Iterator[tuple[int, int]], names: dict[str, str]
) -> Iterator[Row]:
    """The rows of lines that match but for values. *names* has those after for those before, as far as they are defined by now."""
    for old, new in pairs:
        values = [*zip(_VALUE.findall(before[old]), _VALUE.findall(after[new]), strict=True)]
        defined = _defined(before[old])
        names |= {one: other for one, other in values if one in defined}
        if all(names.get(one, one) == other for one, other in values):
            yield Row(old, new)
        else:
            yield from (Row(old, None), Row(None, new))


def _defined(line: str) -> set[str]:
    """The values that *line* defines."""
    results = _RESULTS.match(line)
    return {*(_VALUE.findall(results[1]) if results else ()), *_ARGUMENT.findall(line)}
