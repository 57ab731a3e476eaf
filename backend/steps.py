# SPDX-License-Identifier: MIT
"""The passes that change kernels, at the end of the TTIR stage: the core's own, and how those of the wings are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Kernel(NamedTuple):
    """What the options of a pass follow from: the kernel's options, the compute capability times ten, its size in operations, its TTIR."""

    options: Any
    capability: int
    size: int
    text: str


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


#: The passes of the core, which run behind those of the wings (`wings.steps`).
STEPS: tuple[Step, ...] = ()
