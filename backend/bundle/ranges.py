# SPDX-License-Identifier: MIT
"""Ranges of arguments: which variants of a kernel a warmup has to cover, said once and expanded to all specialisations.

    bundle.warmup(softmax, x="*fp16", n=range(1, 65536), BLOCK=[1024, 4096], num_warps=[4, 8])

What may stand for a parameter:
- `"*fp16"` or `Pointer("fp16")`: a pointer, aligned to 16 bytes and not; `Pointer("fp16", aligned=True)`: an aligned one;
- a `range`: one integer for each specialisation that Triton tells apart in it;
- a list: each of its items, which may be any of these;
- anything else: that value, also a tuple of these.

For constexprs and options every value counts: texts are texts, and a range has all its integers.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any, NamedTuple

from triton._C.libtriton import native_specialize_impl
from triton._utils import type_canonicalisation_dict
from triton.backends.compiler import BaseBackend
from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import JITFunction, KernelParam, MockTensor, create_function_from_signature

from ..errors import did_you_mean
from ..runtime.errors import BundleError

#: How many variants of one kernel a warmup compiles unless it asks for more.
MAX_VARIANTS = 4096

#: What tells the specialisations of one parameter apart: the type and what Triton knows besides.
Classify = Callable[[Any], Any]

#: The values that have one integer type: of i64 below i32, of i32, of i64 above it, and of u64.
_INTEGER_TYPES = ((-(1 << 63), -(1 << 31)), (-(1 << 31), 1 << 31), (1 << 31, 1 << 63), (1 << 63, 1 << 64))
#: How many steps it takes from any number to one that is as far from a multiple of 16, at most.
_PERIOD = 16


@dataclass(frozen=True)
class Pointer:
    """A pointer to elements of *dtype* (a name such as "fp16", or a dtype). *aligned*: to 16 bytes, not, or (None) once each."""

    dtype: Any
    aligned: bool | None = None

    def arrays(self) -> list[Any]:
        """Arguments that are such pointers."""
        return [Array(self.dtype, aligned) for aligned in (True, False) if self.aligned in (None, aligned)]


class Array(MockTensor):
    """An argument that is a pointer. Nothing is behind it."""

    def __init__(self, dtype: Any, aligned: bool):
        super().__init__(dtype)
        self.aligned = aligned

    def data_ptr(self) -> int:
        """An address that says no more than whether it is aligned."""
        return 0 if self.aligned else 8

    def __repr__(self) -> str:
        return f"<{'aligned' if self.aligned else 'unaligned'} pointer to {self.dtype}>"


class _Unwrapped(NamedTuple):
    """A kernel, and what its wrappers say about its arguments."""

    function: JITFunction
    #: What chooses an argument, for messages, by the argument's name.
    chosen: Mapping[str, str]


def expand(kernel: Any, /, *, max_variants: int = MAX_VARIANTS, **ranges: Any) -> Iterator[dict[str, Any]]:
    """Lists of arguments, by name, that together cover every specialisation of *kernel* in *ranges*.

    Raises `BundleError` for names that *kernel* does not have, missing arguments, empty ranges, values that Triton does not take, and
    for more than *max_variants* lists.
    """
    unwrapped = _unwrap(kernel)
    _check_names(unwrapped, ranges)
    params = {param.name: param for param in unwrapped.function.params}
    choices = {}
    for name, declared in ranges.items():
        where = f"{unwrapped.function.__name__}: {name}"
        choices[name] = _choices_of(params.get(name), declared, where, max_variants)
    count = prod(map(len, choices.values()))
    if count > max_variants:
        counts = ", ".join(f"{name} {len(values)}" for name, values in choices.items() if len(values) > 1)
        raise BundleError(
            "count",
            f"{unwrapped.function.__name__}: these ranges make {count} variants ({counts}), and allowed are {max_variants}; narrow "
            "them, or raise max_variants",
        )
    return (dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))


def warmup(kernel: Any, /, *, grid: Any = None, max_variants: int = MAX_VARIANTS, **ranges: Any) -> int:
    """Compiles *kernel* for every specialisation that *ranges* allow, with all configurations if it is autotuned.

    Returns the number of lists of arguments that were compiled for. Heuristics see *grid*. Raises `BundleError` as `expand` does,
    before anything is compiled.
    """
    every = [*expand(kernel, max_variants=max_variants, **ranges)]
    for arguments in every:
        _warm_up(kernel, arguments, (1,) if grid is None else grid)
    return len(every)


def _warm_up(kernel: Any, arguments: dict[str, Any], grid: Any) -> None:
    # A heuristic around an autotuner would make Triton measure.
    while isinstance(kernel, Heuristics):
        for name, heuristic in kernel.values.items():
            arguments = {**arguments, name: heuristic({**arguments, "grid": grid, "warmup": True})}
        kernel = kernel.fn
    # Who prunes configurations gets by name what is passed by position.
    names = [*itertools.takewhile(arguments.__contains__, _positional(_unwrap(kernel).function))]
    others = {name: value for name, value in arguments.items() if name not in names}
    kernel.warmup(*(arguments[name] for name in names), grid=grid, **others)


def _positional(function: JITFunction) -> Iterator[str]:
    """The names of the leading parameters that can be passed by position."""
    params = itertools.takewhile(lambda param: param._param.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD, function.params)
    return (param.name for param in params)


# -- Names


def _unwrap(kernel: Any) -> _Unwrapped:
    chosen: dict[str, str] = {}
    while not isinstance(kernel, JITFunction):
        if isinstance(kernel, Autotuner):
            names = (config.all_kwargs() for config in kernel.configs)
            chosen |= dict.fromkeys(itertools.chain.from_iterable(names), "the autotuner's configurations choose it")
        elif isinstance(kernel, Heuristics):
            chosen |= dict.fromkeys(kernel.values, "a heuristic chooses it")
        else:
            raise BundleError(
                "kernel", f"ranges are for a kernel made with triton.jit, autotune or heuristics, and this is {kernel!r}"
            )
        kernel = kernel.fn
    return _Unwrapped(kernel, chosen)


def _check_names(unwrapped: _Unwrapped, ranges: Mapping[str, Any]) -> None:
    function, chosen = unwrapped
    params = {param.name: param for param in function.params}
    options = _option_names()
    for name in ranges:
        if name in chosen:
            raise BundleError("argument", f"{function.__name__}: {name} cannot be given, as {chosen[name]}")
        if name not in params and name not in options:
            hint = did_you_mean(name, [*params, *options]) or f"; its parameters are {', '.join(params) or 'none'}"
            raise BundleError(
                "argument",
                f"{function.__name__}: {name!r} is neither a parameter of the kernel nor an option of Triton{hint}",
            )
        if name in params and params[name]._param.kind is inspect.Parameter.VAR_POSITIONAL:
            raise BundleError(
                "argument",
                f"{function.__name__}: *{name} takes any number of arguments; warm such launches up with kernel.warmup(...)",
            )
    missing = [
        name
        for name, param in params.items()
        if name not in ranges
        and name not in chosen
        and not param.has_default
        and param._param.kind is not inspect.Parameter.VAR_POSITIONAL
    ]
    if missing:
        raise BundleError(
            "argument", f"{function.__name__}: there is nothing for {', '.join(missing)}; each needs a range or a value"
        )


def _option_names() -> list[str]:
    from ..compiler import Options

    return [field.name for field in fields(Options)]


# -- Values


def _choices_of(param: KernelParam | None, declared: Any, where: str, most: int) -> list[Any]:
    """The values for *param*, None for an option, that are to be covered. *where* is for messages."""
    if param is None or param.is_constexpr:
        choices = _literal(declared, where, most)
    else:
        choices = _values(declared, _classifier(param), where)
    if not choices:
        raise BundleError("range", f"{where}: {declared!r} is empty")
    return choices


def _literal(declared: Any, where: str, most: int) -> list[Any]:
    """The values of a constexpr or an option, all of which count."""
    if isinstance(declared, range):
        if len(declared[: most + 1]) > most:
            raise BundleError("count", f"{where}: {declared!r} has more than {most} values, and each would be a variant")
        return [*declared]
    if isinstance(declared, list):
        return [value for item in declared for value in _literal(item, where, most)]
    return [declared]


def _values(declared: Any, classify: Classify, where: str) -> list[Any]:
    """Values that stand for all of *declared*. What is given one by one is not thinned out: heuristics may tell it apart."""
    if isinstance(declared, list):
        return [value for item in declared for value in _values(item, classify, where)]
    if isinstance(declared, str):
        declared = _parse_pointer(declared, where)
    if isinstance(declared, Pointer):
        return _representatives(declared.arrays(), classify, where)
    if isinstance(declared, range):
        return _representatives(_candidates(declared, where), classify, where)
    if isinstance(declared, tuple):
        return [*_tuples(type(declared), [_values(item, _classify_item, where) for item in declared])]
    return _representatives([declared], classify, where)


def _tuples(cls: type, items: Iterable[Iterable[Any]]) -> Iterator[tuple]:
    for values in itertools.product(*items):
        yield cls(*values) if hasattr(cls, "_fields") else cls(values)


def _parse_pointer(text: str, where: str) -> Pointer:
    if not text.startswith("*"):
        raise BundleError(
            "range",
            f"{where}: {text!r} is not a value that a kernel takes; a pointer is written as '*fp16', and only a constexpr may be a text",
        )
    dtype = text.removeprefix("*")
    if dtype not in type_canonicalisation_dict:
        known = ", ".join(sorted(set(type_canonicalisation_dict.values()) - {"void"}))
        raise BundleError("range", f"{where}: {text!r} points to a type that Triton does not have; it has {known}")
    return Pointer(dtype)


def _candidates(integers: range, where: str) -> list[int]:
    """Some of *integers*, among them one of each specialisation; first those that a program is likely to pass."""
    if integers.step < 0:
        integers = integers[::-1]
    lowest, highest = _INTEGER_TYPES[0][0], _INTEGER_TYPES[-1][1]
    if integers and not lowest <= integers[0] <= integers[-1] < highest:
        raise BundleError("range", f"{where}: {integers!r} has integers that are too large for every type of Triton")
    # One class more than the distances from a multiple of 16: the number 1.
    parts = [_between(integers, *bounds)[: _PERIOD + 1] for bounds in _INTEGER_TYPES]
    ones = [1] if 1 in integers else []
    return sorted(itertools.chain(ones, *parts), key=lambda value: value <= 0)


def _between(integers: range, low: int, high: int) -> range:
    """Those of *integers*, which ascend, that are at least *low* and less than *high*."""
    begin, end = (max(0, -((integers.start - bound) // integers.step)) for bound in (low, high))
    return integers[begin:end]


def _representatives(values: Iterable[Any], classify: Classify, where: str) -> list[Any]:
    """The first of *values* of each specialisation. Raises `BundleError` for one that Triton does not take."""
    found: list[tuple[Any, Any]] = []
    for value in values:
        try:
            special = classify(value)
        except (TypeError, KeyError, OverflowError) as error:
            raise BundleError("range", f"{where}: Triton does not take {value!r} as an argument ({error})") from None
        if all(special != known for _, known in found):
            found.append((value, special))
    return [value for value, _ in found]


def _classifier(param: KernelParam) -> Classify:
    """How Triton specialises arguments for *param*: by a function that it makes for a kernel with this parameter alone."""
    alone = param._param.replace(default=inspect.Parameter.empty)
    bind = create_function_from_signature(inspect.Signature([alone]), [param], BaseBackend)
    return lambda value: bind(**{param.name: value})[1][0]


def _classify_item(value: Any) -> Any:
    """How Triton specialises what is in a tuple."""
    return native_specialize_impl(BaseBackend, value, False, True, True)
