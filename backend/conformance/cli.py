# SPDX-License-Identifier: MIT
"""The command `graft conformance`. Needs click."""

from __future__ import annotations

import os
from typing import Any

import click

from .. import interrupts
from ..settings import NAME
from ..usage import Command, json_option

_WORKERS = min(8, os.cpu_count() or 1)


@click.command(
    cls=Command,
    example="graft conformance triton --tests python/test/unit",
    done="all tests were run, at least one passed, and nothing differs but what may",
    failed="something differs, was not run, or cannot be run",
)
@click.argument("checkout")
@click.argument("arguments", metavar="[-- PYTEST-ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--backend", metavar="NAME", default="", help=f"The installed backend to test.  [default: {NAME}]")
@click.option("--driver", metavar="MODULE:ATTR", default="", help="Test the driver that this function returns instead.")
@click.option("--baseline", metavar="FILE", default="", help="Compare with these results, a .jsonl file of another run.")
@click.option(
    "--baseline-driver", metavar="MODULE:ATTR", default="", help="Compare with the driver that this function returns."
)
@click.option("--interpreter", is_flag=True, help="Compare with Triton's interpreter, which needs no device.")
@click.option("--no-baseline", is_flag=True, help="Compare with nothing, and list what fails.")
@click.option(
    "--tests",
    metavar="PATH",
    multiple=True,
    help="Run these tests: a path in the checkout, or path::name.  [default: python/test]",
)
@click.option("-k", "keyword", metavar="EXPR", default="", help="Run only the tests that EXPR selects, as with pytest.")
@click.option("--workers", type=click.IntRange(min=1), default=_WORKERS, show_default=True, help="Run so many tests at once.")
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=600.0, show_default=True,
    help="Stop a test that takes longer.",
)  # fmt: skip
@click.option("--allow", metavar="FILE", default="", help='What may differ: a TOML file of lines "id or glob" = "reason".')
@click.option(
    "--out", metavar="FOLDER", default="conformance", show_default=True,
    help="Write results and reports there; an interrupted run goes on there.",
)  # fmt: skip
@json_option
@click.pass_context
def conformance(ctx: click.Context, as_json: bool, **given: Any) -> None:
    """Run Triton's own tests on a backend, and compare.

    CHECKOUT is the folder of a checkout of Triton, with the tests. They run on the in-tree backend and on the one that is tested. What
    differs is listed. A run that was interrupted goes on where it stopped.
    """
    with interrupts.held():
        from .. import console
        from . import conforming, progress, report

    request = conforming.Request(**given)
    with progress.shown() as display:
        made = conforming.conform(request, display, console.warn)
    click.echo(report.format_json(made) if as_json else report.format_markdown(made), nl=False)
    ctx.exit(0 if made.is_conformant else 1)
