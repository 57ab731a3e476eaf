# SPDX-License-Identifier: MIT
"""A kernel's caches in memory: keys that tell constants apart which Python or Triton calls equal, and kernels that are current."""

from __future__ import annotations

import functools
import marshal
import sys
from typing import Any

from triton._C.libtriton import native_specialize_impl
from triton.language.core import constexpr
from triton.runtime.jit import JITCallable, _replace_jit_callables

from ..cache.current_kernels import CurrentKernels


class TypedKeys(dict):
    """A kernel's cache of keys, in which constants are equal only if their types and signs are.

    To a dict, 0, 0.0, -0.0 and False are one key, and a kernel that was given one of them would be launched for all. The keys
    themselves are Triton's text, except where that is one for two: `tl.constexpr(1)` and `tl.constexpr("1")`, say.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        typed = (key, _exact(key[0]))
        found = super().get(typed, default)
        if found is None and any(map(_is_ambiguous, key[0])):
            specialization, options = key
            text = str(_replace_jit_callables(list(specialization))) + options  # as compute_cache_key has it
            exact = [f"{index}: {_text(value)}" for index, value in enumerate(specialization) if _is_ambiguous(value)]
            found = super().setdefault(typed, f"{text} {'; '.join(exact)}")
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((key, _exact(key[0])), value)


def _exact(value: Any) -> Any:
    """*value* with what equality overlooks. Each launch that goes Triton's way asks for it.

    `marshal` writes strings, numbers, None and tuples of these, each by its very type, and refuses everything else. In version 0 it
    writes equal values of one type alike, whoever else holds them.
    """
    try:
        return marshal.dumps(value, 0)
    except ValueError:
        return _kinds(value)


def _kinds(value: Any) -> Any:
    """What equality overlooks in *value*: types and signs, also inside."""
    if isinstance(value, tuple):
        return (type(value), *map(_kinds, value))
    if isinstance(value, constexpr):
        return (type(value), _kinds(value.value))
    # Equal objects may hold 1 and 1.0; those that show themselves by their address hold what their class compares.
    shown = None if isinstance(value, str) or type(value).__repr__ is object.__repr__ else repr(value)
    return (type(value), shown)


def _is_ambiguous(value: Any) -> bool:
    """Whether Triton's text for *value* may be that of something else, too."""
    if type(value) is tuple:
        return any(map(_is_ambiguous, value))
    return isinstance(value, tuple | constexpr)  # it shows no class of tuples, and what is in a constexpr without its type


def _text(value: Any) -> str:
    """*value* with the classes of all that is in it."""
    cls = type(value)
    name = "" if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}{getattr(cls, '_fields', '')} "
    if isinstance(value, tuple):
        return f"{name}({', '.join(map(_text, value))})"
    if isinstance(value, constexpr):
        return f"{name}[{_text(value.value)}]"
    return name + (value.cache_key if isinstance(value, JITCallable) else repr(value))


#: What `native_specialize_impl` imports when it is first called, for the descriptors in it.
_GLUON = "triton.experimental.gluon"


def specialize(backend: Any, value: Any, is_const: bool, is_special: bool, align: bool) -> tuple:
    """What `native_specialize_impl` returns; while nobody has imported Gluon, without importing it for numbers and arrays.

    That takes 30 ms, an eighth of the time in which a process that compiles nothing launches its kernels.
    """
    if _GLUON in sys.modules:
        return native_specialize_impl(backend, value, is_const, is_special, align)
    from ..runtime import dispatch

    if not dispatch.is_plain(value):
        return native_specialize_impl(backend, value, is_const, is_special, align)
    return dispatch.of_value(value, lambda value: None, dispatch.Rules(is_const, is_special, align))


def create_binder(kernel: Any) -> tuple:
    """What `JITFunction.create_binder` returns, with caches that tell constants apart and drop what is no longer current."""
    from ..cache import key

    kernels, _, target, backend, binder = kernel.create_binder()
    if "specialize_impl" in binder.__globals__:  # it is a namespace of the binder's own
        binder.__globals__["specialize_impl"] = specialize
    kernel.compile = functools.partial(key.compile_current, kernel.compile)
    return CurrentKernels(kernel, kernels), TypedKeys(), target, backend, binder
