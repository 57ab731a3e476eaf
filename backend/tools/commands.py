# SPDX-License-Identifier: MIT
"""The commands `graft doctor`, `graft explain` and `graft bisect`. Needs click."""

from __future__ import annotations

import json
from types import ModuleType

import click

from ..errors import GraftError
from ..usage import Command, Target, json_option


@click.command(
    cls=Command,
    example="graft doctor",
    done="everything that is installed works",
    failed="something does not work; it is listed first",
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Show what works on this machine, and what does not.

    What is wrong comes first, with what to do. Then come the versions, what the cache key counts, where the cache is, and the
    environment variables that are set.
    """
    from .. import console
    from . import doctor

    report = doctor.report()
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        console.show(doctor.blocks(report))
    ctx.exit(1 if doctor.problems(report) else 0)


@click.command(
    cls=Command,
    example='graft explain kernels.py:add --target cuda:90 --args "*fp16, n=1000, BLOCK=64"',
    done="the kernel was compiled",
    failed="it does not compile, or is not there",
)
@click.argument("kernel")
@click.argument("options", metavar="[OPTION=VALUE]...", nargs=-1)
@click.option("--args", "arguments", metavar="ARGS", default="", help='The arguments, such as "x=*fp16, n=1000, BLOCK=1024".')
@click.option("--target", type=Target(), metavar="TARGET", required=True, help="Compile for this target, such as cuda:90.")
@click.option("--num-warps", type=int, help="The same as the option num_warps=N.")
@click.option("--num-stages", type=int, help="The same as the option num_stages=N.")
@json_option
@click.option(
    "--html", "page", metavar="FILE", help="Also write a page with the source, the IR of each stage and what passes changed."
)
def explain(  # noqa: PLR0913, PLR0917 - click passes them by name
    kernel: str,
    options: tuple[str, ...],
    arguments: str,
    target: str,
    num_warps: int | None,
    num_stages: int | None,
    as_json: bool,
    page: str | None,
) -> None:
    """Show how a kernel accesses memory, and what limits it.

    KERNEL is path.py:name or module:name. It is compiled anew; no device is needed. OPTION is an option of a launch, of
    Triton's or ours.
    """
    from . import compiling, kernel_report

    if page is not None:
        kernel_page = _import_kernel_page()
        kernel_page.check_file(page)
    given = {"num_warps": num_warps, "num_stages": num_stages}
    chosen = kernel_report.parse_options(options) | {name: value for name, value in given.items() if value is not None}
    launch = compiling.Launch.of(kernel, arguments, target, chosen)
    compiled = compiling.compile_launch(launch)
    report = kernel_report.tell(launch, compiled)
    if page is not None:
        kernel_page.write(page, kernel_page.render(report, launch, compiled))
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else kernel_report.format_report(report))
    if page is not None and not as_json:
        click.echo(f"\npage: {page}")


def _import_kernel_page() -> ModuleType:
    """The module that makes pages. Raises `GraftError` without what it needs."""
    try:
        from . import kernel_page
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise GraftError(f"--html needs {missing}, which is not installed: pip install 'triton-graft[cli]'") from None
    return kernel_page


@click.command(
    cls=Command,
    context_settings={"allow_interspersed_args": False},
    example="graft bisect ./check.py",
    done="what makes SCRIPT wrong was found",
    failed="it was not found, or SCRIPT cannot be judged",
)
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--metric",
    metavar="REGEX",
    default="",
    help="A run is also wrong if REGEX finds something else in its output than without our passes.",
)
@click.option(
    "--more-than",
    metavar="RATIO",
    type=float,
    help="A run is wrong if REGEX finds a number that is more than RATIO times as large.",
)
@click.option(
    "--less-than",
    metavar="RATIO",
    type=float,
    help="A run is wrong if REGEX finds a number that is less than RATIO times as large.",
)
@click.option(
    "--repeat", metavar="N", type=int, default=1, show_default=True, help="Run each setting N times; all runs have to be right."
)
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), help="A run is wrong if it takes longer."
)
@json_option
@click.pass_context
def bisect(  # noqa: PLR0913, PLR0917 - click passes them by name
    ctx: click.Context,
    script: str,
    arguments: tuple[str, ...],
    metric: str,
    more_than: float | None,
    less_than: float | None,
    repeat: int,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Find the pass and the place that make a script wrong.

    SCRIPT, a Python file, is run again and again with some passes left out. A run is wrong if its exit status is not 0. What is
    found is a pass, a kernel and a place in it, and the shortest switch that mends it. Options of this command stand in front of
    SCRIPT.
    """
    from . import bisect

    question = bisect.Question(metric, more_than, less_than, repeat)
    report = bisect.bisect(script, arguments, question, timeout, lambda text: click.echo(text, err=True))
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else bisect.format_report(report))
    ctx.exit(0 if report.found else 1)
