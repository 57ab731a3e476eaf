# SPDX-License-Identifier: MIT
"""What the guard adds to the core: stages in which our passes are left out where they fail, crash or do not pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..settings import Option
from ..wings import Wing
from . import skips

_OPTIONS = (
    Option(
        "skip_passes",
        "",
        skips.Terms(),
        "leave out passes, in one kernel or at single places",
    ),
)


class Guard(Wing):
    """No kernel is lost to a pass of ours, and none is worse for it."""

    def add_stages(self, backend: Any, stages: dict[str, Callable], options: Any, capability: int) -> None:
        from . import verdict

        judge = verdict.Judge(backend, stages, options, capability)
        stages.update(judge.stages())


WING = Guard(options=_OPTIONS)
