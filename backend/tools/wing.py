# SPDX-License-Identifier: MIT
"""What the tools add to the core: commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..wings import Wing


class Tools(Wing):
    """The command line, and reports on kernels and passes."""

    def commands(self) -> Mapping[str, Iterable[Any]]:
        from . import commands

        return {"Look": (commands.doctor, commands.explain, commands.bisect)}


WING = Tools()
