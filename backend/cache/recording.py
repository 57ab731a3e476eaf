# SPDX-License-Identifier: MIT
"""Noting what Triton's front end looks up while it makes the TTIR of a kernel: how a read-set comes about.

This module brings Triton's code generator with it, which a process that finds all its kernels in the cache does without.
"""

from __future__ import annotations

import dataclasses
import enum
import threading
import types
from collections.abc import Sequence
from typing import Any

from triton.compiler import code_generator
from triton.language.core import base_value, constexpr
from triton.language.core import tuple as tl_tuple
from triton.runtime.jit import JITCallable, JITFunction

from .encoding import FAILURES, Encoder, UnprovableError, is_language, own_text
from .reachable import PLAIN_TYPES, reaches_more
from .reads import UNSTABLE
from .readset import Read, Root, shortened


class Recorder:
    """Notes what the front end looks up for one kernel, in one thread, from `with` to its end."""

    def __init__(self, root: Root):
        self.reads: list[Read] = []
        self.encoder: Encoder | None = None
        #: Why there is no read-set; empty if there is one.
        self.reason = ""
        self._seen: set[tuple[int, str]] = set()
        try:
            self.encoder, _ = root.begin()
        except UnprovableError as error:
            self.reason = str(error)

    def __enter__(self) -> Recorder:
        self._outer = _active.recorder
        _active.recorder = self
        return self

    def __exit__(self, *_: object) -> None:
        _active.recorder = self._outer

    def read(self, base: Any, name: str) -> None:
        """Notes that *name* was looked up in *base*: a function, a module or a class."""
        if self.encoder is None or (id(base), name) in self._seen or _is_own_function(base):
            return
        self._seen.add((id(base), name))
        watched, met = len(self.encoder.watched), len(self.encoder.objects)
        try:
            where = self.encoder.number(base)
            if where is None and not (isinstance(base, types.ModuleType) and is_language(base.__name__)):
                raise UnprovableError(f"it is not known how the front end came by {base!r}")
            written = shortened(self.encoder.look_up(base, name))
            self.reads.append(Read(base.__name__ if where is None else where, name, written))
        except FAILURES as error:
            self.reason = self.reason or f"{name}: {error}"
            # What can be seen to change in this process is still worth watching.
            self.encoder.watched[watched:] = (seen for seen in self.encoder.watched[watched:] if seen[2] is not UNSTABLE)
            self.encoder.forget(met)  # who checks the other look-ups does not meet them

    def read_attribute(self, value: Any, name: str) -> None:
        """Notes that attribute *name* of *value*, which the front end has come by, is read."""
        if isinstance(value, constexpr) and name not in ("value", "type"):
            value = value.value
        if isinstance(value, types.ModuleType):
            self.read(value, name)
        elif isinstance(value, type):
            if not own_text(value):
                self.read(value, name)
        elif not _shows(value, name):
            self.reason = self.reason or f"attribute {name} of a {type(value).__qualname__} may be computed"

    def call(self, function: Any, arguments: Sequence[Any]) -> None:
        """Notes that *function* is called, of which only a `JITFunction` is compiled: what others read of *arguments* nobody sees."""
        given = [arg.value if isinstance(arg, constexpr) else arg for arg in arguments]
        if function in (getattr, hasattr) and len(given) > 1:
            self.read_attribute(*given[:2])
        elif not isinstance(function, JITFunction) and any(map(_has_module, given)):
            self.reason = (
                self.reason or f"{getattr(function, '__name__', function)!r} is given a module, of which it may read anything"
            )

    def visit(self, function: JITFunction) -> None:
        """Notes that the body of *function* is about to be compiled."""
        if self.encoder is not None and self.encoder.number(function) is None and not _is_own_function(function):
            self.reason = self.reason or f"it is not known how the front end came by {function!r}"


def _has_module(value: Any) -> bool:
    """Whether *value* is a module, or a sequence in which there is one."""
    if isinstance(value, constexpr):
        return _has_module(value.value)
    values = getattr(value, "values", None) if isinstance(value, tl_tuple) else value
    return isinstance(value, types.ModuleType) or (isinstance(values, list | tuple) and any(map(_has_module, values)))


def _is_own_function(value: Any) -> bool:
    """Whether *value* is a function of the language, whose look-ups are part of the compiler's identity."""
    return isinstance(value, JITCallable) and bool(own_text(value))


def _shows(value: Any, name: str) -> bool:
    """Whether attribute *name* of *value* follows from what is written of it and its class, or is the language's own."""
    cls = type(value)
    if isinstance(value, base_value) or own_text(cls):
        return True
    if reaches_more(name):
        return False
    return cls in PLAIN_TYPES or isinstance(value, enum.Enum | tuple | types.FunctionType) or dataclasses.is_dataclass(value)


class _Active(threading.local):
    recorder: Recorder | None = None


_active = _Active()


class _Scope(dict):
    """The names a function sees, which notes which of them are looked up."""

    def __init__(self, names: dict, recorder: Recorder, function: JITFunction):
        super().__init__(names)
        self._recorder, self._function = recorder, function

    def get(self, name: Any, default: Any = None) -> Any:
        self._recorder.read(self._function, name)
        return super().get(name, default)

    def __getitem__(self, name: Any) -> Any:
        self._recorder.read(self._function, name)
        return super().__getitem__(name)

    def __contains__(self, name: Any) -> bool:
        self._recorder.read(self._function, name)
        return super().__contains__(name)


class RecordingGenerator(code_generator.CodeGenerator):
    """Triton's code generator, which tells the recorder of this thread, if there is one, what it looks up."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._recorder = _active.recorder
        if self._recorder is not None:
            self._recorder.visit(self.jit_fn)
            self.gscope: dict = _Scope(self.gscope, self._recorder, self.jit_fn)

    def get_Attribute(self, lhs: Any, attr: str) -> Any:  # noqa: N802 - Triton's name
        if self._recorder is not None:
            self._recorder.read_attribute(lhs, attr)
        return super().get_Attribute(lhs, attr)

    def call_Function(self, node: Any, fn: Any, args: Any, kws: Any) -> Any:  # noqa: N802
        if self._recorder is not None:
            self._recorder.call(fn, (*args, *kws.values()))
        return super().call_Function(node, fn, args, kws)
