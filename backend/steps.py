# SPDX-License-Identifier: MIT
"""The table of our passes that change kernels: what switches each on, its options, and how large kernels may become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

#: What all passes together may add to a kernel: this share of its operations, or so many instructions if it is small. In Liger-Kernel,
#: those that took more had all registers in use, and up to 150 KB of code more.
_SHARE, _FLOOR = 0.25, 800
#: A kernel of a few operations may double whatever its tiles hold: x + y in tiles of 8192 has 14 of them and is what passes are for.
_FEW = 48


class Kernel(NamedTuple):
    """What the options of a pass follow from: the kernel's options, the compute capability times ten, and its size in operations.

    *weight* is its size in instructions of a thread, as `weigh` estimates it.
    """

    options: Any
    capability: int
    size: int
    weight: int

    @property
    def copying(self) -> dict[str, int]:
        """The options of every pass that copies code."""
        few = self.size if self.size <= _FEW else 0
        added = max(_SHARE * self.size, _FLOOR * self.size / max(self.weight, 1), few)
        return {"threads": threads(self.options), "exact": self.options.exact_bits, "max_size": self.size + int(added)}


class Step(NamedTuple):
    """A pass of ours, the kernel's option that switches it on, and the options of its own."""

    name: str
    switch: str
    options: Callable[[Kernel], dict[str, int]]

    def is_on(self, options: Any) -> bool:
        return bool(getattr(options, self.switch))


def threads(options: Any) -> int:
    """The threads of a CTA."""
    return 32 * options.num_warps * options.num_ctas


def _swizzling(kernel: Kernel) -> dict[str, int]:
    if kernel.options.swizzle_programs != "auto":
        return {"group": int(kernel.options.swizzle_programs)}
    from . import chips

    return chips.get_chip(kernel.capability)._asdict()


def _versioning(kernel: Kernel) -> dict[str, int]:
    return {**kernel.copying, "max_ops": kernel.options.version_tiles_max_ops}


#: The pass that changes the order of programs, and copies nothing; and the one that joins what it copied, so that values of both
#: copies are alive.
ORDER, JOINING = "graft-swizzle-programs", "graft-version-tiles"

#: The passes, in the order in which they run at the end of the TTIR stage.
STEPS: tuple[Step, ...] = (
    Step(ORDER, "swizzle_programs", _swizzling),
    Step("graft-peel-loops", "version_tiles", _versioning),
    Step(JOINING, "version_tiles", _versioning),
    Step("graft-split-masks", "version_tiles", lambda kernel: kernel.copying),
)


def chosen(options: Any) -> tuple[Step, ...]:
    """The passes that run with *options*."""
    return tuple(step for step in STEPS if step.is_on(options))
