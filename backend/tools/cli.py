# SPDX-License-Identifier: MIT
"""The command line: `graft`, or `python -m triton.backends.graft`. Needs click; rich makes the tables nicer.

A command is a function below that reads its options, lets another module do the work and prints what that returns. To add one,
write the function under `@graft.command()`, with its imports inside, so that the other commands do not pay for them. Errors of
ours end as one line on standard error: exit status 2 for an `OptionError`, 1 for any other `GraftError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click
import triton

from .. import __version__
from ..bench.options import Options as BenchOptions
from ..bundle.cli import bundle
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


def options_of(table: type) -> Callable[[Callable], Callable]:
    """Gives a command an option for each field of the dataclass *table*, which it receives as texts, by name."""

    def decorate(command: Callable) -> Callable:
        for field in reversed(fields(table)):
            option = click.option(f"--{field.name}", metavar=field.metadata["metavar"], help=field.metadata["help"])
            command = option(command)
        return command

    return decorate


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="graft", message=f"%(prog)s %(version)s, for Triton {triton.__version__}")
def graft() -> None:
    """Tools of triton-graft, an out-of-tree NVIDIA backend for Triton."""


graft.add_command(bundle)


@graft.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Show what the backend finds on this machine and what counts in its cache key."""
    from .. import doctor

    report = doctor.report()
    click.echo(json.dumps(report, indent=2) if as_json else doctor.format_report(report))


@graft.command()
@click.argument("kernel")
@click.argument("options", metavar="[OPTION=VALUE]...", nargs=-1)
@click.option("--args", "arguments", metavar="ARGS", default="", help='The arguments, such as "x=*fp16, n=1000, BLOCK=1024".')
@click.option("--target", metavar="TARGET", required=True, help="Compile for it, such as cuda:90.")
@click.option("--num-warps", type=int, help="The same as the option num_warps=N.")
@click.option("--num-stages", type=int, help="The same as the option num_stages=N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(  # noqa: PLR0913, PLR0917 - click passes them by name
    kernel: str,
    options: tuple[str, ...],
    arguments: str,
    target: str,
    num_warps: int | None,
    num_stages: int | None,
    as_json: bool,
) -> None:
    """Show how KERNEL, path.py:name or module:name, accesses memory and what limits it; needs no device.

    An OPTION is one of Triton's or ours, as a launch takes it.
    """
    from . import kernel_report

    given = {"num_warps": num_warps, "num_stages": num_stages}
    chosen = kernel_report.parse_options(options) | {name: value for name, value in given.items() if value is not None}
    report = kernel_report.explain(kernel, arguments, target, chosen)
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else kernel_report.format_report(report))


@graft.command(context_settings={"allow_interspersed_args": False})
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


@graft.group()
def key() -> None:
    """Look into the cache key."""


@key.command("explain")
@click.argument("kernel")
def key_explain(kernel: str) -> None:
    """Show in what the two nearest cache entries of KERNEL differ: why the later one was compiled."""
    from ..cache import explain

    click.echo(explain.compare_entries(kernel))


@graft.group()
def bench() -> None:
    """Measure on this machine."""


@bench.command("launch")
@options_of(BenchOptions)
def bench_launch(**texts: str | None) -> None:
    """Measure what one launch costs the host, as ratios to a C loop over cuLaunchKernelEx."""
    from ..bench import launch

    options = BenchOptions.from_texts(texts)
    report = launch.run(options)
    launch.show(report)
    launch.write_files(report, options)


@bench.command("key")
@click.option("--rounds", type=click.IntRange(min=1), default=9, show_default=True, help="Processes a side.")
@click.option("--kernels", type=click.IntRange(min=1), default=50, show_default=True, help="Kernels in the cache.")
@click.option("--stub", metavar="FILE", help="Also measure launches, on the CPU with this stub libcuda.so.1.")
@click.option("--device", is_flag=True, help="Also measure launches, on the CUDA device.")
@click.option(
    "--entries", type=click.IntRange(min=2), help="Measure a cache of that many entries instead: publishing, evicting half."
)
def bench_key(rounds: int, kernels: int, stub: str | None, device: bool, entries: int | None) -> None:
    """Measure what finding kernels in the cache costs, as ratios to Triton's own; needs no device."""
    if entries:
        from ..bench import entries as of_entries

        click.echo(of_entries.run(entries))
        return
    from ..bench import key

    click.echo(key.format_rows(key.run(rounds, kernels)))
    if stub or device:
        from ..bench import machines, options, read_sets

        machine = machines.StubMachine(options.parse_stub("--stub", stub)) if stub else machines.CudaMachine()
        click.echo(f"{'check of a read-set at launch, per entry':48} {read_sets.measure(machine):38.1f} ns")


@bench.command("startup")
@click.option("--rounds", type=click.IntRange(min=1), default=9, show_default=True, help="Processes a way.")
@click.option("--kernels", type=click.IntRange(min=1), default=50, show_default=True, help="Kernels in the program.")
@click.option("--stub", metavar="FILE", default="", help="Use this stub libcuda.so.1 instead of a CUDA device.")
@click.option("--build", is_flag=True, help="Measure building the bundle instead, ROUNDS times; needs no device.")
def bench_startup(rounds: int, kernels: int, stub: str, build: bool) -> None:
    """Measure how long programs take to their first launches, as ratios to Triton with a warm cache."""
    from ..bench import startup

    click.echo(startup.format_rows(startup.run_build(rounds, kernels) if build else startup.run(rounds, kernels, stub)))


@bench.command("kernels")
@click.option("--only", metavar="NAME", multiple=True, help="Measure this section or kernel only; may be given several times.")
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True, help="Rounds, of which medians are taken.")
@click.option("--json", "output", metavar="FILE", help="Also write every round's times.")
@click.option("--list", "as_list", is_flag=True, help="Show the sections and kernels, and measure nothing.")
def bench_kernels(only: tuple[str, ...], rounds: int, output: str | None, as_list: bool) -> None:
    """Measure how fast kernels are, and how long they take to compile, beside the in-tree driver.

    Compile time (--only compile) needs no device.
    """
    from ..bench import kernels, options
    from ..bench.suite import sections

    if as_list:
        click.echo(sections.format_list())
        return
    kernels.show(kernels.run(only, rounds, options.parse_output("--json", output) if output else None))
