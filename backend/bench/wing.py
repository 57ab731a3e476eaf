# SPDX-License-Identifier: MIT
"""What the benchmarks add to the core: commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..wings import Wing


class Bench(Wing):
    """Measurements of launches, look-ups, starts and kernels."""

    def commands(self) -> Mapping[str, Iterable[Any]]:
        from . import cli

        return {"Measure": (cli.bench,)}


WING = Bench()
