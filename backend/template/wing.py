# SPDX-License-Identifier: MIT
"""What the template adds to the core: commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..wings import Wing


class Template(Wing):
    """Projects of new backends, and parts of them."""

    def commands(self) -> Mapping[str, Iterable[Any]]:
        from . import cli

        return {"Write your own": (cli.new, cli.new_pass, cli.new_option, cli.update)}


WING = Template()
