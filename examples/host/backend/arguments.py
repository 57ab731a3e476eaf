# SPDX-License-Identifier: MIT
"""The arguments of a launch as a kernel takes them: one slot of eight bytes for each."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator
from typing import Any

from triton.backends.driver import decompose_descriptor, expand_signature

from . import arrays
from .errors import ArgumentError
from .runtime import Buffer

#: How a number is written into its slot, by its type.
_SLOTS = {
    "i1": "?7x", "i8": "b7x", "i16": "h6x", "i32": "i4x", "i64": "q",
    "u1": "?7x", "u8": "B7x", "u16": "H6x", "u32": "I4x", "u64": "Q",
    "fp16": "e6x", "bf16": "H6x", "fp32": "f4x", "fp64": "d", "f16": "e6x", "f32": "f4x", "f64": "d",
}  # fmt: skip


def _to_fp32(value: Any) -> float:
    """Rounded; what is too large is infinite, as with Triton's other backends."""
    return ctypes.c_float(value).value


def _to_bf16(value: Any) -> int:
    """The upper half of a float, as with Triton's other backends."""
    return struct.unpack("<I", struct.pack("<f", _to_fp32(value)))[0] >> 16


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"fp32": _to_fp32, "f32": _to_fp32, "bf16": _to_bf16}


def _identity(value: Any) -> Any:
    return value


def _conversion(kind: str) -> Callable[[Any], Any]:
    if kind.startswith("*"):
        is_const = kind.startswith("*k")
        return lambda arg: arrays.address(arg, is_const)
    return _CONVERSIONS.get(kind, _identity)


def _flat(kind: Any, name: str, path: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """The name, the place in the arguments and the type of each argument that a kernel takes for *kind*, descriptors being one."""
    if isinstance(kind, tuple):
        for index, part in enumerate(kind):
            yield from _flat(part, f"{name}[{index}]", (*path, index))
    elif kind != "constexpr":
        yield name, path, kind


class Arguments:
    """Packs the arguments of a kernel."""

    def __init__(self, kernel: str, signature: dict[Any, Any]) -> None:
        """*signature* is by name and has Triton's types, `constexpr` for what is compiled in. Raises `ArgumentError` for another type."""
        self._kernel = kernel
        named = enumerate(signature.items())
        self._taken = [flat for index, (name, kind) in named for flat in _flat(kind, str(name), (index,))]
        kinds: list[str] = []
        self._names: list[str] = []
        for name, _, kind in self._taken:
            parts = expand_signature([kind], None, "")
            kinds += parts
            self._names += [name] * len(parts)
        if unknown := [kind for kind in kinds if not kind.startswith("*") and kind not in _SLOTS]:
            raise ArgumentError(f"the kernel {kernel} cannot be launched with an argument of the type {unknown[0]}")
        self._struct = struct.Struct("<" + "".join(_SLOTS.get(kind, "Q") for kind in kinds))
        self._conversions = [_conversion(kind) for kind in kinds]
        self._kinds = kinds
        # Nearly all kernels take just numbers and pointers.
        self._simple = [path[0] for _, path, kind in self._taken if len(path) == 1 and not kind.startswith("tensordesc")]
        self._is_simple = len(self._simple) == len(self._taken)

    def _values(self, args: tuple) -> Iterator[Any]:
        for _, path, kind in self._taken:
            value: Any = args
            for index in path:
                value = value[index]
            if kind.startswith("tensordesc"):
                yield from decompose_descriptor(value)
            else:
                yield value

    def buffers(self, args: tuple) -> list[Buffer]:
        """The memory behind pointers, in which a kernel may touch all. Where its size is not known, it goes on to the next."""
        found = []
        for name, kind, value in zip(self._names, self._kinds, self._values(args), strict=True):
            if kind.startswith("*") and value is not None:
                found.append((name, arrays.extent(value) or (arrays.address(value, True), None)))
        begins = sorted(begin for _, (begin, _) in found)
        following = dict(zip(begins, [*begins[1:], 2**64 - 1], strict=True))
        return [
            Buffer(begin, following[begin] - begin if size is None else size, name.encode()) for name, (begin, size) in found
        ]

    def pack(self, args: tuple) -> bytes:
        """The slots. Raises `ArgumentError`, which names the argument, for a value that its type has not."""
        values = [args[index] for index in self._simple] if self._is_simple else list(self._values(args))
        try:
            return self._struct.pack(*[convert(value) for convert, value in zip(self._conversions, values, strict=True)])
        except (ArgumentError, struct.error, TypeError, OverflowError):
            self._blame(values)
            raise

    def _blame(self, values: list) -> None:
        """Says which of *values* cannot be packed."""
        for name, kind, convert, value in zip(self._names, self._kinds, self._conversions, values, strict=True):
            try:
                struct.pack("<" + _SLOTS.get(kind, "Q"), convert(value))
            except ArgumentError as error:
                raise ArgumentError(f"argument {name} of the kernel {self._kernel}: {error}") from None
            except (struct.error, TypeError, OverflowError):
                raise ArgumentError(f"argument {name} of the kernel {self._kernel}: {value!r} is no {kind}") from None
