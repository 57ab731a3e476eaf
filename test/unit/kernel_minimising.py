# SPDX-License-Identifier: MIT
"""Makes a failing kernel small: fewer lines, smaller numbers, plainer options, for as long as it fails."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kernel_cases import Case

#: How often `minimise` may ask whether a case fails.
ATTEMPTS = 150


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _without_lines(case: Case) -> Iterator[Case]:
    """Each line left out, last first: alone, with what stands inside it, or with that moved out of it."""
    lines = case.lines
    for at in reversed(range(len(lines))):
        inside = list(itertools.takewhile(lambda line: _depth(line) > _depth(lines[at]), lines[at + 1 :]))  # noqa: B023
        after = lines[at + 1 + len(inside) :]
        yield case.replace(lines=(*lines[:at], *after))
        if inside:
            yield case.replace(lines=(*lines[:at], *(line[4:] for line in inside), *after))


def _smaller(number: int) -> list[int]:
    """Numbers to try for *number*, smallest first."""
    sign = -1 if number < 0 else 1
    tried = (0, sign, number // 2 if number > 0 else -(-number // 2), number - sign)
    return [other for other in dict.fromkeys(tried) if abs(other) < abs(number)]


def _plainer(case: Case) -> Iterator[Case]:
    """The case with smaller numbers, fewer programs, default options and aligned pointers, one at a time."""
    for axis, count in enumerate(case.grid):
        for fewer in filter(None, _smaller(count)):
            yield case.replace(grid=(*case.grid[:axis], fewer, *case.grid[axis + 1 :]))
    for name, value in case.numbers.items():
        for number in _smaller(value):
            yield case.replace(numbers={**case.numbers, name: number})
    for name, value in case.constants.items():
        if value >= 2:
            yield case.replace(constants={**case.constants, name: value // 2})
    for name in case.options:
        yield case.replace(options={other: value for other, value in case.options.items() if other != name})
    for name, buffer in case.buffers.items():
        if buffer.shift:
            yield case.replace(buffers={**case.buffers, name: buffer._replace(shift=0)})
    if case.unspecialised:
        yield case.replace(unspecialised=())


def _without_unused(case: Case) -> Case:
    """The case without the arguments that no line names."""
    words = set(re.findall(r"\w+", "\n".join(case.lines)))

    def used(arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in arguments.items() if name in words}

    buffers, numbers, constants = map(used, (case.buffers, case.numbers, case.constants))
    kept = tuple(name for name in case.unspecialised if name in words)
    return case.replace(buffers=buffers, numbers=numbers, constants=constants, unspecialised=kept)


def minimise(case: Case, fails: Callable[[Case], bool], attempts: int = ATTEMPTS) -> Case:
    """A small case for which *fails* is true, as it is for *case*."""
    left = attempts

    def first_failing(candidates: Iterator[Case]) -> Case | None:
        nonlocal left
        for candidate in candidates:
            if left == 0:
                return None
            left -= 1
            if fails(candidate):
                return candidate
        return None

    while (smaller := first_failing(itertools.chain(_without_lines(case), _plainer(case)))) is not None:
        case = smaller
    plain = _without_unused(case)
    return plain if plain != case and fails(plain) else case
