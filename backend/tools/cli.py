# SPDX-License-Identifier: MIT
"""The command line: `graft`, or `python -m triton.backends.graft`. Needs click and rich.

A command is a function that reads its options, lets another module do the work and prints what that returns (`console`). To add one,
write the function in the `cli` or `commands` of its wing, with its imports inside, so that the other commands do not pay for them, and
name it where the wing lists its commands. Its docstring begins with a sentence that fits in the list of commands; its decorator gives
an example and says what the exit statuses mean (`usage.Command`).
"""

from __future__ import annotations

import click
import triton

from .. import __version__, console, wings
from ..usage import Group

#: One line each, with the command that it begins with.
_EXAMPLES = {
    "doctor": "graft doctor",
    "explain": 'graft explain kernels.py:add --target cuda:90 --args "*fp16, n=1000, BLOCK=64"',
    "bundle": "graft bundle build warmup.py:warmup --target cuda:90 -o kernels.graft",
}


class CommandLine(Group):
    """The commands of all wings that are there, listed under headings."""

    def __init__(self, **kwargs: object):
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.headings: dict[str, list[click.Command]] = {}

    def add_wing(self, wing: wings.Wing) -> None:
        """Adds the commands of *wing*."""
        for heading, commands in wing.commands().items():
            for command in commands:
                self.add_command(command)
                self.headings.setdefault(heading, []).append(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        longest = max(map(len, self.commands))
        for heading, commands in self.headings.items():
            with formatter.section(heading):
                rows = [(f"{command.name:{longest}}", command.get_short_help_str(console.width())) for command in commands]
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for name, example in _EXAMPLES.items():
                if name in self.commands:
                    formatter.write(f"  {example}\n")
        with formatter.section("Completion"):
            formatter.write('  eval "$(_GRAFT_COMPLETE=bash_source graft)"   # or zsh_source, fish_source\n')


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="graft", message=f"%(prog)s %(version)s, for Triton {triton.__version__}")
def graft() -> None:
    """Tools of triton-graft, an out-of-tree NVIDIA backend for Triton.

    `graft COMMAND --help` says more about a command, with an example and its exit statuses.
    """


for wing in wings.present().values():
    graft.add_wing(wing)
