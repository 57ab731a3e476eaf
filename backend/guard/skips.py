# SPDX-License-Identifier: MIT
"""What our passes leave out: the text of the option `skip_passes`, which `graft bisect` writes.

Terms are separated by commas: `graft-version-tiles` leaves out a pass, `graft-version-tiles@add` in the kernel `add` alone, and
`graft-version-tiles@add:2+5` there its second and fifth site alone. Sites are the places that a pass may rewrite, numbered in the order
in which it comes to them. include/graft/Transforms/Sites.h says more.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import NamedTuple

from .. import wings

# Nine digits are numbers that fit everywhere.
_TERM = re.compile(r"([a-z0-9-]+)(?:@([\w.$-]+))?(?::([1-9][0-9]{0,8}(?:\+[1-9][0-9]{0,8})*))?")


@functools.cache
def switches() -> Mapping[str, str]:
    """Our passes that change kernels, in the order in which they run, each with the option that switches it off."""
    return {step.name: step.switch for step in wings.steps()}


class Skip(NamedTuple):
    """What a term leaves out: the pass *name*, in every kernel if *kernel* is empty, and at every place if *sites* are."""

    name: str
    kernel: str = ""
    sites: tuple[int, ...] = ()

    def __str__(self) -> str:
        at = f"@{self.kernel}" if self.kernel else ""
        return f"{self.name}{at}:{'+'.join(map(str, self.sites))}" if self.sites else f"{self.name}{at}"


def parse(text: str) -> tuple[Skip, ...] | None:
    """The terms of *text*; None if it is malformed."""
    matches = [_TERM.fullmatch(term) for term in text.split(",")] if text else []
    found = [match.groups(default="") for match in matches if match]
    if len(found) < len(matches) or not all(name in switches() for name, _, _ in found):
        return None
    return tuple(Skip(name, kernel, tuple(map(int, filter(None, sites.split("+"))))) for name, kernel, sites in found)


class Terms:
    """A text that `parse` takes: the kind of the option."""

    @property
    def expected(self) -> str:
        names = ", ".join(switches())
        return f"terms such as pass, pass@kernel, pass:2+5 or pass@kernel:2+5, separated by commas, with a pass of {names}"

    def is_valid(self, value: object) -> bool:
        return isinstance(value, str) and parse(value) is not None

    def parse(self, name: str, text: str) -> str:
        return text


def of_kernel(text: str, kernel: str) -> Mapping[str, tuple[int, ...]]:
    """For each pass that leaves out something of *kernel* the sites that it leaves out, or none if these are all."""
    found: dict[str, tuple[int, ...]] = {}
    for skip in parse(text) or ():
        if skip.kernel in ("", kernel):
            before = found.get(skip.name)
            is_all = before == () or not skip.sites
            found[skip.name] = () if is_all else (*(before or ()), *skip.sites)
    return found
