# SPDX-License-Identifier: MIT
"""Our passes that change kernels: what switches each on, its options, and how large kernels may become."""

from __future__ import annotations

import functools
import math
import re

from ..steps import Kernel, Step, threads

#: What all passes together may add to a kernel: this share of its operations, or so many instructions if it is small. In Liger-Kernel,
#: those that took more had all registers in use, and up to 150 KB of code more.
_SHARE, _FLOOR = 0.25, 800
#: A kernel of a few operations may double whatever its tiles hold: x + y in tiles of 8192 has 14 of them and is what passes are for.
_FEW = 48

#: An operation that has results; the last type on its line is that of one, or as large.
_RESULT = re.compile(r"^ +%.* = .*", re.M)
_SHAPE = re.compile(r"tensor<((?:[0-9]+x)+)")


# The passes of one kernel ask one after the other.
@functools.lru_cache(maxsize=4)
def weigh(text: str, threads: int) -> int:
    """About how many instructions each of *threads* runs for the module *text*: one for each element of a result that it holds."""
    weight = 0
    for line in _RESULT.findall(text):
        shapes = _SHAPE.findall(line)
        weight += max(1, math.prod(map(int, shapes[-1].split("x")[:-1])) // threads) if shapes else 1
    return weight


def _copying(kernel: Kernel) -> dict[str, int]:
    """The options of every pass that copies code."""
    few = kernel.size if kernel.size <= _FEW else 0
    held = threads(kernel.options)
    added = max(_SHARE * kernel.size, _FLOOR * kernel.size / max(weigh(kernel.text, held), 1), few)
    return {"threads": held, "exact": kernel.options.exact_bits, "max_size": kernel.size + int(added)}


def _swizzling(kernel: Kernel) -> dict[str, int]:
    if kernel.options.swizzle_programs != "auto":
        return {"group": int(kernel.options.swizzle_programs)}
    from . import chips

    return chips.get_chip(kernel.capability)._asdict()


def _versioning(kernel: Kernel) -> dict[str, int]:
    return {**_copying(kernel), "max_ops": kernel.options.version_tiles_max_ops}


#: The pass that changes the order of programs, and copies nothing; and the one that joins what it copied, so that values of both
#: copies are alive.
ORDER, JOINING = "graft-swizzle-programs", "graft-version-tiles"

STEPS: tuple[Step, ...] = (
    Step(ORDER, "swizzle_programs", _swizzling),
    Step("graft-peel-loops", "version_tiles", _versioning),
    Step(JOINING, "version_tiles", _versioning),
    Step("graft-split-masks", "version_tiles", _copying),
)
