# SPDX-License-Identifier: MIT
"""The commands `graft bench …`: each reads its options, lets another module measure and prints what that returns. Needs click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import click

from ..usage import Group
from .options import Options as BenchOptions


def options_of(table: type) -> Callable[[Callable], Callable]:
    """Gives a command an option for each field of the dataclass *table*, which it receives as texts, by name."""

    def decorate(command: Callable) -> Callable:
        for field in reversed(fields(table)):
            option = click.option(f"--{field.name}", metavar=field.metadata["metavar"], help=field.metadata["help"])
            command = option(command)
        return command

    return decorate


@click.group(cls=Group)
def bench() -> None:
    """Measure launches, the cache, start-up and kernels."""


@bench.command("launch", example="graft bench launch --rows few,many", done="it was measured")
@options_of(BenchOptions)
def bench_launch(**texts: str | None) -> None:
    """Measure what one launch costs the host.

    Figures are ratios to a C loop over cuLaunchKernelEx.
    """
    from . import launch

    options = BenchOptions.from_texts(texts)
    report = launch.run(options)
    launch.show(report)
    launch.write_files(report, options)


@bench.command("key", example="graft bench key --rounds 9", done="it was measured")
@click.option("--rounds", type=click.IntRange(min=1), default=9, show_default=True, help="Processes a side.")
@click.option("--kernels", type=click.IntRange(min=1), default=50, show_default=True, help="Kernels in the cache.")
@click.option("--stub", metavar="FILE", help="Also measure launches, on the CPU with this stub libcuda.so.1.")
@click.option("--device", is_flag=True, help="Also measure launches, on the CUDA device.")
@click.option(
    "--entries", type=click.IntRange(min=2), help="Measure a cache of that many entries instead: publishing, evicting half."
)
def bench_key(rounds: int, kernels: int, stub: str | None, device: bool, entries: int | None) -> None:
    """Measure what it costs to find kernels in the cache.

    Figures are ratios to Triton's own cache. No device is needed.
    """
    if entries:
        from . import entries as of_entries

        click.echo(of_entries.run(entries))
        return
    from . import key

    click.echo(key.format_rows(key.run(rounds, kernels)))
    if stub or device:
        from . import machines, options, read_sets

        machine = machines.StubMachine(options.parse_stub("--stub", stub)) if stub else machines.CudaMachine()
        click.echo(f"{'check of a read-set at launch, per entry':48} {read_sets.measure(machine):38.1f} ns")


@bench.command("startup", example="graft bench startup --rounds 9", done="it was measured")
@click.option("--rounds", type=click.IntRange(min=1), default=9, show_default=True, help="Processes a way.")
@click.option("--kernels", type=click.IntRange(min=1), default=50, show_default=True, help="Kernels in the program.")
@click.option("--stub", metavar="FILE", default="", help="Use this stub libcuda.so.1 instead of a CUDA device.")
@click.option("--build", is_flag=True, help="Measure building the bundle instead, ROUNDS times; needs no device.")
def bench_startup(rounds: int, kernels: int, stub: str, build: bool) -> None:
    """Measure how long a program takes to its first launches.

    Figures are ratios to Triton with a warm cache.
    """
    from . import startup

    click.echo(startup.format_rows(startup.run_build(rounds, kernels) if build else startup.run(rounds, kernels, stub)))


@bench.command("kernels", example="graft bench kernels --only elementwise", done="it was measured, or listed")
@click.option("--only", metavar="NAME", multiple=True, help="Measure this section or kernel only; may be given several times.")
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True, help="Rounds, of which medians are taken.")
@click.option("--json", "output", metavar="FILE", help="Also write every round's times.")
@click.option("--list", "as_list", is_flag=True, help="Show the sections and kernels, and measure nothing.")
def bench_kernels(only: tuple[str, ...], rounds: int, output: str | None, as_list: bool) -> None:
    """Measure how fast kernels are, and how fast they compile.

    Figures are ratios to the in-tree driver. Compile time (--only compile) needs no device.
    """
    from . import kernels, options
    from .suite import sections

    if as_list:
        click.echo(sections.format_list())
        return
    kernels.show(kernels.run(only, rounds, options.parse_output("--json", output) if output else None))
