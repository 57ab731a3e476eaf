# SPDX-License-Identifier: MIT
"""Traces: which variants of which kernels a program uses, noted where it runs and compiled elsewhere for any target.

With `GRAFT_TRACE=<file>` set, each variant that a process compiles, or looks up in the cache, for the first time is a line of JSON in
that file:

    {"attributes":[..],"constants":[..],"kernel":"module:name","options":{..},"signature":[..]}

All but the kernel are as in the `specialisation` of a bundle (docs/bundle-format.md). A kernel of the main program is called by its
file, with the path from the folder in which the program was started. A line is written by one write that appends, so processes may
share a file; each of them may have the same lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import triton
from triton.compiler.compiler import ASTSource
from triton.runtime.jit import JITFunction

from ..cache import key
from ..errors import GraftWarning, OptionError
from ..runtime import values
from ..runtime.errors import BundleError
from ..settings import PREFIX
from . import importing, variants

VARIABLE = PREFIX + "TRACE"

_KEYS = {"attributes", "constants", "kernel", "options", "signature"}


# -- Noting


class _Trace:
    """The trace that this process writes."""

    def __init__(self, path: str):
        # A program may change its folder.
        self.path, self.folder = os.path.abspath(path), os.getcwd()
        self._lock = threading.Lock()
        self._noted: set[str] = set()

    def add(self, line: str) -> None:
        """Appends *line*, unless this process has. Raises `OSError`."""
        with self._lock:
            if line in self._noted:
                return
            self._noted.add(line)
            self.append(f"{line}\n")

    def append(self, text: str) -> None:
        """Appends *text*, at once. Raises `OSError`."""
        stream = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(stream, text.encode())
        finally:
            os.close(stream)


class _State:
    trace: _Trace | None = None


_state = _State()


def start() -> None:
    """Begins the trace that `GRAFT_TRACE` asks for, if it does. Raises `OptionError` if it cannot be written."""
    path = os.environ.get(VARIABLE)
    if not path or (_state.trace is not None and _state.trace.path == os.path.abspath(path)):
        return
    trace = _Trace(path)
    try:
        trace.append("")
    except OSError as error:
        raise OptionError(VARIABLE, path, f"a file that can be written ({error.strerror})") from None
    stop()
    _state.trace = trace
    key.observers.append(_observe)


def stop() -> None:
    """Ends the trace, if there is one."""
    if _state.trace is not None:
        _state.trace = None
        key.observers.remove(_observe)


def _observe(request: key.Request, lookup: key.Lookup, group: dict[str, str]) -> None:
    note(request.source, request.options, request.backend.target)


def note(source: Any, options: Any, target: Any) -> None:
    """Notes that this process has compiled or looked up *source* with *options* for *target*, if a trace was started."""
    trace = _state.trace
    if trace is None or not isinstance(source, ASTSource):
        return  # of a kernel that is IR nothing is known that another target could use
    try:
        trace.add(line_of(source, options, target, trace.folder))
    except OSError as error:
        stop()
        warnings.warn(f"triton-graft stops tracing: {trace.path} cannot be written ({error})", GraftWarning, stacklevel=2)


def line_of(source: ASTSource, options: Any, target: Any, folder: str) -> str:
    """The line for a variant, without its end. A file in *folder* is called by its path from there."""
    function = source.fn.fn
    module = importing.module_address(function.__module__, function.__code__.co_filename, folder)
    line = {**variants.specialisation(source, options, target), "kernel": f"{module}:{function.__qualname__}"}
    return json.dumps(line, sort_keys=True, separators=(",", ":"))


# -- Replaying


class _Variant(NamedTuple):
    """What a line of a trace asks for."""

    source: ASTSource
    options: dict[str, Any]


def replay(trace_file: Any) -> int:
    """Compiles each variant in *trace_file* once, for the target of the active driver. Returns their number.

    Options that the traced process gave are given again; the defaults are those of this target. Raises `BundleError` before anything
    is compiled, for a damaged line or one whose kernel is gone. The error names the line.
    """
    wanted = [(_parse(line, where), where) for line, where in _lines(trace_file)]
    for (source, options), where in wanted:
        try:
            triton.compile(source, options=options)
        except Exception as error:
            error.add_note(f"while compiling {where}")
            raise
    return len(wanted)


def _lines(trace_file: Any) -> Iterator[tuple[str, str]]:
    """The lines of the file, each once, with what messages call it: the number of the first such line, from 1 on."""
    try:
        with open(trace_file, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().split("\n")
    except OSError as error:
        raise BundleError("trace", f"{trace_file}: it cannot be read ({error.strerror})") from None
    numbers: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            numbers.setdefault(line, number)
    if not numbers:
        raise BundleError(
            "trace", f"{trace_file}: it is empty: the program that wrote it compiled no kernel and looked none up"
        )
    return ((line, f"{trace_file}, line {number}") for line, number in numbers.items())


def _parse(line: str, where: str) -> _Variant:
    try:
        with _damaged():
            record = json.loads(line)
            if record.keys() != _KEYS or not isinstance(record["kernel"], str) or not isinstance(record["signature"], list):
                raise ValueError(f"expected {', '.join(sorted(_KEYS))}")
        function = importing.find_kernel(record["kernel"])
        _check_parameters(function, record)
        with _damaged():
            return _rebuild(function, record)
    except BundleError as error:
        raise BundleError(error.rule, f"{where}: {error}") from None


@contextlib.contextmanager
def _damaged() -> Iterator[None]:
    try:
        yield
    except BundleError:
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BundleError(
            "trace", f"the line is damaged, or is not a line of a trace ({error or type(error).__name__})"
        ) from None


def _check_parameters(function: JITFunction, record: dict[str, Any]) -> None:
    signature = record["signature"]
    names = ", ".join(function.arg_names)
    if len(signature) != len(function.params):
        raise BundleError(
            "kernel",
            f"{record['kernel']!r}: it was traced with {len(signature)} parameters, and now has {names}; trace it anew",
        )
    for param, type_ in zip(function.params, signature, strict=True):
        if param.is_constexpr and type_ != "constexpr":
            raise BundleError(
                "kernel", f"{record['kernel']!r}: parameter {param.name} is a constexpr now and was {type_}; trace it anew"
            )


def _rebuild(function: JITFunction, record: dict[str, Any]) -> _Variant:
    main = record["kernel"].rpartition(":")[0]
    signature = dict(zip(function.arg_names, map(_types, record["signature"]), strict=True))
    constants = {tuple(path): _decode(value, f"parameter {function.arg_names[path[0]]}", main)
                 for path, value in record["constants"]}  # fmt: skip
    attributes = {tuple(path): [list(item) for item in items] for path, items in record["attributes"]}
    options = {name: _decode(value, f"option {name}", main) for name, value in record["options"].items()}
    return _Variant(_source_class(function)(function, signature, constants, attributes), options)


def _source_class(function: JITFunction) -> Callable[..., ASTSource]:
    if not function.is_gluon():
        return ASTSource
    from triton.experimental.gluon._runtime import GluonASTSource

    return GluonASTSource


def _types(item: Any) -> Any:
    """A type as `ASTSource` has it: a text, or a tuple of them."""
    if isinstance(item, list):
        return tuple(map(_types, item))
    if not isinstance(item, str):
        raise ValueError(f"{item!r} is not a type")
    return item


def _decode(encoded: Any, where: str, main: str) -> Any:
    """The value that is encoded, with Triton's own objects. *main* is what the main program of the traced process is called."""
    if encoded is None or isinstance(encoded, bool | int | str):
        return encoded
    ((tag, inner),) = encoded.items()
    if tag in ("tuple", "list"):
        return (tuple if tag == "tuple" else list)(_decode(item, where, main) for item in inner)
    if tag == "constexpr":
        return triton.language.constexpr(_decode(inner, where, main))
    if tag == "dtype":
        return triton.language.dtype(inner)
    if tag == "float":
        return values.decode(encoded)
    if tag == "function":
        module, _, name = inner.rpartition(":")
        return importing.find_kernel(f"{main if module == '__main__' else module}:{name}")
    if tag == "opaque":
        raise BundleError(
            "constant", f"{where} was {values.show(encoded)}, which a trace cannot hold; warm it up by a function"
        )
    raise ValueError(f"no value is a {tag!r}")
