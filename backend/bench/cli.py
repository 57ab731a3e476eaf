# SPDX-License-Identifier: MIT
"""The commands `graft bench …`: each reads its options, lets another module measure and prints what that returns. Needs click."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from ..usage import Group
from . import options


def options_of(table: type) -> Callable[[Callable], Callable]:
    """Gives a command an option for each field of the dataclass *table*, which it receives as texts, by name."""

    def decorate(command: Callable) -> Callable:
        for field in reversed(fields(table)):
            about: dict[str, Any] = {"help": field.metadata["help"], "is_flag": True}
            if field.metadata["parse"]:
                about |= {"is_flag": False, "metavar": field.metadata["metavar"], "multiple": field.metadata["is_many"]}
            command = click.option(f"--{field.name}", **about)(command)
        return command

    return decorate


def execute(module: str, table: type[options.Options], texts: dict[str, Any]) -> None:
    """Has the benchmark in *module* do what the command line says."""
    given = table.from_texts(texts)
    importlib.import_module(f".{module}", __package__).execute(given)


@click.group(cls=Group)
def bench() -> None:
    """Measure launches, the cache, start-up and kernels."""


@bench.command("launch", example="graft bench launch --rows few,many", done="it was measured")
@options_of(options.LaunchOptions)
def bench_launch(**texts: Any) -> None:
    """Measure what one launch costs the host.

    Figures are ratios to a C loop over cuLaunchKernelEx.
    """
    execute("launch", options.LaunchOptions, texts)


@bench.command("key", example="graft bench key --rounds 9", done="it was measured")
@options_of(options.KeyOptions)
def bench_key(**texts: Any) -> None:
    """Measure what it costs to find kernels in the cache.

    Figures are ratios to Triton's own cache. No device is needed.
    """
    execute("key", options.KeyOptions, texts)


@bench.command("startup", example="graft bench startup --rounds 9", done="it was measured")
@options_of(options.StartupOptions)
def bench_startup(**texts: Any) -> None:
    """Measure how long a program takes to its first launches.

    Figures are ratios to Triton with a warm cache.
    """
    execute("startup", options.StartupOptions, texts)


@bench.command("kernels", example="graft bench kernels --only elementwise", done="it was measured, or listed")
@options_of(options.KernelsOptions)
def bench_kernels(**texts: Any) -> None:
    """Measure how fast kernels are, and how fast they compile.

    Figures are ratios to the in-tree driver. Compile time (--only compile) needs no device.
    """
    execute("kernels", options.KernelsOptions, texts)


@bench.command("plot", example="graft bench plot launch.json launch.svg", done="it was drawn")
@click.argument("report")
@click.argument("picture")
@click.option("--dark", is_flag=True, help="Draw it for a dark page.")
def bench_plot(report: str, picture: str, dark: bool) -> None:
    """Draw what a benchmark has measured.

    REPORT is a file that a benchmark wrote for --json, and PICTURE the file to draw.
    """
    from . import documents, outputs

    path = options.parse_plot("PICTURE", picture)
    outputs.draw(documents.read("REPORT", report), path, dark)
