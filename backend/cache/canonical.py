# SPDX-License-Identifier: MIT
"""The text of an MLIR module that decides what is compiled from it, and nothing that does not.

Without locations, Triton prints a module with numbered values, so that names of variables, comments and the place of the file
are gone already. Locations count as far as they reach the artifact: the file's name, line and column where there is line info,
which is also what assertions have theirs from; names of variables where debug info has them; the folder never, so that a
checkout may lie anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

#: Strings come first in each pattern, so that nothing is found inside them.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_DEFINITION = re.compile(r"(#loc\d*) = (loc\(.*\))")
_FLAT = rf'(?:{_STRING}|[^()"])*'
_NESTED = rf"{_FLAT}(?:\({_FLAT}(?:\({_FLAT}\){_FLAT})*\){_FLAT})*"
_USE = re.compile(rf"{_STRING}|\bloc\(({_NESTED})\)|\bloc(\(.*)")
_PART = re.compile(rf"({_STRING})(:\d+|\()?|#loc\d*")


def module_text(module: Any, located: str, names: bool) -> str:
    """The text of *module*, and if it was printed as *located*, the locations of its operations in order, with *names* of variables."""
    text = module.str_nodebug()
    # What holds locations in full holds them once per use, and is read for them alone.
    return text + "\n" + "\n".join(_locations(located, names)) if located else text


def _locations(text: str, names: bool) -> Iterator[str]:
    """The locations in *text*, a module as printed with debug info, in the order in which operations have them."""
    lines = text.split("\n")
    # Searching all of the text would take longer than printing it.
    defining = [match for line in lines if line.startswith("#loc") and (match := _DEFINITION.fullmatch(line))]
    definitions: dict[str, str] = {match[1]: match[2] for match in defining}
    known: dict[str, str] = {}

    def resolved(reference: str) -> str:
        if reference not in known:
            known[reference] = ""  # MLIR defines no location by itself
            known[reference] = _PART.sub(part, definitions.get(reference, reference))
        return known[reference]

    def part(match: re.Match) -> str:
        string, follower = match.group(1), match.group(2)
        if string is None:
            return resolved(match.group(0))
        if follower == "(":
            return string + "(" if names else "("
        return f'"{string[1:-1].rpartition("/")[2]}"{follower or ""}'

    for line in lines:
        reference = line[line.find("loc(") + len("loc(") : -1]
        if reference in definitions and '"' not in line and line.endswith(f" loc({reference})"):
            yield resolved(reference)  # as nearly all lines are
        elif "loc(" in line and not _DEFINITION.fullmatch(line):
            uses = (match.group(1) or match.group(2) for match in _USE.finditer(line))
            yield from (_PART.sub(part, location) for location in uses if location is not None)
