# SPDX-License-Identifier: MIT
"""A kernel's caches in memory: keys that tell constants apart which Python or Triton calls equal, and kernels that are current."""

from __future__ import annotations

import functools
from typing import Any

from triton.language.core import constexpr
from triton.runtime.jit import JITCallable, _replace_jit_callables

from .current_kernels import CurrentKernels


class TypedKeys(dict):
    """A kernel's cache of keys, in which constants are equal only if their types and signs are.

    To a dict, 0, 0.0, -0.0 and False are one key, and a kernel that was given one of them would be launched for all. The keys
    themselves are Triton's text, except where that is one for two: `tl.constexpr(1)` and `tl.constexpr("1")`, say.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        typed = (key, _kinds(key[0]))
        found = super().get(typed, default)
        if found is None and any(map(_is_ambiguous, key[0])):
            specialization, options = key
            text = str(_replace_jit_callables(list(specialization))) + options  # as compute_cache_key has it
            exact = [f"{index}: {_text(value)}" for index, value in enumerate(specialization) if _is_ambiguous(value)]
            found = super().setdefault(typed, f"{text} {'; '.join(exact)}")
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((key, _kinds(key[0])), value)


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


def create_binder(kernel: Any) -> tuple:
    """What `JITFunction.create_binder` returns, with caches that tell constants apart and drop what is no longer current."""
    from . import key

    kernels, _, target, backend, binder = kernel.create_binder()
    kernel.compile = functools.partial(key.compile_current, kernel.compile)
    return CurrentKernels(kernel, kernels), TypedKeys(), target, backend, binder
