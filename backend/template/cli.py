# SPDX-License-Identifier: MIT
"""The commands `new`, `update`, `new-pass` and `new-option`. They need no Triton: `tools/new_backend.py` runs them from sources alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ..usage import Command


@click.command(cls=Command, example="graft new acme", done="the project was written")
@click.argument("name")
@click.option(
    "--without",
    multiple=True,
    metavar="WINGS",
    help="Leave out these wings, and those that need them: launch,cache,…, or all.",
)
@click.option(
    "--target",
    type=click.Choice(("cuda", "none")),
    default="cuda",
    show_default=True,
    help="cuda: CUDA devices. none: another chip, with a small compiler and driver to begin with.",
)
@click.option(
    "--via",
    type=click.Choice(("ttir", "ttgir")),
    help="For --target none: the stage after which your own begin.  [default: ttir]",
)
@click.option("--into", type=click.Path(path_type=Path), help="The folder to make.  [default: triton-NAME]")
def new(name: str, without: tuple[str, ...], target: str, via: Literal["ttir", "ttgir"] | None, into: Path | None) -> None:
    """Write the project of a new backend.

    NAME is the name of the backend. The project is a new folder with a git repository. Its first commit says how it was made.
    """
    from . import names, recipe, writing

    made = recipe.Recipe(names.parse_name(name).lower, recipe.joined(without), target, via or "")
    files = made.files()
    folder = into or Path(f"triton-{made.names.kebab}")
    writing.write(folder.absolute(), files, made.message("Begin, from"))
    if target == "none":
        next_step = "`make build test` in it builds and tests it"
    else:
        next_step = f"wings: {', '.join(made.kept) or 'none'}. `make run` in it builds it"
    click.echo(f"{folder}: {len(files)} files; {next_step}.")


@click.command(
    cls=Command,
    example="graft update",
    done="it was merged",
    failed="there are conflicts, which are listed; or nothing was merged, and standard error says why",
)
def update() -> None:
    """Merge into a project what changed in the template since.

    The project is the one around the current folder.
    """
    from . import parts, updating

    root, project = parts.find_project(Path.cwd())
    if conflicts := updating.update(root, project.lower):
        _say([f"conflict: {path}" for path in conflicts])
        raise click.exceptions.Exit(1)
    click.echo("merged; run `make test` to check the result")


@click.command("new-pass", cls=Command, example="graft new-pass double-to-add", done="the files that are listed were written")
@click.argument("name")
def new_pass(name: str) -> None:
    """Add a pass to a project.

    NAME is the name of the pass, such as double-to-add. The project is the one around the current folder.
    """
    from . import parts

    root, names = parts.find_project(Path.cwd())
    changes = parts.Changes(root)
    parts.add_pass(changes, names, name)
    _say(changes.write())
    if not parts.write_pass_docs(root):
        click.echo("run `make docs`: docs/passes.md is out of date")


@click.command(
    "new-option",
    cls=Command,
    example="graft new-option loud --default true",
    done="the files that are listed were written",
)
@click.argument("name")
@click.option("--default", required=True, metavar="VALUE", help="true, false, or a number.")
@click.option("--help-text", default="to be described", metavar="TEXT", help="What it does, for the table of options.")
def new_option(name: str, default: str, help_text: str) -> None:
    """Add a kernel option to a project.

    NAME is the name of the option, such as double_to_add. The project is the one around the current folder.
    """
    from . import parts

    root, _ = parts.find_project(Path.cwd())
    changes = parts.Changes(root)
    parts.add_option(changes, name, default, help_text)
    _say(changes.write())


def _say(paths: list[str]) -> None:
    for path in paths:
        click.echo(path)
