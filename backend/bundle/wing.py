# SPDX-License-Identifier: MIT
"""What bundles add to the core: traces, what cache entries say for them, and commands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..settings import PREFIX
from ..wings import Wing

_VARIABLES = {
    PREFIX + "TRACE": "a file to which each variant that is compiled or looked up is added, for `graft bundle build --trace`",
}


class Bundle(Wing):
    """The compiled kernels of a program in one file."""

    def driver_made(self, driver: Any) -> None:
        if os.environ.get(f"{PREFIX}TRACE"):
            from . import trace

            trace.start()

    def describe(self, source: Any, options: Any) -> Mapping[str, Any] | None:
        from . import variants

        return variants.described(source, options)

    def arguments(self, described: Any) -> Mapping[str, str] | None:
        from . import variants

        return variants.arguments(described)

    def commands(self) -> Mapping[str, Iterable[Any]]:
        from . import cli

        return {"Ship": (cli.bundle,)}


WING = Bundle(variables=_VARIABLES)
