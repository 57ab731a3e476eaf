# SPDX-License-Identifier: MIT
"""What the conformance tests add to the core: a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..wings import Wing


class Conformance(Wing):
    """Triton's own tests on any installed backend."""

    def commands(self) -> Mapping[str, Iterable[Any]]:
        from . import cli

        return {"Measure": (cli.conformance,)}


WING = Conformance()
