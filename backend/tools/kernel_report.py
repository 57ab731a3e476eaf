# SPDX-License-Identifier: MIT
"""What the compiler makes of a kernel: how wide its accesses are and what limits them, line by line, and what it uses of a device.

The kernel is compiled anew, stage by stage and past the cache, which has no remarks. Advice is what was tried: an argument is
aligned, or a pass switched on, and the accesses that this makes wider are named. docs/explain.md is the manual.
"""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from triton.runtime.jit import JITFunction

from .. import wings
from ..compiler import Options
from ..errors import GraftError, OptionError
from . import launch_arguments, remarks
from .compiling import REMARKS, Compiled, Launch, compile_launch

#: The options that every report shows, besides ours.
_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")


# -- The report


@dataclass
class Argument:
    """An argument as it was *given*, the *type* that it has, and whether it is a constant or divisible by 16 (bytes, for pointers)."""

    name: str
    given: str
    type: str
    is_constant: bool
    is_divisible: bool


@dataclass
class Counted:
    """A *text* and how often it was said of a line; with *fact*, what it says."""

    text: str
    count: int
    fact: remarks.Fact


@dataclass
class Line:
    """What was said of a line of source. *number* is 0, and *file* empty, for what has no line."""

    file: str
    number: int
    source: str
    accesses: list[Counted] = field(default_factory=list)
    conversions: list[Counted] = field(default_factory=list)
    shared_memory: list[Counted] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)


@dataclass
class Gain:
    """An access that would move *then_bytes* at once and not *bytes*."""

    file: str
    line: int
    kind: str
    dtype: str
    bytes: int
    then_bytes: int

    def __str__(self) -> str:
        return f"the {self.kind} in line {self.line} moves {self.then_bytes} bytes at once, not {self.bytes}"


@dataclass
class Advice:
    """A *change* that was tried, and what it gains."""

    change: str
    gains: list[Gain]

    def __str__(self) -> str:
        return f"{self.change}: {'; '.join(map(str, self.gains))}"


@dataclass
class Usage:
    """What the kernel uses: for a thread registers, and bytes of spills and of stack; for a CTA bytes of shared memory and warps."""

    registers: int
    spill_store_bytes: int
    spill_load_bytes: int
    stack_bytes: int
    shared_bytes: int
    warps: int


@dataclass
class Report:
    """What `explain` found out about a kernel."""

    kernel: str
    target: str
    arguments: list[Argument]
    options: dict[str, Any]
    lines: list[Line]
    usage: Usage
    advice: list[Advice]

    def to_json(self) -> dict[str, Any]:
        """The report for JSON. docs/explain.md describes the fields."""
        return asdict(self)


def explain(address: str, arguments: str, target: str, options: Mapping[str, Any]) -> Report:
    """A report on the kernel at *address* (`path.py:kernel` or `module:kernel`), launched with *arguments*.

    *arguments* are written as in `launch_arguments`; *options* are the keywords of a launch. Makes a driver for *target* the active
    one, as kernels may read the target when they are imported. Raises `OptionError` for a wrong value, and `GraftError` if the kernel
    is not found or does not compile.
    """
    launch = Launch.of(address, arguments, target, options)
    return tell(launch, compile_launch(launch))


def tell(launch: Launch, compiled: Compiled) -> Report:
    """The report of what was *compiled* for *launch*. Compiles other launches for the advice."""
    return Report(
        kernel=launch.address,
        target=f"{launch.target.backend}:{launch.target.arch}",
        arguments=_arguments(launch, compiled.source),
        options=_shown(compiled.options),
        lines=tell_lines(compiled.remarks, launch.function),
        usage=_usage(compiled),
        advice=_advise(launch, compiled),
    )


def parse_options(texts: Iterable[str]) -> dict[str, Any]:
    """Options given as `name=value`, with values as Python writes them. Raises `OptionError`."""
    import ast

    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise OptionError("option", text, "name=value, such as num_stages=4")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


# -- What is told


def _arguments(launch: Launch, source: Any) -> list[Argument]:
    """The arguments, with what Triton makes of each."""
    found = []
    for index, name in enumerate(launch.function.arg_names):
        default = launch.function.params[index].default if name not in launch.texts else None
        given = launch.texts.get(name, repr(default))
        divisible = ["tt.divisibility", launch_arguments.ALIGNMENT] in source.attrs.get((index,), [])
        found.append(Argument(name, given, str(source.signature[name]), source.signature[name] == "constexpr", divisible))
    return found


def _shown(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in (*_OPTIONS, *wings.options())}


def _place(remark: remarks.Remark, function: JITFunction) -> remarks.Place:
    """The line in the file of *function* that *remark* is about: the innermost one, or the outermost of other files."""
    file = os.path.realpath(function.fn.__code__.co_filename)
    own = [place for place in remark.places if os.path.realpath(place.file) == file]
    return next(iter([*own, *remark.places[::-1]]), remarks.Place("", 0))


def tell_lines(found: Sequence[remarks.Remark], function: JITFunction) -> list[Line]:
    """The lines that something was said of, in their order."""
    lines: dict[remarks.Place, Line] = {}
    for remark in found:
        place = _place(remark, function)
        line = lines.setdefault(place, Line(*place, linecache.getline(*place).strip() if place.file else ""))
        if remark.name == REMARKS:
            _count(line, remark.text)
        elif (text := f"{remark.name}: {remark.text}") not in line.passes:
            line.passes.append(text)
    return [lines[place] for place in sorted(lines)]


def _count(line: Line, text: str) -> None:
    """Adds what *text* says to *line*, or counts it there."""
    fact = remarks.understand(text)
    group = {
        remarks.Access: line.accesses, remarks.Conversion: line.conversions, remarks.SharedMemory: line.shared_memory,
    }[type(fact)]  # fmt: skip
    for known in group:
        if known.text == text:
            known.count += 1
            return
    group.append(Counted(text, 1, fact))


def _usage(compiled: Compiled) -> Usage:
    """What ptxas and Triton say that the kernel uses."""

    def number(pattern: str) -> int:
        match = re.search(pattern, compiled.ptxas_log)
        return int(match[1]) if match else 0

    return Usage(
        registers=number(r"Used (\d+) registers"),
        spill_store_bytes=number(r"(\d+) bytes spill stores"),
        spill_load_bytes=number(r"(\d+) bytes spill loads"),
        stack_bytes=number(r"(\d+) bytes stack frame"),
        shared_bytes=compiled.metadata["shared"],
        warps=compiled.metadata["num_warps"],
    )


# -- Advice


def _advise(launch: Launch, compiled: Compiled) -> list[Advice]:
    """What was tried and makes accesses wider."""
    now = _widths(compiled.remarks, launch.function)
    advice = []
    if not compiled.options.version_tiles:
        versioned = launch._replace(options={**launch.options, "version_tiles": True})
        advice.append(Advice("with version_tiles on", _gains(now, versioned)))
    changes = _alignments(launch)
    alone = [
        Advice(f"with {_wish(launch, [name])}", _gains(now, launch._replace(texts={**launch.texts, name: text})))
        for name, text in changes.items()
    ]
    if len(changes) > 1 and not any(one.gains for one in alone):
        together = launch._replace(texts={**launch.texts, **changes})
        alone.append(Advice(f"with {_wish(launch, changes)}", _gains(now, together)))
    return [one for one in advice + alone if one.gains]


def _alignments(launch: Launch) -> dict[str, str]:
    """The arguments that are not a multiple of 16, as they would be if they were."""
    constants = {param.name for param in launch.function.params if param.is_constexpr}
    aligned = {name: launch_arguments.aligned(text) for name, text in launch.texts.items() if name not in constants}
    return {name: text for name, text in aligned.items() if text is not None}


def _wish(launch: Launch, names: Iterable[str]) -> str:
    """That *names* were multiples of 16, which they are not."""
    return " and ".join(
        f"{name} {'aligned to 16 bytes' if launch.texts[name].startswith('*') else 'a multiple of 16'} ({launch.texts[name]} is not)"
        for name in names
    )


_Key = tuple[remarks.Place, str, str]


def _widths(found: Sequence[remarks.Remark], function: JITFunction) -> dict[_Key, int]:
    """The bytes of the widest access of each line, kind and dtype: what counts where a pass leaves a narrow one for the last tile."""
    widest: dict[_Key, int] = {}
    for remark in found:
        fact = remarks.understand(remark.text) if remark.name == REMARKS else None
        if isinstance(fact, remarks.Access):
            # A load that becomes wide enough may become a copy.
            key = (_place(remark, function), fact.kind.replace("async copy", "load"), fact.dtype)
            widest[key] = max(widest.get(key, 0), fact.bytes)
    return widest


def _gains(now: Mapping[_Key, int], launch: Launch) -> list[Gain]:
    """The accesses that are wider in *launch*; none if it does not compile."""
    try:
        then = _widths(compile_launch(launch, last="ttgir").remarks, launch.function)
    except GraftError:
        return []
    return [
        Gain(*place, kind, dtype, width, then[place, kind, dtype])
        for (place, kind, dtype), width in sorted(now.items())
        if then.get((place, kind, dtype), 0) > width
    ]


# -- As text


def format_report(report: Report) -> str:
    """The report for people."""
    arguments = ", ".join(_argument_text(argument) for argument in report.arguments)
    options = ", ".join(f"{name}={value}" for name, value in report.options.items() if value not in (None, ""))
    text = [f"{report.kernel} for {report.target}", f"arguments: {arguments}", f"options: {options}"]
    for line in report.lines:
        text += ["", f"{_short(line.file)}:{line.number}: {line.source}" if line.number else "without a line"]
        text += [f"    {one.text}{f' (x{one.count})' if one.count > 1 else ''}" for one in _counted(line)]
        text += [f"    {said}" for said in line.passes]
    return "\n".join([*text, "", *_usage_text(report.usage), *[f"advice: {advice}" for advice in report.advice]])


def _short(file: str) -> str:
    """*file* by its path from the current folder if it is in there."""
    path = os.path.relpath(file)
    return file if path.startswith(os.pardir) else path


def _argument_text(argument: Argument) -> str:
    if argument.is_constant:
        return f"{argument.name}={argument.given} (constant)"
    return f"{argument.name}={argument.given} ({argument.type}{', divisible by 16' if argument.is_divisible else ''})"


def _counted(line: Line) -> list[Counted]:
    return [*line.accesses, *line.conversions, *line.shared_memory]


def _usage_text(usage: Usage) -> list[str]:
    spills = f"{usage.spill_store_bytes} bytes spilled, {usage.spill_load_bytes} loaded again"
    return [
        f"a thread: {usage.registers} registers, {spills if usage.spill_store_bytes else 'no spills'}, stack {usage.stack_bytes} bytes",
        f"a CTA: {usage.warps} warps, {usage.shared_bytes} bytes of shared memory",
    ]
