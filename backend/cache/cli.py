# SPDX-License-Identifier: MIT
"""The commands `graft key …`. Needs click."""

from __future__ import annotations

import click


@click.group()
def key() -> None:
    """Look into the cache key."""


@key.command("explain")
@click.argument("kernel")
def key_explain(kernel: str) -> None:
    """Show in what the two nearest cache entries of KERNEL differ: why the later one was compiled."""
    from . import explain

    click.echo(explain.compare_entries(kernel))
