# SPDX-License-Identifier: MIT
"""The arguments of a launch as people write them on a command line, without anything behind them.

    x=*fp16, out=*fp16:8, n=1048575, BLOCK=1024

An argument is given by position or by name:
- `*fp16`: a pointer, aligned to 16 bytes; `*fp16:8`: to 8 bytes;
- `1048575`, `True`, `1.5`, `None`, `(1, 2)`: this value, which Triton specialises on as at a launch;
- `i32`: an integer of which nothing is known; `i32:16`: one that is a multiple of 16; also i64 and u64; `fp32`: a number; `i1`: a
  truth value;
- `fp16[128, 64]`: a tensor descriptor with this block shape;
- for a constexpr its value, which may be a text in quotes, or a name that the kernel's file knows, such as `tl.float16`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import triton
from triton._utils import type_canonicalisation_dict
from triton.runtime.jit import JITFunction, KernelParam

from ..errors import OptionError, did_you_mean

#: What Triton specialises on, in bytes for pointers.
ALIGNMENT = 16

#: A value of each integer type, which is a multiple of 16.
_INTEGERS = {"i32": 16, "i64": 1 << 31, "u64": 1 << 63}
_SCALARS = {"i1": True, "fp32": 1.5}

_NAMED = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*)", re.S)
_POINTER = re.compile(r"\*(\w+)(?::(\d+))?")
_INTEGER = re.compile(r"(i32|i64|u64)(?::(\d+))?")
_DESCRIPTOR = re.compile(r"(\w+)\[([\d\s,]+)\]")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")

_EXPECTED = (
    "a pointer such as *fp16 or *fp16:8, a number, i32, i32:16, i64, u64, fp32 or i1, or a descriptor such as fp16[128, 64]"
)
_EXPECTED_CONSTEXPR = (
    "a constant: a number, True, False, None, a text in quotes, a tuple, or a name that the kernel's file knows"
)


def parse(text: str, function: JITFunction) -> dict[str, str]:
    """The texts of the arguments in *text*, by the names of the parameters of *function*, in their order.

    Raises `OptionError` for an argument that has no parameter and a parameter that has neither argument nor default.
    """
    params = {param.name: param for param in function.params}
    given: dict[str, str] = {}
    names = iter(params)
    for item in _items(text):
        match = _NAMED.fullmatch(item)
        name, value = (match[1], match[2]) if match else (next(names, "--args"), item)
        if name not in params:
            raise OptionError(
                name,
                value,
                f"an argument for a parameter of {function.__name__}: {', '.join(params)}{did_you_mean(name, params)}",
            )
        if name in given:
            raise OptionError(name, value, f"one argument, but {given[name]!r} was given before")
        given[name] = value
    missing = [name for name, param in params.items() if name not in given and not param.has_default]
    if missing:
        raise OptionError("--args", text, f"arguments for {', '.join(missing)}, too")
    return {name: given[name] for name in params if name in given}


def values(texts: Mapping[str, str], function: JITFunction) -> dict[str, Any]:
    """What a launch with *texts* passes, by name. Raises `OptionError` for a text that is none of those above."""
    params = {param.name: param for param in function.params}
    return {name: _value(params[name], text, function) for name, text in texts.items()}


def aligned(text: str) -> str | None:
    """*text* as it would be for an argument that is a multiple of 16, or aligned to 16 bytes; None if it is, or cannot be."""
    if match := _POINTER.fullmatch(text):
        return None if _is_aligned(match[2], ALIGNMENT) else f"*{match[1]}"
    if match := _INTEGER.fullmatch(text):
        return None if _is_aligned(match[2], 1) else f"{match[1]}:{ALIGNMENT}"
    try:
        number = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    if type(number) is not int or number == 1 or number % ALIGNMENT == 0:
        return None  # of 1 Triton makes a constant, which may be worth more
    return str(number + ALIGNMENT - number % ALIGNMENT)


def _is_aligned(text: str | None, default: int) -> bool:
    return int(text or default) % ALIGNMENT == 0


def _items(text: str) -> Iterator[str]:
    """The parts of *text* between commas that are in no brackets or quotes. Raises `OptionError` for an empty one."""
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        else:
            depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    for part in parts if text.strip() else ():
        if not part.strip():
            raise OptionError("--args", text, "an argument between commas")
        yield part.strip()


def _value(param: KernelParam, text: str, function: JITFunction) -> Any:
    if param.is_constexpr:
        return _constant(param.name, text, function)
    if match := _POINTER.fullmatch(text):
        return _pointer(param.name, text, match[1], int(match[2] or ALIGNMENT))
    if match := _INTEGER.fullmatch(text):
        # The next multiple of 16, and 3: neither is what Triton makes a constant of.
        return _INTEGERS[match[1]] + (0 if _is_aligned(match[2], 1) else 3)
    if text in _SCALARS:
        return _SCALARS[text]
    if match := _DESCRIPTOR.fullmatch(text):
        return _descriptor(param.name, text, match[1], [int(size) for size in match[2].split(",") if size.strip()])
    value = _literal(param.name, text, _EXPECTED)
    if not isinstance(value, bool | int | float | tuple | None):
        raise OptionError(param.name, text, _EXPECTED)
    return value


def _literal(name: str, text: str, expected: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise OptionError(name, text, expected) from None


def _constant(name: str, text: str, function: JITFunction) -> Any:
    if _DOTTED.fullmatch(text) and text not in ("True", "False", "None"):
        first, *rest = text.split(".")
        known = inspect.getclosurevars(function.fn)
        found = ({**known.builtins, **function.fn.__globals__, **known.nonlocals}).get(first)
        for part in rest:
            found = getattr(found, part, None)
        if found is None:
            raise OptionError(name, text, _EXPECTED_CONSTEXPR)
        return found
    return _literal(name, text, _EXPECTED_CONSTEXPR)


def _dtype(name: str, text: str, dtype: str) -> str:
    """*dtype* as Triton calls it."""
    found = type_canonicalisation_dict.get(dtype)
    if found is None or found == "void":
        known = ", ".join(sorted(set(type_canonicalisation_dict.values()) - {"void"}))
        raise OptionError(name, text, f"elements of a type that Triton has: {known}")
    return found


def _pointer(name: str, text: str, dtype: str, alignment: int) -> Any:
    if alignment < 1 or alignment & (alignment - 1):
        raise OptionError(name, text, "an alignment that is a power of two, in bytes")
    from ..bundle.ranges import Array

    return Array(_dtype(name, text, dtype), alignment % ALIGNMENT == 0)


def _descriptor(name: str, text: str, dtype: str, block: list[int]) -> Any:
    from triton.tools.tensor_descriptor import TensorDescriptor

    from ..bundle.ranges import Array

    base = Array(triton.language.str_to_ty(_dtype(name, text, dtype), None), aligned=True)
    # Of shape and strides a kernel knows nothing when it is compiled: any that TMA takes will do.
    strides = [1 << 10] * (len(block) - 1) + [1]
    try:
        return TensorDescriptor(base, [1 << 10] * len(block), strides, block)
    except (AssertionError, TypeError, ValueError) as error:
        raise OptionError(name, text, f"a block shape that Triton takes ({error})") from None
