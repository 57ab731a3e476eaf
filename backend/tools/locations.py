# SPDX-License-Identifier: MIT
"""Which line of source each line of a kernel's IR comes from, as the locations in the IR say it.

MLIR has `loc(...)`, LLVM IR `!dbg !5`, and PTX `.loc` in front of what it is about. Each is read here and left out of the lines,
with the tables that they refer to. A line has several places if it was inlined: its own, and the calls that led there.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from .remarks import Place

#: A line of source, and the calls that led there, from the inside out; nothing where the compiler does not say.
Places = tuple[Place, ...]


class Line(NamedTuple):
    """A line of an IR without its location, and the places that it comes from."""

    text: str
    places: Places = ()


def read(stage: str, text: str) -> list[Line]:
    """The lines of *text*, what the *stage* `ttir`, `ttgir`, `llir` or `ptx` made, without tables of locations."""
    return {"llir": _read_llvm, "ptx": _read_ptx}.get(stage, _read_mlir)(text)


def _once(places: Sequence[Place]) -> Places:
    return tuple(dict.fromkeys(places))


# -- MLIR

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ALIAS = re.compile(r"^(#loc\d*) = loc\((.*)\)$", re.M)
_FILE = re.compile(rf"({_QUOTED}):(\d+):\d+.*", re.S)
_NAMED = re.compile(rf"{_QUOTED}(?:\((.*)\))?", re.S)
_FUSED = re.compile(r"fused(?:<.*>)?\[(.*)\]", re.S)
_CALL = re.compile(r"callsite\((.*)\)", re.S)
_TOKEN = re.compile(rf"{_QUOTED}|[()\[\]<>]|,| at ")
_LOCATION = re.compile(rf"{_QUOTED}| loc\(")
#: Names of attributes and types, blocks without arguments, comments, and nothing.
_NO_OPERATION = re.compile(r"\s*(?:[#!^]|//|$)")


class _Locations:
    """The locations of a module, by what they are called there."""

    def __init__(self, text: str):
        self._aliases = dict(_ALIAS.findall(text))

    @functools.cache  # noqa: B019 - it goes with the module's text
    def places(self, location: str) -> Places:
        """The places of what stands in the brackets of `loc(...)`."""
        if location in self._aliases:
            return self.places(self._aliases[location])
        if found := _FILE.fullmatch(location):
            return (Place(_unescaped(found[1]), int(found[2])),)
        if found := _CALL.fullmatch(location):
            return _once([place for part in _split(found[1], " at ") for place in self.places(part)])
        if found := _FUSED.fullmatch(location):
            return _once([place for part in _split(found[1], ",") for place in self.places(part.strip())])
        if found := _NAMED.fullmatch(location):
            return self.places(found[1]) if found[1] else ()
        return ()


def _unescaped(quoted: str) -> str:
    """The text that MLIR or LLVM IR has in quotes, where bytes may be two hexadecimal digits."""
    inner = quoted[1:-1].encode()
    return re.sub(
        rb"\\(\\|[0-9A-Fa-f]{2})", lambda found: b"\\" if found[1] == b"\\" else bytes.fromhex(found[1].decode()), inner
    ).decode(errors="replace")


def _split(text: str, separator: str) -> list[str]:
    """The parts of *text* between *separator*, where it stands in no quotes and no brackets."""
    parts, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "([<") - (token[0] in ")]>")
        if token[0] == separator and depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
    return [*parts, text[start:]]


def _without_locations(line: str) -> tuple[str, list[str]]:
    """*line* without each `loc(...)`, and what stood in their brackets."""
    kept, found, position = "", [], 0
    while match := _LOCATION.search(line, position):
        if match[0][0] == '"':
            kept += line[position : match.end()]
            position = match.end()
            continue
        end = _closing(line, match.end())
        kept += line[position : match.start()]
        found.append(line[match.end() : end])
        position = end + 1
    return kept + line[position:], found


def _closing(line: str, start: int) -> int:
    """Where the bracket that was opened before *start* is closed."""
    depth = 1
    for token in _TOKEN.finditer(line, start):
        depth += (token[0] == "(") - (token[0] == ")")
        if depth == 0:
            return token.start()
    return len(line)


def _read_mlir(text: str) -> list[Line]:
    """An operation has its location at its end, behind its regions if it has any: all lines of its own get it."""
    locations = _Locations(text)
    lines: list[Line] = []
    own: list[int] = []  # the numbers of the lines that the operation has had, as long as it goes on
    around: list[list[int]] = []  # the same of those in whose regions it stands
    for line in text.splitlines():
        if _ALIAS.match(line):
            continue
        kept, found = _without_locations(line)
        if kept.lstrip().startswith("}") and around:
            own = around.pop()
        own.append(len(lines))
        lines.append(Line(kept))
        if kept.endswith("{"):
            around.append(own)
            own = []
        elif found or _NO_OPERATION.match(kept):
            places = locations.places(found[-1]) if found else ()
            for number in own:
                lines[number] = lines[number]._replace(places=places)
            own = []
    return lines


# -- LLVM IR

_NODE = re.compile(r"^!(\d+) = (?:distinct )?!(DI\w+)\((.*)\)$", re.M)
_FIELD = re.compile(rf"(\w+): ({_QUOTED}|!?\w+)")
_DEBUG = re.compile(r",? !dbg !(\d+)")


class _DebugInfo:
    """The nodes of LLVM's debug information, by their numbers."""

    def __init__(self, text: str):
        self._nodes = {number: dict(_FIELD.findall(fields)) for number, _, fields in _NODE.findall(text)}

    @functools.cache  # noqa: B019 - it goes with the module's text
    def places(self, number: str) -> Places:
        """The places of the location, or function, *number*."""
        node = self._nodes.get(number, {})
        line = int(node.get("line", 0))
        own = (Place(self._file(number), line),) if line else ()
        call = node.get("inlinedAt")
        return _once([*own, *(self.places(call[1:]) if call else ())])

    def _file(self, number: str) -> str:
        """The file of node *number*: its own, or that of the scope around it."""
        node = self._nodes.get(number, {})
        if "filename" in node:
            return os.path.join(*(_unescaped(node.get(field, '""')) for field in ("directory", "filename")))
        around = node.get("file") or node.get("scope")
        return self._file(around[1:]) if around else ""


def _read_llvm(text: str) -> list[Line]:
    debug = _DebugInfo(text)
    lines = []
    for line in text.splitlines():
        if line.startswith("!"):
            continue
        found = _DEBUG.search(line)
        lines.append(Line(_DEBUG.sub("", line), debug.places(found[1]) if found else ()))
    return _without_blank_end(lines)


# -- PTX

_FILE_ENTRY = re.compile(r'^\s*\.file\s+(\d+)\s+"((?:[^"\\]|\\.)*)".*\n?', re.M)
_LOC = re.compile(r"\s*\.loc\s+(?P<own>\d+ \d+ \d+)(?:,[^/]*\binlined_at (?P<call>\d+ \d+ \d+))?[^/]*(?P<comment>.*)")
#: A call in the comment behind `.loc`: `// a.py:6:12 @[ a.py:11:9 @[ b.py:3:1 ] ]`.
_COMMENTED_CALL = re.compile(r"@\[ (.*?):(\d+):\d+ ")
_DEBUG_SECTIONS = re.compile(r"^\s*\.section\s+\.debug.*", re.M | re.S)
_DEBUG_LABEL = re.compile(r"\$L__(?:tmp|func_begin|func_end)\d+:")
_ASM_BEGIN, _ASM_END = "// begin inline asm", "// end inline asm"


class _Calls:
    """What `.loc` says of calls that were inlined.

    It names the call, if any, which has had a `.loc` of its own, with the call around it. Sometimes it does not, and only the comment
    behind it has all of them, by the names of files without their folders.
    """

    def __init__(self, text: str):
        self._files = {number: _c_unescaped(name) for number, name in _FILE_ENTRY.findall(text)}
        self._known: dict[str, Places] = {}

    def places(self, loc: re.Match[str]) -> Places:
        """The places of a line that `_LOC` matches."""
        file, line, _ = loc["own"].split()
        here = (Place(self._files.get(file, ""), int(line)),) if line != "0" else ()
        around = self._known.get(loc["call"], ()) if loc["call"] else self._commented(loc["comment"])
        self._known[loc["own"]] = _once([*here, *around])
        return self._known[loc["own"]]

    def _commented(self, comment: str) -> Places:
        found = []
        for name, line in _COMMENTED_CALL.findall(comment):
            files = [file for file in self._files.values() if file.rpartition("/")[2] == name]
            if len(files) == 1:  # of two by that name it may be either
                found.append(Place(files[0], int(line)))
        return tuple(found)


def _c_unescaped(text: str) -> str:
    """*text* as it stood before LLVM wrote it for assemblers: bytes may be three octal digits."""
    return re.sub(
        rb"\\([0-7]{3}|.)", lambda found: bytes([int(found[1], 8)]) if len(found[1]) == 3 else found[1], text.encode()
    ).decode(errors="replace")


def _read_ptx(text: str) -> list[Line]:
    """What stands between two `.loc` comes from where the first says.

    All inline assembly comes from where the `.loc` in front of it says: in there LLVM counts the lines of source on with those of the
    assembly, which is wrong.
    """
    calls = _Calls(text)
    lines: list[Line] = []
    places: Places = ()
    is_assembly = False
    for line in _FILE_ENTRY.sub("", _DEBUG_SECTIONS.sub("", text)).splitlines():
        if found := _LOC.match(line):
            places = places if is_assembly else calls.places(found)
        elif not _DEBUG_LABEL.match(line):
            is_assembly = _ASM_BEGIN in line or (is_assembly and _ASM_END not in line)
            lines.append(Line(line, places if _is_instruction(line) else ()))
            places = () if line.startswith("}") else places  # the end of a function
    return _without_blank_end(lines)


def _is_instruction(line: str) -> bool:
    """Whether *line* is no label, directive or comment alone."""
    code = line.partition("//")[0].strip()
    return bool(code) and code not in "{}()" and not code.startswith(".") and not code.endswith(":")


def _without_blank_end(lines: list[Line]) -> list[Line]:
    while lines and not lines[-1].text.strip():
        lines.pop()
    return lines
