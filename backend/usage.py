# SPDX-License-Identifier: MIT
"""What commands have in common: errors of ours end them in one line, and each help text ends with an example and the exit statuses.

Needs click, and neither Triton nor rich.
"""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from .errors import GraftError, OptionError


class Command(click.Command):
    """A command. Its *example* is one line, and *done* and *failed* say when the exit status is 0 and 1; it is 2 for wrong usage."""

    def __init__(
        self,
        *args: Any,
        example: str,
        done: str = "it is done",
        failed: str = "it cannot be done; a line on standard error says why",
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.example = example
        self.statuses = {0: done, 1: failed, 2: "wrong usage; a line on standard error says what is allowed"}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example"):
            formatter.write(f"  {self.example}\n")
        with formatter.section("Exit status"):
            formatter.write_dl([(str(status), meaning) for status, meaning in self.statuses.items()])


class Group(click.Group):
    """A group of such commands, which may raise our errors. Without a command it prints its help."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click ends such a process without a word
            raise
        except (GraftError, OSError) as error:
            kind = click.UsageError if isinstance(error, OptionError) else click.ClickException
            raise kind(str(error)) from None


class Target(click.ParamType):
    """A target such as cuda:90. A shell is told those that there are; whoever takes it says what is wrong with another."""

    name = "target"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from .settings import CAPABILITIES

        targets = (f"cuda:{capability}" for capability in CAPABILITIES)
        return [CompletionItem(target) for target in targets if target.startswith(incomplete)]


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
