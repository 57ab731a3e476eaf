# SPDX-License-Identifier: MIT
"""The sections of the suite, and choosing among their kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import OptionError, did_you_mean
from . import attention, elementwise, inductor, movement, products, quantised, reductions, rows, tutorial_products, tutorials
from .case import Entry

#: The name of the section that compiles the kernels of all others.
COMPILE = "compile"


@dataclass(frozen=True)
class Section:
    """Kernels that share a table. *title* stands above it."""

    name: str
    title: str
    entries: Sequence[Entry]


def _by_number(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.name.split()[0])


SECTIONS = {
    section.name: section
    for section in (
        Section("elementwise", "x + y, 1 GiB each, n odd beside n aligned", elementwise.ENTRIES),
        Section("rows", "Kernels of one row per program", rows.ENTRIES),
        Section("masks", "fp16 matrix products with masks", products.MASKED_ENTRIES),
        Section("programs", "fp16 matrix products in the natural order of programs", products.NATURAL_ENTRIES),
        Section(
            "tutorials",
            "Triton's tutorials",
            _by_number([*tutorials.ENTRIES, *tutorial_products.ENTRIES, *attention.TUTORIAL_ENTRIES]),
        ),
        Section(
            "wild",
            "Kernels as they are met elsewhere",
            [*reductions.ENTRIES, *attention.ENTRIES, *quantised.ENTRIES, *movement.ENTRIES, *inductor.ENTRIES],
        ),
    )
}


def names() -> list[str]:
    """What can be chosen: sections, and kernels as section/kernel."""
    kernels = [f"{section.name}/{entry.name}" for section in SECTIONS.values() for entry in section.entries]
    compiled = [f"{COMPILE}/{name}" for name in kernels]
    return [*SECTIONS, COMPILE, *kernels, *compiled]


def select(chosen: Sequence[str]) -> list[Section]:
    """The sections that hold what is *chosen* among `names`, with nothing else in them; all of them if nothing is.

    Sections to be compiled, rather than run, are named compile/section. Raises `OptionError` for a name that does not exist.
    """
    allowed = set(names())
    for name in chosen:
        if name not in allowed:
            expected = f"one of {', '.join([*SECTIONS, COMPILE])}, or a kernel as --list shows it"
            raise OptionError("--only", name, expected + did_you_mean(name, allowed))
    wanted = set(chosen) or {*SECTIONS, COMPILE}
    found = []
    for prefix in ("", f"{COMPILE}/"):
        for section in SECTIONS.values():
            whole = section.name in wanted if not prefix else COMPILE in wanted
            entries = [entry for entry in section.entries if whole or f"{prefix}{section.name}/{entry.name}" in wanted]
            if entries:
                found.append(Section(prefix + section.name, section.title, entries))
    return found


def format_list() -> str:
    """What can be chosen, a kernel a line, with its sizes."""
    kernels = [
        (f"{section.name}/{entry.name}", "; ".join(entry.sizes)) for section in SECTIONS.values() for entry in section.entries
    ]
    width = max(len(name) for name, _ in kernels)
    note = f"{COMPILE}: how long all of these take to compile; one of them is {COMPILE}/section/kernel"
    return "\n".join([*(f"{name:{width}}  {sizes}" for name, sizes in kernels), note])
