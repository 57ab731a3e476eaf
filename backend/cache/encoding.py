# SPDX-License-Identifier: MIT
"""Python values as text: equal texts only for values of which the front end makes the same.

Triton writes values into its key with `str()`, which gives 1 and "1" one text, and an object without a `repr` another one in
every process. Here each value carries its type, and what is inside it is written too. A value that cannot be written so that
nothing is lost raises `UnprovableError`, and whoever asked takes the way that needs no proof.

JIT functions, modules and classes are written by what they are themselves; what is looked up *in* them while a kernel is
compiled is noted one by one, in `readset`. For that, each gets a number in the order in which they are met.
"""

from __future__ import annotations

import builtins
import copy
import dataclasses
import enum
import functools
import gc
import hashlib
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from triton.language import core
from triton.language.core import constexpr, dtype
from triton.runtime.jit import BoundConstexprFunction, ConstexprFunction, JITCallable, JITFunction

from . import reachable
from .reachable import joined
from .reads import ABSENT, UNSTABLE, descriptor_parts

#: Raised when values are written in another way. Read-sets of another version do not count.
VERSION = "3"

#: Packages whose Python files are part of the compiler's identity and whose functions depend on nothing else but the options.
_LANGUAGES = ("triton.language.", "triton.experimental.gluon.language.")

#: Builtins that depend on their arguments alone.
_PURE_BUILTINS = {
    name: getattr(builtins, name)
    for name in (
        "abs", "all", "any", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter", "float", "int",
        "isinstance", "issubclass", "len", "list", "map", "max", "min", "object", "ord", "pow", "print", "range", "reversed",
        "round", "slice", "sorted", "str", "sum", "super", "tuple", "type", "zip", "classmethod", "property", "staticmethod",
        "ArithmeticError", "AssertionError", "AttributeError", "Exception", "IndexError", "KeyError", "LookupError",
        "NotImplementedError", "OverflowError", "RuntimeError", "TypeError", "ValueError", "ZeroDivisionError",
        "NotImplemented", "Ellipsis",
    )
}  # fmt: skip


class UnprovableError(Exception):
    """A value of which we cannot say by looking at it what the front end would make of it."""


#: What writing a value raises that cannot be written; the others where somebody has damaged what Python or Triton keeps of it.
FAILURES = (UnprovableError, RecursionError, AttributeError, IndexError, KeyError, TypeError, ValueError)


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
}

#: Values that Python cannot change: the same object is the same value.
_IMMUTABLE = (*_PLAIN, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, enum.Enum, JITCallable)


def snapshot(value: Any) -> Any:
    """What is equal to *value* as it is now, whatever becomes of it."""
    if type(value) is constexpr and _is_stable(value.value):
        return constexpr(value.value)
    return value if _is_stable(value) else copy.deepcopy(value)


def _is_stable(value: object) -> bool:
    """Whether *value* is what it was as long as it is the same object."""
    if isinstance(value, tuple | frozenset):
        return all(map(_is_stable, value))
    return isinstance(value, _IMMUTABLE)


class Encoder:
    """Writes values. *lines*: whether lines and columns of functions count, as they do where line info is asked for."""

    def __init__(self, lines: bool):
        self._lines = lines
        self._numbers: dict[int, int] = {}
        #: What has a number, in order; kept so that no other object gets its address.
        self.objects: list[Any] = []
        #: What was looked up where: `(namespace, name, value)` as `reads` has it.
        self.watched: list[tuple] = []
        #: The dicts all of which is in `watched`, by address.
        self._whole: dict[int, dict] = {}

    def number(self, value: object) -> int | None:
        """The number of *value* if it was met."""
        return self._numbers.get(id(value))

    def forget(self, met: int) -> None:
        """Forgets all values but the first *met*."""
        for value in self.objects[met:]:
            del self._numbers[id(value)]
        del self.objects[met:]

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
        return self.look_up_text(value)

    def find(self, base: Any, name: str) -> Any:
        """What *name* is in *base*, or `ABSENT`; notes that it was looked up. Raises `UnprovableError`."""
        if isinstance(base, JITCallable):
            return self._find_in_scope(base.fn, name)
        if isinstance(base, types.ModuleType):
            return self._find_in_module(base, name)
        if isinstance(base, type):
            return self._find_in_class(base, name)
        raise UnprovableError(f"nothing is looked up in {base!r}")

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
        value = namespace.get(name, ABSENT)
        self.watched.append((namespace, name, value))
        return value

    def _find_in_class(self, cls: type, name: str) -> Any:
        if type(cls) not in _METACLASSES:
            raise UnprovableError(f"{cls!r} has a metaclass, which may compute its attributes")
        if isinstance(cls, enum.EnumMeta) and name in cls._member_map_:
            return self._find_in(cls._member_map_, name)
        value = ABSENT
        for base in cls.__mro__:
            value = self._find_in(_dict_of(base), name)
            if value is not ABSENT:
                break
        if isinstance(value, staticmethod):
            return value.__func__
        if value is ABSENT and name not in ("__name__", "__qualname__") and hasattr(type(cls), name):
            raise UnprovableError(f"{cls.__qualname__}.{name} is what Python keeps of a class")
        if not isinstance(value, JITCallable | types.FunctionType) and hasattr(type(value), "__get__"):
            raise UnprovableError(f"{cls.__qualname__}.{name} is computed when it is read")
        return value

    # -- Watching, by which a process sees that what was written has not changed

    def _watch(self, namespace: Any, name: str | None, value: Any) -> Any:
        """Notes that *value* was found there; returns it."""
        self.watched.append((namespace, name, value))
        return value

    def _watch_all(self, namespace: dict) -> None:
        """Notes what is in *namespace*, whose order does not count, and that there is nothing else."""
        if id(namespace) in self._whole:
            return
        self._whole[id(namespace)] = namespace
        if all(type(name) is str for name in namespace):
            self.watched += ((namespace, *item) for item in namespace.items())
            self._watch(namespace, None, len(namespace))
        else:
            self._watch_items(namespace)

    def _watch_items(self, value: dict | list) -> None:
        """Notes what is in *value*, in its order."""
        items = value if isinstance(value, list) else (part for item in value.items() for part in item)
        self._watch(value, None, tuple(items))

    def _watch_function(self, function: types.FunctionType) -> None:
        self._watch(function, None, (function.__code__, function.__defaults__, function.__kwdefaults__))
        self._watch_all(function.__dict__)
        if function.__kwdefaults__ is not None:
            self._watch_all(function.__kwdefaults__)

    def _watch_class(self, cls: type) -> None:
        """Notes what decides on *cls* and its instances, whether or not it can be written."""
        self._watch(cls, None, (type(cls), cls.__mro__))
        for base in (*cls.__mro__, *type.mro(type(cls))):
            if not _is_known_class(base) and base not in _METACLASSES:
                self._watch_all(_dict_of(base))

    # -- Kinds of values

    def _sequence(self, value: Any) -> str:
        return f"{type(value).__name__}({joined(map(self.text, value))})"

    def _list(self, value: list) -> str:
        return self._once(value, lambda: self._changing(value, lambda: self._sequence(value)))

    def _changing(self, value: Any, write: Callable[[], str]) -> str:
        """What *write* makes of *value*, a list or dict."""
        self._watch_items(value)
        return write()

    def _set(self, value: Any) -> str:
        """A set, in its order, which can be seen: there it has to be the same in each process."""
        if not all(type(item) in _ORDERED for item in value):
            raise UnprovableError("the order of a set may be another in each process")
        return self._once(value, lambda: self._unwatched(self._sequence(value)))

    def _unwatched(self, text: str) -> str:
        """*text*, which is of something that can change without being seen to."""
        self._watch(None, None, UNSTABLE)
        return text

    def container(self, value: Any) -> str:
        """*value*, of which it is only asked what is in it. Raises `UnprovableError`."""
        if type(value) not in (set, frozenset):
            return self.text(value)
        text = f"in({joined(sorted(map(self.text, value)))})"
        return text if type(value) is frozenset else self._unwatched(text)

    def _dtype(self, value: dtype) -> str:
        """An element type: one of the language's by name, one of the program's by all that it says of itself."""
        return "d" + value.name if id(value) in _LANGUAGES_DTYPES else f"dtype({self._namespace(vars(value))})"

    def _slice(self, value: slice) -> str:
        return f"slice({joined(map(self.text, (value.start, value.stop, value.step)))})"

    def _dict(self, value: dict) -> str:
        return self._once(value, lambda: self._changing(value, lambda: f"dict({self._items(value.items())})"))

    def _items(self, items: Iterable[tuple[Any, Any]]) -> str:
        return joined(joined((self.text(key), self.text(item))) for key, item in items)

    def _namespace(self, namespace: dict) -> str:
        """A dict of attributes, whose order does not show."""
        self._watch_all(namespace)
        if not all(type(name) is str for name in namespace):
            raise UnprovableError("an attribute has a name that is no text")
        return self._items(sorted(namespace.items()))

    def _tuple(self, value: tuple) -> str:
        if type(value) is tuple:
            return self._sequence(value)
        if not hasattr(value, "_fields") or hasattr(value, "__dict__"):
            raise UnprovableError(f"{type(value).__qualname__} is a tuple of its own kind")
        return f"named({joined((self._class(type(value)), *map(self.text, tuple.__iter__(value))))})"

    def _constexpr(self, value: constexpr) -> str:
        return f"constexpr({self.text(self._find_in(vars(value), 'value'))})"

    def _enum(self, value: enum.Enum) -> str:
        written = self._class(type(value))
        return f"enum({joined((written, str(value._name_), self.text(value._value_)))})"

    def _module(self, value: types.ModuleType) -> str:
        """A module within another value: nobody notes what is read of it there."""
        raise UnprovableError(f"module {value.__name__} is within a value")

    def _once(self, value: Any, write: Callable[[], str]) -> str:
        """The number of *value* if it was met; else what *write* makes of it, which may meet it again."""
        known = self.number(value)
        if known is not None:
            return f"@{known}"
        self._numbers[id(value)] = len(self.objects)
        self.objects.append(value)
        return write()

    # -- Functions

    def _jit(self, value: JITFunction) -> str:
        return self.function(value, [param.default for param in value.params if param.has_default])

    def function(self, function: JITFunction, defaults: Iterable[Any]) -> str:
        """A function of the language: its source and how it is called, with the given defaults of its parameters."""
        own = own_text(function)
        if own:
            return own
        if not _is_tritons(type(function)):  # type: ignore[arg-type]
            raise UnprovableError(f"{function!r} is of somebody's own class of functions")
        return self._once(function, lambda: self._written_function(function, defaults))

    def _written_function(self, function: JITFunction, defaults: Iterable[Any]) -> str:
        params = (
            f"{param.name}/{param.annotation}/{param.do_not_specialize:d}{param.do_not_specialize_on_alignment:d}"
            for param in function.params
        )
        flags = f"{bool(function.noinline):d}{function.debug}"
        facts = (_name(function), function.src, flags, type(function).__name__, self._place(function))
        return f"jit({joined((*facts, joined(params), *map(self.text, defaults), *self._attributes(function)))})"

    def _attributes(self, function: JITCallable) -> Iterator[str]:
        """What the program has given *function*, and what can be seen of it when something else changes."""
        namespace = vars(function)
        self.watched += [(namespace, name, namespace.get(name, ABSENT)) for name in _WATCHED]
        given = [name for name in namespace.keys() - reachable.CALLABLE_ATTRIBUTES if not name.startswith("_graft_")]
        if given:
            self._watch_all(namespace)
            yield self._items((name, namespace[name]) for name in sorted(given))
        else:
            self._watch(namespace, None, len(namespace))

    def _place(self, function: JITCallable) -> str:
        if not self._lines:
            return ""
        file = function.file_name.rpartition("/")[2]
        return f"{file}:{function.def_file_line_number}:{function.def_file_col_number}"

    def _constexpr_function(self, value: ConstexprFunction) -> str:
        return own_text(value) or self._once(value, lambda: self._written_constexpr_function(value))

    def _written_constexpr_function(self, value: ConstexprFunction) -> str:
        return f"compile-time({joined((self._python(value.fn), *self._attributes(value)))})"

    def _bound(self, value: Any) -> str:
        return f"bound({joined((self.text(value.__self__), self.text(value.__func__)))})"

    def _builtin(self, value: types.BuiltinFunctionType) -> str:
        owner = value.__self__
        if isinstance(owner, type) and _is_pure_builtin(owner) and getattr(owner, value.__name__, None) == value:
            return f"builtin({owner.__name__}.{value.__name__})"
        is_pure = not reachable.reaches_more(value.__name__) and any(
            getattr(module, value.__name__, None) is value for module in reachable.PURE_MODULES
        )
        if not is_pure and not _is_pure_builtin(value):
            raise UnprovableError(f"{value!r} may depend on more than its arguments")
        return f"builtin({value.__module__}:{value.__name__})"

    def _slot(self, value: Any) -> str:
        """A method of a builtin class as the class has it."""
        if not _is_pure_builtin(value.__objclass__):
            raise UnprovableError(f"{value!r} may depend on more than its arguments")
        return f"slot({value.__objclass__.__name__}.{value.__name__})"

    def _python(self, value: types.FunctionType) -> str:
        """A function of Python, which must depend on nothing but its arguments and what it looks up by name."""
        return own_text(value) or self._once(value, lambda: self._written_python(value))

    def _written_python(self, value: types.FunctionType) -> str:
        self._watch_function(value)
        facts = (
            _name(value),
            value.__name__,
            self.text(value.__defaults__),
            "" if value.__kwdefaults__ is None else self._namespace(value.__kwdefaults__),
            self._namespace(value.__dict__),
        )
        if reachable.is_library(value):
            closed = (self._closed_over(cell.cell_contents) for cell in value.__closure__ or ())
            return f"library({joined((sys.version, value.__code__.co_qualname, *facts, *closed))})"
        return f"python({joined((*facts, *self._code(value)))})"

    def _closed_over(self, value: Any) -> str:
        """What a function of Python's own was made with; nobody else has it, or can change it."""
        if type(value) is dict:
            return self._namespace(value)
        return "empty" if type(value) is set and not value else self.text(value)

    def _code(self, function: types.FunctionType) -> Iterator[str]:
        """What *function* does, and what it looks up."""
        code = reachable.read(function.__code__, _constant)
        if code.reason:
            raise UnprovableError(code.reason)
        yield code.text
        for load in code.loads:
            yield from self._loaded(function, load)

    def _loaded(self, function: types.FunctionType, load: reachable.Load) -> Iterator[str]:
        """What *load* gets in *function*: if that is a module, what is read of it."""
        if load.is_global:
            value = self._find_in(function.__globals__, load.name)
        elif load.name in function.__code__.co_freevars:
            value = self._find_in_scope(function, load.name)
        else:
            return
        if value is ABSENT:
            yield self._global(function, load.name) if load.is_global else "absent"
            return
        yield self.container(value) if load.is_container else self.look_up_text(value)
        for name in load.attributes:
            if not isinstance(value, types.ModuleType):
                return
            value = self.find(value, name)
            yield self.look_up_text(value)
        if isinstance(value, types.ModuleType):
            raise UnprovableError(f"{function.__qualname__} hands a module on")

    def look_up_text(self, value: Any) -> str:
        """What a look-up gave, as text: what is read of a module is looked up in turn."""
        if isinstance(value, types.ModuleType):
            return self._once(value, lambda: f"module({value.__name__})")
        return "absent" if value is ABSENT else self.text(value)

    def _global(self, function: types.FunctionType, name: str) -> str:
        builtin = _PURE_BUILTINS.get(name)
        if name == "hash" and function.__name__ == "__hash__":
            return "builtin(hash)"  # seen only in the order of sets, which is written, or not
        if builtin is None or function.__builtins__.get(name) is not builtin:  # type: ignore[attr-defined]
            raise UnprovableError(f"{name} may depend on more than its arguments")
        return f"builtin({name})"

    # -- Classes

    def _class(self, value: type) -> str:
        if _is_pure_builtin(value):
            return f"builtin({value.__name__})"
        if value in _PYTHONS_CLASSES:
            return f"pythons({joined((sys.version, _name(value)))})"
        return own_text(value) or self._once(value, lambda: self._written_class(value))

    def _written_class(self, cls: type) -> str:
        """All that its code and its attributes make of an instance of *cls*, or of the class itself."""
        self._watch_class(cls)
        if type(cls) not in _METACLASSES:
            raise UnprovableError(f"{cls!r} has a metaclass, which may compute anything")
        members = vars(cls)
        is_enum = isinstance(cls, enum.EnumMeta)
        facts = (_name(cls), cls.__name__, type(cls).__name__, joined(map(self._class, cls.__bases__)))
        shown = (
            joined((name, self._member(members[name])))
            for name in sorted(members)
            if name not in _INERT and not (is_enum and (name in _KEPT_BY_ENUMS or name in cls._member_map_))  # type: ignore[attr-defined]
        )
        return f"class({joined((*facts, joined(shown), *(self._enum_members(cls) if is_enum else ())))})"

    def _enum_members(self, cls: Any) -> Iterator[str]:
        """The members of *cls* in order, with all that they carry."""
        self._watch_all(cls._member_map_)
        self._watch_items(cls._member_names_)
        yield joined(cls._member_names_)
        # A flag adds its combinations as they are asked for: then it is looked at anew, and found to be as it was.
        by_value = cls._value2member_map_
        self._watch_items(by_value)
        if any(
            type(member) is not cls or (value, type(value)) != (member._value_, type(member._value_))
            for value, member in by_value.items()
        ):
            raise UnprovableError(f"{cls!r} finds a member by another's value")
        for name, member in cls._member_map_.items():
            if type(member) is not cls:
                raise UnprovableError(f"{cls!r} has a member of another class")
            carried = {key: value for key, value in vars(member).items() if key != "__objclass__"}
            self._watch_all(vars(member))
            yield joined((name, self._items(sorted(carried.items())), self._held(member, cls._member_type_)))

    def _held(self, member: Any, cls: type) -> str:
        """What *member* is as a value of the builtin class *cls*."""
        hold = _HELD.get(cls)
        if hold is None:
            raise UnprovableError(f"it is not known what {member!r} holds")
        return self.text(hold(member))

    def _member(self, value: Any) -> str:
        """A member of a class, as the class has it."""
        cls = type(value)
        if cls in (staticmethod, classmethod):
            return f"{cls.__name__}({self.text(*self._parts(value))})"
        if cls is property:
            return f"property({joined(map(self.text, self._parts(value)))})"
        if cls in (types.WrapperDescriptorType, types.MethodDescriptorType):
            return self._slot(value)
        if cls in (types.MemberDescriptorType, types.GetSetDescriptorType):
            return f"{cls.__name__}({value.__name__})"
        return f"field({value.__reduce__()[1][0]})" if cls is _FIELD_OF_TUPLE else self.text(value)

    def _parts(self, value: Any) -> tuple:
        """What *value*, a `property` or the like, was made with, which it can be made with again."""
        return self._watch(value, None, descriptor_parts(value))

    def _instance(self, value: Any) -> str:
        cls = type(value)
        is_own = bool(own_text(cls))
        # What it has from a builtin class does not show in its dict.
        is_known = (is_own or dataclasses.is_dataclass(cls)) and hasattr(value, "__dict__")
        if not is_known or _BUILTIN_BASES.intersection(cls.__mro__):
            raise UnprovableError(f"nothing is known of {cls.__module__}.{cls.__qualname__}")
        return self._once(value, lambda: self._written_instance(value, cls, is_own))

    def _written_instance(self, value: Any, cls: type, is_own: bool) -> str:
        self._watch(value, None, cls)
        shown = own_text(cls) if is_own else self._class(cls)
        return f"instance({joined((shown, self._namespace(vars(value)), *self._slots_of(value)))})"

    def _slots_of(self, value: Any) -> Iterator[str]:
        """What *value* has in slots."""
        for base in type(value).__mro__:
            for name, member in vars(base).items():
                if isinstance(member, types.MemberDescriptorType):
                    yield self._unwatched(joined((name, self.look_up_text(getattr(value, name, ABSENT)))))


def _constant(value: Any, is_ordered: bool) -> str:
    """A constant of code. Raises `UnprovableError`, which is what it is then."""
    encoder = Encoder(lines=False)
    try:
        return encoder.text(value) if is_ordered else encoder.container(value)
    except UnprovableError:
        raise UnprovableError("it goes through a set, whose order may be another in each process") from None


def _dict_of(cls: type) -> dict:
    """The dict of *cls*, which it shows through a read-only view; the view refers to nothing else."""
    return gc.get_referents(vars(cls))[0]


#: The element types that the language has, by address. Nobody changes these, as nobody changes its functions.
_LANGUAGES_DTYPES = {id(value): value for value in vars(core).values() if type(value) is dtype}

#: Builtin classes whose instances hold something.
_BUILTIN_BASES = frozenset((int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset))

#: How the value is got that an instance of a class derived from one of these holds.
_HELD: dict[type, Callable[[Any], Any]] = {
    object: lambda value: None,
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
}

#: What Triton keeps of its functions and the front end looks at.
_WATCHED = ("_src", "debug", "fn", "noinline", "params")

#: What is hashed to the same number in each process, and so stands in the same order in a set.
_ORDERED = frozenset((bool, int, float))

#: Metaclasses that do only what is known.
_METACLASSES = (type, enum.EnumMeta)

#: Classes of Python's library from which others are made.
_PYTHONS_CLASSES = frozenset(
    (enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag, enum.ReprEnum, enum.FlagBoundary, typing.Generic)
) | frozenset((dataclasses.FrozenInstanceError,))

#: What describes a class, and can be read only in ways that count as reaching more than is written.
_INERT = frozenset(
    (
        "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__", "__dataclass_fields__",
        "__dataclass_params__", "__dict__", "__doc__", "__firstlineno__", "__getnewargs__", "__module__", "__orig_bases__",
        "__parameters__", "__static_attributes__", "__type_params__", "__weakref__",
    )
)  # fmt: skip

#: What an enum says of its members, which are written themselves.
_KEPT_BY_ENUMS = frozenset(
    (
        "_hashable_values_", "_member_map_", "_member_names_", "_unhashable_values_", "_unhashable_values_map_",
        "_value2member_map_",
    )
)  # fmt: skip


class _Pair(typing.NamedTuple):
    first: int


#: The type of what reads a field of a named tuple.
_FIELD_OF_TUPLE = type(vars(_Pair)["first"])

#: How values are written that are of just these classes: others may behave in ways of their own.
_EXACT: dict[type, Callable[[Encoder, Any], str]] = {
    list: Encoder._list,
    dict: Encoder._dict,
    set: Encoder._set,
    frozenset: Encoder._set,
    slice: Encoder._slice,
    dtype: Encoder._dtype,
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


def own_text(value: Any) -> str:
    """The text of *value* if it is one of the language's own functions or classes, in its place there; empty if it is not."""
    known = _own.get(id(value))
    if known is not None:
        return known[1]
    if not is_language(value.__module__) or not _is_in_place(value):
        return ""
    text = f"own({value.__module__}:{value.__qualname__})"
    _own[id(value)] = value, text
    return text


def _is_in_place(value: Any) -> bool:
    """Whether *value* is what its module has under its name."""
    found: Any = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


@functools.cache
def _is_tritons(cls: type) -> bool:
    return cls.__module__.startswith("triton.") and _is_in_place(cls)


def _is_known_class(cls: type) -> bool:
    return _is_pure_builtin(cls) or cls in _PYTHONS_CLASSES or bool(own_text(cls))


def _is_pure_builtin(value: Any) -> bool:
    return _PURE_BUILTINS.get(value.__name__) is value
