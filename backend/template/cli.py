# SPDX-License-Identifier: MIT
"""The commands `new`, `new-pass` and `new-option`. They need no Triton: `tools/new_backend.py` runs them from sources alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ..errors import OptionError


@click.command()
@click.argument("name")
@click.option(
    "--without",
    default="",
    metavar="WINGS",
    help="Leave out these wings, and those that stand on them: launch,cache,…, or all.",
)
@click.option(
    "--target",
    type=click.Choice(("cuda", "none")),
    default="cuda",
    show_default=True,
    help="CUDA devices, or a chip of another kind, which begins with a compiler and driver of its own.",
)
@click.option("--via", type=click.Choice(("ttir", "ttgir")), help="For --target none: the stage that its own follows; ttir.")
@click.option("--into", type=click.Path(path_type=Path), help="The folder to make; triton-NAME if it is not given.")
def new(name: str, without: str, target: str, via: Literal["ttir", "ttgir"] | None, into: Path | None) -> None:
    """Write the project of a new backend called NAME."""
    from . import copying, names, none, repository, writing

    given = names.parse_name(name)
    table = copying.wings(repository.sources())
    removed = copying.with_dependents(_wings(without, tuple(table)), table)
    folder = into or Path(f"triton-{given.kebab}")
    if target == "none":
        if without:
            raise OptionError("--without", without, "nothing with --target none, which has no wings")
        files, next_step = none.project(given, via or "ttir"), "`make build test` in it builds and tests it"
    else:
        if via:
            raise OptionError("--via", via, "nothing without --target none")
        files = copying.project(given, removed)
        kept = ", ".join(wing for wing in table if wing not in removed) or "none"
        next_step = f"wings: {kept}. `make run` in it builds it"
    writing.write(folder.absolute(), files, f"[Project] Begin, from triton-graft {repository.version()}")
    click.echo(f"{folder}: {len(files)} files; {next_step}.")


def _wings(text: str, there: tuple[str, ...]) -> frozenset[str]:
    named = frozenset(there if text == "all" else filter(None, text.split(",")))
    if unknown := sorted(named - set(there)):
        raise OptionError("--without", ",".join(unknown), f"some of {', '.join(there)}, joined by commas, or all")
    return named


@click.command("new-pass")
@click.argument("name")
def new_pass(name: str) -> None:
    """Add the pass NAME, such as double-to-add, to the project around this folder."""
    from . import parts

    root, names = parts.find_project(Path.cwd())
    changes = parts.Changes(root)
    parts.add_pass(changes, names, name)
    _say(changes.write())
    if not parts.write_pass_docs(root):
        click.echo("docs/passes.md is to be made anew: make docs")


@click.command("new-option")
@click.argument("name")
@click.option("--default", required=True, metavar="VALUE", help="true, false, or a number.")
@click.option("--help-text", default="to be described", metavar="TEXT", help="What it does, for the table of options.")
def new_option(name: str, default: str, help_text: str) -> None:
    """Add the kernel option NAME, such as double_to_add, to the project around this folder."""
    from . import parts

    root, _ = parts.find_project(Path.cwd())
    changes = parts.Changes(root)
    parts.add_option(changes, name, default, help_text)
    _say(changes.write())


def _say(paths: list[str]) -> None:
    for path in paths:
        click.echo(path)
