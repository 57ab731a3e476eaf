# SPDX-License-Identifier: MIT
"""From the arguments of a launch to the variant of a kernel: binding, specialisation and look-up, as Triton has them.

Triton's own are `create_function_from_signature` and `JITFunction._pack_args` in triton/runtime/jit.py, and
`native_specialize_impl`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from . import descriptors, format, values
from .dtypes import dtype_name
from .errors import VariantError

#: The attribute of a pointer or number that is divisible by 16.
_DIVISIBLE = ["tt.divisibility", 16]

#: The address and dtype name of an array that only DLPack's C interface can read; None for anything else.
Describe = Callable[[Any], tuple[int, str] | None]

#: A parameter, a kernel and a variant, as docs/bundle-format.md has them.
Param = dict[str, Any]
Kernel = dict[str, Any]
Variant = dict[str, Any]


# -- Binding


class Bound(NamedTuple):
    """The arguments of a launch: the value of each parameter, and what was given by name."""

    values: tuple
    keywords: dict[str, Any]


def bind(kernel: Kernel, args: tuple, kwargs: dict[str, Any]) -> Bound:
    """Gives the parameters of *kernel* their values; raises `TypeError` for what Python would not accept either."""
    params = kernel["params"]
    positional = list(args)
    bound = [_take(kernel["name"], param, positional, kwargs) for param in params]
    if positional:
        takes = sum(param["kind"] == "positional" for param in params)
        raise TypeError(f"{kernel['name']}() takes {takes} positional arguments but {len(args)} were given")
    return Bound(tuple(bound), kwargs)


def _take(name: str, param: Param, positional: list, kwargs: dict[str, Any]) -> Any:
    """The value of *param*, taken from the front of *positional* if it comes from there."""
    if param["kind"] == "variadic":
        rest = tuple(positional)
        positional.clear()
        return rest
    if positional and param["kind"] == "positional":
        if param["name"] in kwargs:
            raise TypeError(f"{name}() got multiple values for argument {param['name']!r}")
        return positional.pop(0)
    if param["name"] in kwargs:
        return kwargs[param["name"]]
    for default in default_of(param):
        return default
    raise TypeError(f"{name}() missing the argument {param['name']!r}")


def default_of(param: Param) -> list:
    """A list of the default of *param*; empty if it has none, or one that a bundle cannot hold."""
    return [values.decode(default) for default in param["default"] if values.is_exact(default)]


def options(kernel: Kernel, keywords: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The compilation options that *keywords* ask for and that are not the *defaults*, encoded.

    Raises `KeyError` for a keyword that is neither an option nor a parameter.
    """
    params = {param["name"] for param in kernel["params"]}
    for name in keywords:
        if name not in defaults and name not in params:
            raise KeyError(f"Keyword argument {name} was specified but unrecognised")
    given = {"debug": kernel["debug"]} | keywords
    encoded = {name: values.encode(value) for name, value in given.items() if name in defaults and value is not None}
    return {name: value for name, value in encoded.items() if value != defaults[name]}


# -- Specialisation


class Specialisation(NamedTuple):
    """What tells variants of a kernel apart, as bundles have it."""

    signature: list
    constants: list
    attributes: list
    options: dict[str, Any]

    @property
    def text(self) -> str:
        """The same for specialisations of which Triton would make one kernel."""
        constants = [[path, _unwrapped(value)] for path, value in self.constants]
        return format.canonical([_without_spaces(self.signature), constants, self.attributes, self.options])


def _without_spaces(types: list) -> list:
    """Types as people may write them, too: `tensordesc<fp16[8,32]>`."""
    return [_without_spaces(item) if isinstance(item, list) else item.replace(" ", "") for item in types]


def _unwrapped(value: Any) -> Any:
    """`tl.constexpr(5)` is the same constant as 5."""
    return _unwrapped(value["constexpr"]) if type(value) is dict and "constexpr" in value else value


def recorded(variant: Variant) -> Specialisation:
    """The specialisation of *variant*, which says it."""
    return Specialisation(**variant["specialisation"])


def specialise(kernel: Kernel, bound: Bound, defaults: dict[str, Any], describe: Describe) -> Specialisation:
    """What Triton would compile *kernel* for. *defaults*: the target's options, encoded.

    Raises `TypeError` for an argument that is nothing a kernel can take, and `OverflowError` for an integer of more than 64 bits.
    """
    pairs = [_of_parameter(*item, describe) for item in zip(kernel["params"], bound.values, strict=True)]
    signature = [type_ for type_, _ in pairs]
    keys = ["" if type_ == "constexpr" else key for type_, key in pairs]
    return Specialisation(
        _as_lists(signature),
        [[path, values.encode(_at(bound.values, path))] for path in _paths(signature, "constexpr")],
        [[path, [_DIVISIBLE]] for path in _paths(keys, "D")],
        options(kernel, bound.keywords, defaults),
    )


def _of_parameter(param: Param, value: Any, describe: Describe) -> tuple[Any, Any]:
    """The type of *value*, and what is special about it: "D" if it is divisible by 16."""
    annotation, special = param["annotation"], param["specialize"]
    if param["constexpr"]:
        return "constexpr", value
    if annotation == "u1" or annotation[:2] in ("fp", "bf"):
        return annotation, None
    type_, key = of_value(value, describe, Rules(param["const"], special, param["align"]))
    return annotation or type_, key


class Rules(NamedTuple):
    """What a parameter asks for. It does not reach into tuples."""

    const: bool = False
    special: bool = True
    align: bool = True


def is_plain(value: Any) -> bool:
    """Whether *value* is a number, None, or an array with an address and a dtype that Triton has."""
    if type(value) in (bool, int, float, type(None)):
        return True
    return hasattr(type(value), "data_ptr") and dtype_name(str(getattr(value, "dtype", None))) is not None


def of_value(value: Any, describe: Describe, rules: Rules) -> tuple[Any, Any]:
    """The type of *value*, and what is special about it: "D" if it is divisible by 16. As `native_specialize_impl` has it."""
    if isinstance(value, bool):
        return "u1", None
    if isinstance(value, int):
        return _of_integer(value, rules)
    if isinstance(value, float):
        return "fp32", None
    if isinstance(value, tuple):
        pairs = [of_value(item, describe, Rules()) for item in value]
        return tuple(type_ for type_, _ in pairs), tuple(key for _, key in pairs)
    if value is None or values.is_constant(value):
        return "constexpr", value
    return _of_array(value, describe, rules)


def _of_integer(value: int, rules: Rules) -> tuple[str, Any]:
    if rules.special and value == 1:
        return "constexpr", value
    if not -(1 << 63) <= value < 1 << 64:
        raise OverflowError("integer to be specialized too large to represent")
    name = "i32" if -(1 << 31) <= value < 1 << 31 else "i64" if value < 1 << 63 else "u64"
    return name, _divisibility(value, rules)


def _of_array(value: Any, describe: Describe, rules: Rules) -> tuple[str, Any]:
    if descriptors.is_descriptor(value):
        return descriptors.type_of(value), None
    if hasattr(value, "data_ptr") and hasattr(value, "dtype"):
        address, name = value.data_ptr, dtype_name(str(value.dtype))
        if name is None:
            raise TypeError(f"an array of dtype {value.dtype} cannot be passed to a kernel: Triton has no such dtype")
    elif (described := describe(value)) is not None:
        address, name = (lambda: described[0]), described[1]
    else:
        raise TypeError(f"failed to specialize argument of type: {type(value).__name__}")
    key = _divisibility(address(), rules) if rules.special else None
    return f"{'*k' if rules.const else '*'}{name}", key


def _divisibility(value: int, rules: Rules) -> str | None:
    return ("D" if rules.align and value % 16 == 0 else "") if rules.special else None


def _paths(items: Sequence, wanted: str) -> Iterator[list[int]]:
    """Where in *items*, which may hold tuples of items, the text *wanted* is."""
    for index, item in enumerate(items):
        if isinstance(item, tuple):
            yield from ([index, *path] for path in _paths(item, wanted))
        elif type(item) is str and item == wanted:
            yield [index]


def _at(items: Any, path: list[int]) -> Any:
    for index in path:
        items = items[index]
    return items


def _as_lists(types: Iterable) -> list:
    return [_as_lists(item) if isinstance(item, tuple) else item for item in types]


def leaves(types: Iterable, items: Iterable) -> Iterator:
    """What *items* has where *types*, lists nested in the same way, has types. A constant may be a tuple of its own."""
    for type_, item in zip(types, items, strict=True):
        if isinstance(type_, list):
            yield from leaves(type_, item)
        else:
            yield item


# -- Look-up


#: How many things an error lists.
_LISTED = 8


class Variants:
    """The variants of one kernel for one target, by their specialisation."""

    def __init__(self, kernel: Kernel, target: str, variants: Sequence[Variant]):
        self._kernel, self._target = kernel, target
        self._known = [variant for variant in variants if variant["specialisation"] is not None]
        self._by_text: dict[str, list[Variant]] = {}
        for variant in self._known:
            self._by_text.setdefault(recorded(variant).text, []).append(variant)
        #: Why none of them can be launched without Triton; empty if one can.
        self.static = variants[0]["static"] if all(variant["static"] for variant in variants) else ""

    def find(self, asked: Specialisation) -> Variant:
        """The variant for *asked*. Where several compilers have made it, the first in the bundle. Raises `VariantError`."""
        found = self._by_text.get(asked.text)
        if found is None:
            raise VariantError(self._explain_missing(asked))
        if any(variant["own"] != found[0]["own"] for variant in found):
            raise VariantError(
                f"the bundle has {len(found)} variants of kernel {self._kernel['name']!r} for {self._target} and these arguments "
                f"({describe(self._kernel, asked)}), and they were made of different code: the kernel changed between "
                "two recordings that were merged; record it again"
            )
        if found[0]["static"]:
            raise VariantError(needs_triton(self._kernel, found[0]["static"]))
        return found[0]

    def _explain_missing(self, asked: Specialisation) -> str:
        """What was asked for and what there is, the nearest first."""
        wanted = parts(self._kernel, asked)
        texts = {describe(self._kernel, recorded(variant)): variant for variant in self._known}
        nearest = sorted(texts, key=lambda text: (_distance(wanted, parts(self._kernel, recorded(texts[text]))), text))
        return (
            f"the bundle has no variant of kernel {self._kernel['name']!r} for {self._target} and these arguments "
            f"({describe(self._kernel, asked)}); record one, or launch it with arguments for which there is one, the nearest "
            f"first:{listed(nearest)}"
        )


def listed(items: Iterable[str]) -> str:
    """*items* as lines of a message, the first of them if there are many."""
    lines = list(items)
    more = [f"and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return "".join(f"\n  {line}" for line in (*lines[:_LISTED], *more))


def needs_triton(kernel: Kernel, reason: str) -> str:
    """The message for a *kernel* that cannot be launched without Triton for this *reason*."""
    return (
        f"kernel {kernel['name']!r} cannot be launched without Triton: {reason}; with Triton, load the bundle with "
        "triton.backends.graft.bundle.load and launch the kernel itself"
    )


def describe(kernel: Kernel, special: Specialisation) -> str:
    """*special* for people: `x: *fp16:16, n: i32, BLOCK=1024, num_warps=8`; `:16` says divisible by 16."""
    return ", ".join(f"{name}{text}" for name, text in parts(kernel, special).items())


def parts(kernel: Kernel, special: Specialisation) -> dict[str, str]:
    """The text of each parameter and option, by name."""
    constants = {tuple(path): values.show(_unwrapped(value)) for path, value in special.constants}
    attributes = {tuple(path): items for path, items in special.attributes}

    def show(type_: Any, path: tuple[int, ...]) -> str:
        if isinstance(type_, list):
            return f"({', '.join(show(item, (*path, index)).removeprefix('=') for index, item in enumerate(type_))})"
        if type_ == "constexpr":
            return f"={constants.get(path, 'unknown')}"
        marks = (
            f":{number}" if [name, number] == _DIVISIBLE else f":{name}={number}" for name, number in attributes.get(path, ())
        )
        return type_ + "".join(marks)

    parts = {}
    for index, (param, type_) in enumerate(zip(kernel["params"], special.signature, strict=True)):
        text = show(type_, (index,))
        parts[param["name"]] = text if text.startswith("=") else f": {text}"
    return parts | {name: f"={values.show(value)}" for name, value in sorted(special.options.items())}


def _distance(one: dict[str, str], other: dict[str, str]) -> int:
    """How many parameters and options differ."""
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())
