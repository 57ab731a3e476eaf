# SPDX-License-Identifier: MIT
"""Remarks of the passes: captured while the compiler runs, with the places in the user's source that they are about.

The remarks of graft-remarks are read here and nowhere else; include/graft/Transforms/Remarks.td describes them. Those of the other
passes are kept as texts.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from .. import opt
from ..errors import GraftError

VARIABLE = "MLIR_ENABLE_DIAGNOSTICS"
_LOCATED = re.compile(r"^(?P<file>.+?):(?P<line>\d+):\d+: (?P<kind>error|warning|remark|note): (?P<text>.*)$")
_UNLOCATED = re.compile(r"^(?:loc\(.*\)|<unknown>:0): (?P<kind>error|warning|remark|note): (?P<text>.*)$")
_OURS = re.compile(r"^(graft-[a-z-]+): (.*)$")


class Place(NamedTuple):
    """A line of a source file, counted from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class Remark:
    """What the pass *name* says, and where: the place itself, then the calls that led there, from the inside out."""

    name: str
    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Limit:
    """A bound on the width of an access, in elements, and where it comes from."""

    cause: str
    elements: int


@dataclass(frozen=True)
class Access:
    """What one instruction moves to or from global memory; *most* is what it could move."""

    kind: str
    dtype: str
    elements: int
    bytes: int
    most: int
    limits: tuple[Limit, ...]
    loops: int


@dataclass(frozen=True)
class Conversion:
    """A change of layout of a *tensor*, such as 128x64xf16: "through shared memory", "within warps" or "within threads"."""

    tensor: str
    way: str
    loops: int


@dataclass(frozen=True)
class SharedMemory:
    """Bytes of shared memory, and what they are for. *stages* is the number of tensors of a software pipeline in them."""

    bytes: int
    purpose: str
    stages: int
    loops: int


Fact = Access | Conversion | SharedMemory

_ACCESS = re.compile(
    r"(?P<kind>[A-Za-z ]+) of (?P<dtype>\S+): (?P<elements>\d+) elements? \((?P<bytes>\d+) bytes?\) at once"
    r"(?:, (?P<most>\d+) possible; limited by (?P<limits>.+))?"
)
_LIMIT = re.compile(r"([A-Za-z ]+) \((\d+)\)")
_CONVERSION = re.compile(r"layout conversion of (?P<tensor>\S+): (?P<way>within warps|within threads|through shared memory)")
_SHARED = re.compile(r"(?P<bytes>\d+) bytes? of shared memory for (?P<purpose>.+?)(?: in (?P<stages>\d+) stages)?")
_LOOPS = re.compile(r"(?P<text>.*?)(?:; in (?P<loops>\d+) loops?)?")


def understand(text: str) -> Fact:
    """What the remark *text* of graft-remarks says. Raises `GraftError` for a text that the pass does not write."""
    parts = _LOOPS.fullmatch(text)
    body, loops = (parts["text"], int(parts["loops"] or 0)) if parts else (text, 0)
    if found := _CONVERSION.fullmatch(body):
        return Conversion(found["tensor"], found["way"], loops)
    if found := _ACCESS.fullmatch(body):
        elements, limits = int(found["elements"]), _LIMIT.findall(found["limits"] or "")
        return Access(
            found["kind"], found["dtype"], elements, int(found["bytes"]), int(found["most"] or elements),
            tuple(Limit(cause.strip(), int(bound)) for cause, bound in limits), loops,
        )  # fmt: skip
    if found := _SHARED.fullmatch(body):
        return SharedMemory(int(found["bytes"]), found["purpose"], int(found["stages"] or 1), loops)
    raise GraftError(f"the pass graft-remarks said {text!r}, which this version does not know; reinstall triton-graft")


def read(lines: list[str]) -> list[Remark]:
    """The remarks of our passes among *lines* of what the compiler says."""
    found: list[Remark] = []
    is_ours = False
    for line in lines:
        match = _LOCATED.match(line) or _UNLOCATED.match(line)
        if match is None:
            continue  # the line of source that is shown below
        parts = match.groupdict()
        place = (Place(parts["file"], int(parts["line"])),) if "file" in parts else ()
        if parts["kind"] == "note":
            if is_ours and parts["text"] == "called from":
                found[-1] = Remark(found[-1].name, found[-1].text, found[-1].places + place)
            continue
        ours = _OURS.match(parts["text"])
        is_ours = parts["kind"] == "remark" and ours is not None
        if is_ours and ours:
            found.append(Remark(ours[1], ours[2], place))
    return found


@contextmanager
def captured() -> Iterator[list[Remark]]:
    """Collects the remarks of our passes in the list it yields. What else the compiler says is shown if it fails."""
    found: list[Remark] = []
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "remarks"
    try:
        with opt.captured_stderr() as lines:
            yield found
    except BaseException:
        print(*lines, sep="\n", file=sys.stderr)
        raise
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
    found += read(lines)
