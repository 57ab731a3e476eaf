# SPDX-License-Identifier: MIT
"""The command line: `graft`, or `python -m triton.backends.graft`. Needs click; rich makes the tables nicer.

A command is a function below that reads its options, lets another module do the work and prints what that returns. To add one,
write the function in the `cli` or `commands` of its wing, with its imports inside, so that the other commands do not pay for them, and
name it where the wing lists its commands. Errors of ours end as one line on standard error: exit status 2 for an `OptionError`, 1 for any other `GraftError`.
"""

from __future__ import annotations

from typing import Any

import click
import triton

from .. import __version__, wings
from ..errors import GraftError, OptionError


class Commands(click.Group):
    """A group of commands that may raise our errors."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OptionError as error:
            raise click.UsageError(str(error)) from None
        except GraftError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="graft", message=f"%(prog)s %(version)s, for Triton {triton.__version__}")
def graft() -> None:
    """Tools of triton-graft, an out-of-tree NVIDIA backend for Triton."""


for wing in wings.present().values():
    for command in wing.commands():
        graft.add_command(command)
