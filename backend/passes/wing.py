# SPDX-License-Identifier: MIT
"""What our passes add to the core: steps of the TTIR stage, and the options that switch them on."""

from __future__ import annotations

from collections.abc import Iterable

from ..settings import Flag, Integer, Option
from ..steps import Step
from ..wings import Wing

_OPTIONS = (
    Option(
        "version_tiles",
        True,
        Flag(),
        "do without boundary masks where a whole tile, or a whole vector, is in bounds",
    ),
    Option(
        "swizzle_programs",
        "auto",
        Integer(0, 1024, "auto"),
        'walk the grid of a matrix product in groups of so many rows, `"auto"` to choose, 0 for not',
    ),
    Option(
        "version_tiles_max_ops",
        512,
        Integer(0, 65536),
        "the largest number of TTIR operations that `version_tiles` may duplicate in one place",
    ),
    Option(
        "exact_bits",
        False,
        Flag(),
        "`version_tiles` leaves alone what could change a bit of a result",
    ),
)


class Passes(Wing):
    """Kernels whose masks and order of programs cost little."""

    def steps(self) -> Iterable[Step]:
        from . import steps

        return steps.STEPS


WING = Passes(options=_OPTIONS)
