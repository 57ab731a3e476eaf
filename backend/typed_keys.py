# SPDX-License-Identifier: MIT
"""Caches of kernels that tell constants apart which Python calls equal."""

from __future__ import annotations

from typing import Any

from triton.language.core import constexpr


class TypedKeys(dict):
    """A kernel's cache of keys, in which constants are equal only if their types and signs are.

    To a dict, 0, 0.0, -0.0 and False are one key, and a kernel that was given one of them would be launched for all.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key, _kinds(key[0])), default)

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


def create_binder(kernel: Any) -> tuple:
    """What `JITFunction.create_binder` returns, with a cache of keys that tells constants apart."""
    kernels, _, target, backend, binder = kernel.create_binder()
    return kernels, TypedKeys(), target, backend, binder
