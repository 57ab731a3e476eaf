# SPDX-License-Identifier: MIT
"""The commands `graft key …`. Needs click."""

from __future__ import annotations

import click

from ..usage import Group


@click.group(cls=Group)
def key() -> None:
    """Say why a kernel was compiled again."""


@key.command(
    "explain",
    example="graft key explain vector_add",
    done="the cache has an entry of this kernel",
    failed="it has none; a line on standard error names the kernels that it has",
)
@click.argument("kernel")
def key_explain(kernel: str) -> None:
    """Say why the last used cache entry of a kernel was compiled.

    KERNEL is the kernel's name. The entry is compared with the nearest other entry of the kernel: the one that differs in the fewest
    parts of the key. What differs is listed, with what follows from it underneath.
    """
    from .. import console
    from . import explain

    console.show(explain.compare_entries(kernel))
