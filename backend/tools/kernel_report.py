# SPDX-License-Identifier: MIT
"""What the compiler makes of a kernel: how wide its accesses are and what limits them, line by line, and what it uses of a device.

The kernel is compiled anew, stage by stage and past the cache, which has no remarks. Advice is what was tried: an argument is
aligned, or a pass switched on, and the accesses that this makes wider are named. docs/explain.md is the manual.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

import triton
from triton import knobs
from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia import compiler as nvidia
from triton.runtime.jit import JITFunction

from .. import plugin, wings
from ..compiler import Backend, Options
from ..driver import Driver
from ..errors import GraftError, OptionError
from ..runtime.errors import BundleError
from ..settings import parse_target
from . import launch_arguments, remarks

#: The options that every report shows, besides ours.
_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")

_PASS = "graft-remarks"


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
    """All of it."""

    kernel: str
    target: str
    arguments: list[Argument]
    options: dict[str, Any]
    lines: list[Line]
    usage: Usage
    advice: list[Advice]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON has it: docs/explain.md describes the fields."""
        return asdict(self)


def explain(address: str, arguments: str, target: str, options: Mapping[str, Any]) -> Report:
    """The report of the kernel at *address* (`path.py:kernel` or `module:kernel`) for a launch with *arguments*.

    *arguments* are written as in `launch_arguments`; *options* are the keywords of a launch. Makes a driver for *target* the active
    one, as kernels may read the target when they are imported. Raises `OptionError` for what was given wrongly, and `GraftError` if
    the kernel is not there or does not compile.
    """
    launch = _Launch.of(address, arguments, target, options)
    compiled = _compile(launch)
    return Report(
        kernel=address,
        target=target,
        arguments=_arguments(launch, compiled.source),
        options=_shown(compiled.options),
        lines=_lines(compiled.remarks, launch.function),
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


def _find(address: str) -> JITFunction:
    """The kernel at *address*. Raises `GraftError`, which names the kernels that there are."""
    from ..bundle import importing

    try:
        return importing.find_kernel(address)
    except BundleError as error:
        message = str(error).removesuffix(f" (rule: {error.rule})")
    names: list[str] = []
    with contextlib.suppress(BundleError):
        names = importing.kernels(address)
    raise GraftError(f"{message}; its kernels are {', '.join(names)}" if names else message)


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    known = [option.name for option in fields(Options)]
    for name, value in options.items():
        if name not in known:
            raise OptionError(name, value, f"an option of Triton's or ours: {', '.join(known)}")
    return dict(options)


# -- Compiling


class _Launch(NamedTuple):
    """What is to be compiled."""

    address: str
    function: JITFunction
    texts: dict[str, str]
    options: dict[str, Any]
    target: GPUTarget

    @classmethod
    def of(cls, address: str, arguments: str, target: str, options: Mapping[str, Any]) -> _Launch:
        """The launch that `explain` is asked for, with its errors. Makes the driver the active one."""
        parsed = parse_target("--target", target)
        if not plugin.available():
            raise GraftError("there are no remarks without the pass library, and it cannot be used")
        triton.runtime.driver.set_active(Driver(target=parsed))
        function = _find(address)
        return cls(address, function, launch_arguments.parse(arguments, function), _checked(options), parsed)


class _Compiled(NamedTuple):
    """What came of it."""

    source: Any
    options: Options
    remarks: list[remarks.Remark]
    metadata: dict[str, Any]
    ptxas_log: str
    #: What each stage made, by its name.
    results: dict[str, Any]


def _compile(launch: _Launch, last: str = "cubin") -> _Compiled:
    """Compiles *launch* anew, up to the stage *last*. Raises `OptionError` for its options, and `GraftError` if that fails."""
    backend = Backend(launch.target)
    source, options = _specialize(launch, backend)
    try:
        return _run_stages(source, options, backend, last)
    except Exception as error:
        raise GraftError(f"{launch.address} does not compile for cuda:{launch.target.arch}: {error}") from error


def _specialize(launch: _Launch, backend: Backend) -> tuple[Any, Options]:
    """What `kernel[grid](...)` would compile, as Triton specialises the arguments."""
    function = launch.function
    values = launch_arguments.values(launch.texts, function)
    keywords = {**values, **launch.options, "debug": launch.options.get("debug", function.debug), "instrumentation_mode": ""}
    *_, bind = function.device_caches[0]
    try:
        bound, specialization, rest = bind(**keywords)
        options, signature, constants, attributes = function._pack_args(backend, keywords, bound, specialization, rest)
    except OptionError:
        raise
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise GraftError(f"{launch.address} cannot be launched like this: {error}") from None
    return function.ASTSource(function, signature, constants, attributes), options


def _run_stages(source: Any, options: Options, backend: Backend, last: str) -> _Compiled:
    """Runs the stages as `triton.compile` does, with the pass that makes the remarks behind `ttgir`."""
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    module_map, functions = backend.get_module_map(), backend.get_codegen_implementation(options)
    module = source.make_ir(backend.target, options, functions, module_map, context)
    metadata = {"target": backend.target, **vars(options)}
    found: list[remarks.Remark] = []
    log = io.StringIO()
    results: dict[str, Any] = {}
    stages: dict[str, Any] = {}
    backend.add_stages(stages, options, source.language)
    for name, run in stages.items():
        with remarks.captured() as said, _printed_ptxas_log(log if name == "cubin" else io.StringIO()):
            if name == "cubin":  # anew: for the verdict ptxas may have said it already, and of what was not kept, too
                module = backend.make_cubin(module, metadata, options, backend.target.arch)
            else:
                module = run(module, metadata)
            if name == "ttgir":
                _add_remarks(module, options, backend)
        found += said
        results[name] = module
        if name == last:
            break
    return _Compiled(source, options, found, metadata, log.getvalue(), results)


def _add_remarks(module: Any, options: Options, backend: Backend) -> None:
    pm = ir.pass_manager(module.context)
    pm.enable_debug()
    plugin.add(pm, _PASS, ptx_version=nvidia.get_ptx_version_from_options(options, backend.target.arch))
    pm.run(module, "graft_remarks")


@contextlib.contextmanager
def _printed_ptxas_log(log: io.StringIO) -> Iterator[None]:
    """Has Triton print what ptxas says, into *log*."""
    with knobs.nvidia.scope(), contextlib.redirect_stdout(log):
        knobs.nvidia.dump_ptxas_log = True
        yield


# -- What is told


def _arguments(launch: _Launch, source: Any) -> list[Argument]:
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


def _lines(found: Sequence[remarks.Remark], function: JITFunction) -> list[Line]:
    """The lines that something was said of, in their order."""
    lines: dict[remarks.Place, Line] = {}
    for remark in found:
        place = _place(remark, function)
        line = lines.setdefault(place, Line(*place, linecache.getline(*place).strip() if place.file else ""))
        if remark.name == _PASS:
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


def _usage(compiled: _Compiled) -> Usage:
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


def _advise(launch: _Launch, compiled: _Compiled) -> list[Advice]:
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


def _alignments(launch: _Launch) -> dict[str, str]:
    """The arguments that are not a multiple of 16, as they would be if they were."""
    constants = {param.name for param in launch.function.params if param.is_constexpr}
    aligned = {name: launch_arguments.aligned(text) for name, text in launch.texts.items() if name not in constants}
    return {name: text for name, text in aligned.items() if text is not None}


def _wish(launch: _Launch, names: Iterable[str]) -> str:
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
        fact = remarks.understand(remark.text) if remark.name == _PASS else None
        if isinstance(fact, remarks.Access):
            # A load that becomes wide enough may become a copy.
            key = (_place(remark, function), fact.kind.replace("async copy", "load"), fact.dtype)
            widest[key] = max(widest.get(key, 0), fact.bytes)
    return widest


def _gains(now: Mapping[_Key, int], launch: _Launch) -> list[Gain]:
    """The accesses that are wider in *launch*; none if it does not compile."""
    try:
        then = _widths(_compile(launch, last="ttgir").remarks, launch.function)
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
