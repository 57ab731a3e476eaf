# SPDX-License-Identifier: MIT
"""The commands `graft doctor`, `graft explain` and `graft bisect`. Needs click."""

from __future__ import annotations

import json
from types import ModuleType

import click

from ..errors import GraftError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Show what the backend finds on this machine and what counts in its cache key."""
    from . import doctor

    report = doctor.report()
    click.echo(json.dumps(report, indent=2) if as_json else doctor.format_report(report))


@click.command()
@click.argument("kernel")
@click.argument("options", metavar="[OPTION=VALUE]...", nargs=-1)
@click.option("--args", "arguments", metavar="ARGS", default="", help='The arguments, such as "x=*fp16, n=1000, BLOCK=1024".')
@click.option("--target", metavar="TARGET", required=True, help="Compile for it, such as cuda:90.")
@click.option("--num-warps", type=int, help="The same as the option num_warps=N.")
@click.option("--num-stages", type=int, help="The same as the option num_stages=N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    """Show how KERNEL, path.py:name or module:name, accesses memory and what limits it; needs no device.

    An OPTION is one of Triton's or ours, as a launch takes it.
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


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--metric", metavar="REGEX", default="", help="Also wrong: what it finds in the output is not as without our passes."
)
@click.option("--more-than", metavar="RATIO", type=float, help="Wrong if that is a number more than RATIO times as large.")
@click.option("--less-than", metavar="RATIO", type=float, help="Wrong if that is a number less than RATIO times as large.")
@click.option(
    "--repeat", metavar="N", type=int, default=1, show_default=True, help="Runs of a setting, all of which have to be right."
)
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), help="Wrong if a run takes longer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    """Find which pass, kernel and place makes SCRIPT wrong, and the shortest switch that mends it.

    A run of SCRIPT is wrong if its exit status is not 0. Options of this command stand in front of SCRIPT. The exit status is 0 if
    something was found, 1 if not, and 2 for wrong usage.
    """
    from . import bisect

    question = bisect.Question(metric, more_than, less_than, repeat)
    report = bisect.bisect(script, arguments, question, timeout, lambda text: click.echo(text, err=True))
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else bisect.format_report(report))
    ctx.exit(0 if report.found else 1)
