# SPDX-License-Identifier: MIT
"""Python values as text: equal texts only for values of which the front end makes the same.

Triton writes values into its key with `str()`, which gives 1 and "1" one text, and an object without a `repr` another one in
every process. Here each value carries its type, and what is inside it is written too. A value that cannot be written so that
nothing is lost raises `UnprovableError`, and whoever asked takes the way that needs no proof.

JIT functions, modules and classes are written by what they are themselves; what is looked up *in* them while a kernel is
compiled is noted one by one, in `readset`. For that, each gets a number in the order in which they are met.
"""

from __future__ import annotations

import collections
import dataclasses
import dis
import enum
import gc
import hashlib
import math
import operator
import reprlib
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from triton.language.core import constexpr, dtype
from triton.runtime.jit import BoundConstexprFunction, ConstexprFunction, JITCallable, JITFunction

from .current_kernels import ABSENT, UNSTABLE

#: Packages whose Python files are part of the compiler's identity and whose functions depend on nothing else but the options.
_LANGUAGES = ("triton.language.", "triton.experimental.gluon.language.")

#: Modules of Python whose functions depend on their arguments alone.
_PURE_MODULES = (math, operator)
_PURE_NAMES = tuple(module.__name__ for module in _PURE_MODULES)

#: Builtins that depend on their arguments alone.
_PURE_BUILTINS = frozenset(
    (
        "abs", "all", "any", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter", "float",
        "frozenset", "int", "isinstance", "issubclass", "len", "list", "map", "max", "min", "ord", "pow", "print", "range",
        "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip", "ArithmeticError", "AssertionError",
        "AttributeError", "Exception", "IndexError", "KeyError", "LookupError", "NotImplementedError", "OverflowError",
        "RuntimeError", "TypeError", "ValueError", "ZeroDivisionError", "NotImplemented", "Ellipsis",
    )
)  # fmt: skip

#: Instructions by which a function reaches what is not its own.
_FORBIDDEN = frozenset(
    (
        "DELETE_GLOBAL", "IMPORT_STAR", "LOAD_BUILD_CLASS", "LOAD_FROM_DICT_OR_DEREF", "LOAD_FROM_DICT_OR_GLOBALS",
        "LOAD_LOCALS", "LOAD_NAME", "STORE_GLOBAL",
    )
)  # fmt: skip


class UnprovableError(Exception):
    """A value of which we cannot say by looking at it what the front end would make of it."""


def is_language(name: object) -> bool:
    """Whether *name* is that of one of Triton's own language modules."""
    return isinstance(name, str) and name.startswith("triton.") and f"{name}.".startswith(_LANGUAGES)


#: The language's modules by address, as far as something was looked up in them.
_language_modules: dict[int, types.ModuleType] = {}


def finds_own(module: Any, name: str, text: str) -> bool:
    """Whether *name* is, in *module* of the language, the function or class of the language's own that is written as *text*.

    May say no where it is: this is the quick answer to the most frequent question.
    """
    if id(module) not in _language_modules:
        return False
    known = _own.get(id(module.__dict__.get(name)))
    return known is not None and known[1] == text


def _is_language_module(module: types.ModuleType) -> bool:
    if id(module) in _language_modules:
        return True
    if is_language(module.__name__) and sys.modules.get(module.__name__) is module:
        _language_modules[id(module)] = module
        return True
    return False


def joined(texts: Iterable[str]) -> str:
    """*texts* as one text from which each can be told."""
    return "".join([f"{len(text)}:{text}" for text in texts])  # faster from a list


def digest(text: str) -> str:
    """The SHA-256 of *text*, 64 hexadecimal digits. A Python text may hold half of a surrogate pair."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain_float(value: float) -> str:
    return "f" + (value.hex() if math.isfinite(value) else repr(value))


#: Values that are written by themselves.
_PLAIN: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "n",
    bool: lambda value: f"b{int(value)}",
    int: lambda value: f"i{value:d}" if -(10**18) < value < 10**18 else f"i{value:#x}",
    float: _plain_float,
    complex: lambda value: f"c{_plain_float(value.real)},{_plain_float(value.imag)}",
    str: lambda value: "s" + value,
    bytes: lambda value: "y" + value.hex(),
    type(Ellipsis): lambda value: "e",
    range: repr,
    dtype: lambda value: "d" + value.name,
}

#: Values that Python cannot change: the same object is the same value.
_IMMUTABLE = (*_PLAIN, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, enum.Enum, JITCallable)


def is_stable(value: object) -> bool:
    """Whether *value* is what it was as long as it is the same object."""
    if type(value) in _PLAIN or isinstance(value, JITCallable):
        return True
    if isinstance(value, constexpr):
        return is_stable(value.value)
    if isinstance(value, tuple | frozenset):
        return all(map(is_stable, value))
    return isinstance(value, _IMMUTABLE)


class Encoder:
    """Writes values. *lines*: whether lines and columns of functions count, as they do where line info is asked for."""

    def __init__(self, lines: bool):
        self._lines = lines
        self._numbers: dict[int, int] = {}
        #: What has a number, in order; kept so that no other object gets its address.
        self.objects: list[Any] = []
        #: What was looked up where: `(namespace, name, value)` as `current_kernels` has it.
        self.watched: list[tuple] = []

    def number(self, value: object) -> int | None:
        """The number of *value* if it was met."""
        return self._numbers.get(id(value))

    def text(self, value: Any) -> str:
        """*value* as text. Raises `UnprovableError`."""
        cls = type(value)
        write = _PLAIN.get(cls)
        if write is not None:
            return write(value)
        way = _methods.get(cls)
        if way is None:
            way = _methods[cls] = next((way for base, way in _DERIVED if issubclass(cls, base)), Encoder._instance)
        return way(self, value)

    # -- Looking up, which is how the front end and functions get at values

    def look_up(self, base: Any, name: str) -> str:
        """What *name* is in *base*, a function (by the scope it sees), a module or a class, as text. Raises `UnprovableError`."""
        value = self.find(base, name)
        known = _own.get(id(value))
        if known is not None:
            return known[1]
        return "absent" if value is ABSENT else self.text(value)

    def find(self, base: Any, name: str) -> Any:
        """What *name* is in *base*, or `ABSENT`; notes that it was looked up. Raises `UnprovableError`."""
        if isinstance(base, JITCallable):
            return self._find_in_scope(base.fn, name)
        if isinstance(base, types.ModuleType):
            return self._find_in_module(base, name)
        return self._find_in_class(base, name)

    def _find_in_module(self, module: types.ModuleType, name: str) -> Any:
        namespace = module.__dict__
        if _is_language_module(module):
            return namespace.get(name, ABSENT)
        value = self._find_in(namespace, name)
        if type(module) is not types.ModuleType or (value is ABSENT and "__getattr__" in namespace):
            raise UnprovableError(f"module {module.__name__} computes its attributes")
        return value

    def _find_in_scope(self, function: Any, name: str) -> Any:
        free = function.__code__.co_freevars
        if name not in free:
            return self._find_in(function.__globals__, name)
        cell = function.__closure__[free.index(name)]
        try:
            value = cell.cell_contents
        except ValueError:  # nothing was bound to the name yet
            value = ABSENT
        return self._watch(cell, None, value)

    def _find_in(self, namespace: dict, name: str) -> Any:
        return self._watch(namespace, name, namespace.get(name, ABSENT))

    def _watch(self, namespace: Any, name: str | None, value: Any) -> Any:
        """Notes that *value* was found there; returns it."""
        self.watched.append((namespace, name, value if value is ABSENT or is_stable(value) else UNSTABLE))
        return value

    def _find_in_class(self, cls: type, name: str) -> Any:
        if isinstance(cls, enum.EnumMeta) and name in cls.__members__:
            return cls.__members__[name]
        if type(cls) not in (type, enum.EnumMeta):
            raise UnprovableError(f"{cls!r} has a metaclass, which may compute its attributes")
        for base in cls.__mro__:
            # A class shows its dict through a read-only view; the view refers to nothing else.
            value = self._find_in(gc.get_referents(vars(base))[0], name)
            if value is not ABSENT:
                break
        if isinstance(value, staticmethod):
            return value.__func__
        if not isinstance(value, JITCallable | types.FunctionType) and hasattr(type(value), "__get__"):
            raise UnprovableError(f"{cls.__qualname__}.{name} is computed when it is read")
        return value

    # -- Kinds of values

    def _sequence(self, value: Any) -> str:
        return f"{type(value).__name__}({joined(map(self.text, value))})"

    def _set(self, value: Any) -> str:
        return f"{type(value).__name__}({joined(sorted(map(self.text, value)))})"

    def _slice(self, value: slice) -> str:
        return f"slice({joined(map(self.text, (value.start, value.stop, value.step)))})"

    def _dict(self, value: dict) -> str:
        return f"dict({joined(sorted(joined((self.text(key), self.text(item))) for key, item in value.items()))})"

    def _tuple(self, value: tuple) -> str:
        if type(value) is tuple:
            return self._sequence(value)
        if not hasattr(value, "_fields"):
            raise UnprovableError(f"{type(value).__qualname__} is a tuple of its own kind")
        return f"named({joined((self._class_of(value), *map(self.text, value)))})"

    def _constexpr(self, value: constexpr) -> str:
        return f"constexpr({self.text(value.value)})"

    def _enum(self, value: enum.Enum) -> str:
        return f"enum({joined((self._class_of(value), str(value.name), self.text(value.value)))})"

    def _module(self, value: types.ModuleType) -> str:
        return self._once(value, lambda: f"module({value.__name__})")

    def _once(self, value: Any, write: Callable[[], str]) -> str:
        """The number of *value* if it was met; else what *write* makes of it, which may meet it again."""
        known = self.number(value)
        if known is not None:
            return f"@{known}"
        self._numbers[id(value)] = len(self.objects)
        self.objects.append(value)
        return write()

    def _jit(self, value: JITFunction) -> str:
        return self.function(value, [param.default for param in value.params if param.has_default])

    def function(self, function: JITFunction, defaults: Iterable[Any]) -> str:
        """A function of the language: its source and how it is called, with the given defaults of its parameters."""
        own = own_text(function)
        if own:
            return own
        if not type(function).__module__.startswith("triton."):
            raise UnprovableError(f"{function!r} is of somebody's own class of functions")
        return self._once(function, lambda: self._written_function(function, defaults))

    def _written_function(self, function: JITFunction, defaults: Iterable[Any]) -> str:
        params = (
            f"{param.name}/{param.annotation}/{param.do_not_specialize:d}{param.do_not_specialize_on_alignment:d}"
            for param in function.params
        )
        facts = (_name(function), function.src, str(bool(function.noinline)), type(function).__name__, self._place(function))
        return f"jit({joined((*facts, joined(params), *map(self.text, defaults)))})"

    def _place(self, function: JITCallable) -> str:
        if not self._lines:
            return ""
        file = function.file_name.rpartition("/")[2]
        return f"{file}:{function.def_file_line_number}:{function.def_file_col_number}"

    def _constexpr_function(self, value: ConstexprFunction) -> str:
        return own_text(value) or f"compile-time({self._python(value.fn)})"

    def _bound(self, value: Any) -> str:
        return f"bound({joined((self.text(value.__self__), self.text(value.__func__)))})"

    def _builtin(self, value: types.BuiltinFunctionType) -> str:
        if not any(getattr(module, value.__name__, None) is value for module in _PURE_MODULES) and not _is_pure_builtin(value):
            raise UnprovableError(f"{value!r} may depend on more than its arguments")
        return f"builtin({value.__module__}:{value.__name__})"

    def _python(self, value: types.FunctionType) -> str:
        """A function of Python, which must depend on nothing but its arguments and what it looks up by name."""
        return own_text(value) or self._once(value, lambda: self._written_python(value))

    def _written_python(self, value: types.FunctionType) -> str:
        defaults = (self.text(value.__defaults__), self.text(value.__kwdefaults__))
        return f"python({joined((_name(value), *defaults, *self._code(value, value.__code__)))})"

    def _code(self, function: types.FunctionType, code: types.CodeType) -> Iterator[str]:
        """The instructions of *code*, in *function*, and what they look up."""
        yield code.co_code.hex()
        yield joined((*code.co_varnames, "", *code.co_names))
        for constant in code.co_consts:
            yield joined(self._code(function, constant)) if isinstance(constant, types.CodeType) else self.text(constant)
        module = None
        for instruction in dis.get_instructions(code):
            name, operation = instruction.argval, instruction.opname
            if operation in _FORBIDDEN or (operation == "IMPORT_NAME" and name not in _PURE_NAMES):
                raise UnprovableError(f"{function.__qualname__} imports, or reaches other names, while it runs")
            if operation in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR") and name.startswith("__"):
                raise UnprovableError(f"{function.__qualname__} uses {name}")
            if operation == "LOAD_GLOBAL":
                value = self._find_in(function.__globals__, name)
            elif operation in ("LOAD_DEREF", "LOAD_CLASSDEREF") and name in function.__code__.co_freevars:
                value = self._find_in_scope(function, name)
            elif module is not None:
                if operation not in ("LOAD_ATTR", "LOAD_METHOD"):
                    raise UnprovableError(f"{function.__qualname__} hands a module on")
                value = self.find(module, name)
            else:
                continue
            module = value if isinstance(value, types.ModuleType) and value not in _PURE_MODULES else None
            yield self._global(name) if value is ABSENT else self.text(value)

    def _global(self, name: str) -> str:
        if name not in _PURE_BUILTINS:
            raise UnprovableError(f"{name} may depend on more than its arguments")
        return f"builtin({name})"

    def _class(self, value: type) -> str:
        if value.__module__ == "builtins" and _is_pure_builtin(value):
            return f"builtin({value.__name__})"
        return own_text(value) or self._once(value, lambda: f"class({joined((_name(value), *self._class_parts(value)))})")

    def _class_of(self, value: Any) -> str:
        return self._class(type(value))

    def _class_parts(self, cls: type) -> Iterator[str]:
        """What its classes' own code and constants make of an instance of *cls*."""
        if getattr(cls, "__triton_aggregate__", False):
            yield from map(self.text, cls.hash_attrs)  # type: ignore[attr-defined]
            yield self.text(cls.__annotations__)
            yield self.text(cls.__aggregate_defaults__)  # type: ignore[attr-defined]
            return
        for base in cls.__mro__:
            if base.__module__ in ("builtins", "enum", "typing", "abc") or is_language(base.__module__):
                yield f"{base.__module__}:{base.__qualname__}"
                continue
            for name, member in sorted(vars(base).items()):
                if isinstance(member, types.FunctionType):
                    if not _is_generated(member):
                        yield joined((name, self._python(member)))
                elif not (isinstance(cls, enum.EnumMeta) or _describes(base, name)):
                    yield joined((name, self.text(member)))

    def _instance(self, value: Any) -> str:
        cls = type(value)
        known = is_language(cls.__module__) or dataclasses.is_dataclass(cls)
        # What it has from a builtin class, or in slots, does not show in its dict.
        if not known or not hasattr(value, "__dict__") or _BUILTIN_BASES.intersection(cls.__mro__):
            raise UnprovableError(f"nothing is known of {cls.__module__}.{cls.__qualname__}")
        shown = f"{cls.__module__}:{cls.__qualname__}" if is_language(cls.__module__) else self._class(cls)
        return f"instance({joined((shown, self._dict(vars(value))))})"


#: Builtin classes whose instances hold something.
_BUILTIN_BASES = frozenset((int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset))

#: How values are written that are of just these classes: others may behave in ways of their own.
_EXACT: dict[type, Callable[[Encoder, Any], str]] = {
    list: Encoder._sequence,
    dict: Encoder._dict,
    set: Encoder._set,
    frozenset: Encoder._set,
    slice: Encoder._slice,
    constexpr: Encoder._constexpr,
    ConstexprFunction: Encoder._constexpr_function,
    BoundConstexprFunction: Encoder._bound,
}

#: How values are written that are of these classes or of classes derived from them; the first that fits.
_DERIVED: tuple[tuple[type, Callable[[Encoder, Any], str]], ...] = (
    (tuple, Encoder._tuple),
    (enum.Enum, Encoder._enum),
    (JITFunction, Encoder._jit),
    (types.ModuleType, Encoder._module),
    (types.FunctionType, Encoder._python),
    (types.MethodType, Encoder._bound),
    (types.BuiltinFunctionType, Encoder._builtin),
    (type, Encoder._class),
)

#: The way of each class that was asked for.
_methods = dict(_EXACT)


def _name(value: Any) -> str:
    return f"{value.__module__}:{value.__qualname__}"


#: The language's own functions and classes, each with its text, by address.
_own: dict[int, tuple[Any, str]] = {}


#: What aggregates without an `__init__` have; what it captures is written with the class.
_AGGREGATE_INIT = "_aggregate.<locals>.init"


def own_text(value: Any) -> str:
    """The text of *value* if it is one of the language's own functions or classes, in its place there; empty if it is not."""
    known = _own.get(id(value))
    if known is not None:
        return known[1]
    if not is_language(value.__module__):
        return ""
    found: Any = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is not value and value.__qualname__ != _AGGREGATE_INIT:
        return ""
    text = f"own({value.__module__}:{value.__qualname__})"
    _own[id(value)] = value, text
    return text


def _is_pure_builtin(value: Any) -> bool:
    return value.__module__ == "builtins" and value.__name__ in _PURE_BUILTINS


#: Where the code of generated functions is from.
_GENERATORS = frozenset(("<string>", *(module.__file__ for module in (collections, dataclasses, enum, reprlib, typing))))


def _is_generated(function: types.FunctionType) -> bool:
    """Whether *function* was made by `dataclass`, `namedtuple` or `enum`."""
    return function.__code__.co_filename in _GENERATORS


#: What `namedtuple` gives a class besides its fields.
_NAMED_TUPLE = frozenset(("_asdict", "_field_defaults", "_fields", "_make", "_replace"))


def _describes(cls: type, name: str) -> bool:
    """Whether *name* of *cls* is Python's own, or only describes a field, whose value each instance has."""
    is_dunder = name.startswith("__") and name.endswith("__")
    fields = getattr(cls, "__dataclass_fields__", getattr(cls, "_fields", ()))
    return is_dunder or name in fields or (name in _NAMED_TUPLE and issubclass(cls, tuple))
