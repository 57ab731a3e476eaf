# SPDX-License-Identifier: MIT
"""How many registers a kernel is likely to need, by its TTIR alone."""

from __future__ import annotations

import itertools
import math
import re

_DEFINED = re.compile(r"^ +(%\w+)(?::[0-9]+)? = (\S+)(.*)")
_NAME = re.compile(r"%\w+")
_ELEMENTS = re.compile(r"tensor<((?:[0-9]+x)+)(?:!tt\.ptr<)?[a-z]+([0-9]+)")


def count_held(text: str, threads: int) -> float:
    """About how many registers each of *threads* needs for what the module *text* loads and makes of that, where they are most.

    Addresses and masks are not counted, and loops are looked at as if they ran once.
    """
    born: dict[str, tuple[int, float]] = {}
    last: dict[str, int] = {}
    for number, line in enumerate(text.splitlines()):
        defined = _DEFINED.match(line)
        used = [name for name in _NAME.findall(defined[3] if defined else line) if name in born]
        last.update(dict.fromkeys(used, number))
        if defined and (used or defined[2] in ("tt.load", "tt.dot")) and (types := _ELEMENTS.findall(defined[3])):
            shape, bits = types[-1]
            elements = max(1, math.prod(map(int, shape.split("x")[:-1])) // threads)
            born[defined[1]] = number, elements * int(bits) / 32
    changes: dict[int, float] = {}
    for name, end in last.items():
        start, registers = born[name]
        changes[start] = changes.get(start, 0) + registers
        changes[end] = changes.get(end, 0) - registers
    return max(itertools.accumulate(changes[number] for number in sorted(changes)), default=0)
