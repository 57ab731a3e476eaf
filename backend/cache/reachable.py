# SPDX-License-Identifier: MIT
"""What the code of a Python function can get at: which names it loads, and whether it stays within what `encoding` writes.

Code is read once and remembered. It may use its arguments, its constants, what it loads by name, and what follows from these by
attributes, operators and calls. It may not look at how Python itself keeps things (frames, code, namespaces): these hold more than
is written. Names of attributes decide on that, as no value is known yet.
"""

from __future__ import annotations

import collections
import dataclasses
import dis
import enum
import math
import operator
import reprlib
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from triton.language import core
from triton.runtime.jit import BoundConstexprFunction, ConstexprFunction, JITCallable, JITFunction

#: Modules of Python whose functions depend on their arguments alone.
PURE_MODULES = (math, operator)
PURE_NAMES = tuple(module.__name__ for module in PURE_MODULES)

#: Instructions with a name that are understood. Any other one that has a name may reach what is not the function's own.
_BY_NAME = frozenset(
    (
        "DELETE_ATTR", "IMPORT_FROM", "IMPORT_NAME", "LOAD_ATTR", "LOAD_GLOBAL", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR",
    )
)  # fmt: skip

#: Those without one that reach a namespace as a whole.
_WITHOUT_NAME = frozenset(("IMPORT_STAR", "LOAD_BUILD_CLASS", "LOAD_LOCALS"))

#: Those that make a set, whose order may be another one in every process.
_SETS = frozenset(("BUILD_SET", "SET_ADD", "SET_UPDATE"))

#: Attributes with two underscores that say or do no more than is written of a value and its class.
_PLAIN_DUNDERS = frozenset(
    ("__class__", "__delattr__", "__init__", "__module__", "__name__", "__post_init__", "__qualname__", "__setattr__")
)

#: Types whose attributes show how Python or Triton keeps things.
_INNER_TYPES = (
    types.FrameType, types.TracebackType, types.CodeType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
    types.CellType, types.FunctionType, types.MethodType, property, staticmethod, classmethod, super, type, JITFunction,
    ConstexprFunction, BoundConstexprFunction,
)  # fmt: skip

#: Types of plain values, whose attributes are theirs alone.
PLAIN_TYPES = (str, bytes, int, float, complex, tuple, list, dict, set, frozenset, range, slice, Exception)


def _stored(*functions: types.FunctionType) -> frozenset[str]:
    """The names of the attributes that *functions* set."""
    found = (item for function in functions for item in dis.get_instructions(function))
    return frozenset(item.argval for item in found if item.opname == "STORE_ATTR")


#: What Triton gives each of its functions; anything else is the program's.
CALLABLE_ATTRIBUTES = _stored(
    JITCallable.__init__, JITFunction.__init__, JITFunction.create_binder  # type: ignore[arg-type]
)  # fmt: skip

#: Attributes of functions of the language that are written, or say what they are.
_WRITTEN = frozenset(("arg_names", "debug", "module", "noinline", "params", "src", "type"))

#: Names by which more can be reached than is written. `str.format` reads attributes that its text names.
_INNER_NAMES = (
    frozenset(name for cls in _INNER_TYPES for name in dir(cls)) | CALLABLE_ATTRIBUTES
) - _WRITTEN - frozenset(name for cls in PLAIN_TYPES for name in dir(cls)) | frozenset(
    ("attrgetter", "format", "format_map", "methodcaller")
)  # fmt: skip


def reaches_more(name: str) -> bool:
    """Whether an attribute *name* may show more of a value than is written of it."""
    return name not in _PLAIN_DUNDERS if name.startswith("__") else name in _INNER_NAMES


class Load(NamedTuple):
    """A global or a free variable that code loads."""

    name: str
    is_global: bool
    #: Attributes that are read of it at once, one of the other.
    attributes: tuple[str, ...]
    #: Whether it is only asked what is in it.
    is_container: bool


class Code(NamedTuple):
    """What a code object says."""

    text: str
    loads: tuple[Load, ...]
    #: Why it may reach more than is written; empty if it does not.
    reason: str


_known: dict[int, tuple[types.CodeType, Code]] = {}
_MAX_KNOWN = 4096


def read(code: types.CodeType, write: Callable[[Any, bool], str]) -> Code:
    """What *code* says, where *write* makes a text of a constant; its second argument is whether the constant's order counts."""
    known = _known.get(id(code))
    if known is None:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        known = _known[id(code)] = code, _read(code, write)
    return known[1]


def joined(texts: Any) -> str:
    """*texts* as one text from which each can be told."""
    return "".join([f"{len(text)}:{text}" for text in texts])  # faster from a list


def _read(code: types.CodeType, write: Callable[[Any, bool], str]) -> Code:
    instructions = [item for item in dis.get_instructions(code) if item.opname not in ("CACHE", "EXTENDED_ARG")]
    inner = {id(item): read(item, write) for item in code.co_consts if isinstance(item, types.CodeType)}
    iterated = {id(item.argval) for item, after in _pairs(instructions) if _loads_set(item) and after != "CONTAINS_OP"}
    numbers = (code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    names = (code.co_varnames, code.co_cellvars, code.co_freevars, code.co_names)
    constants = (
        inner[id(item)].text if id(item) in inner else write(item, not isinstance(item, frozenset) or id(item) in iterated)
        for item in code.co_consts
    )
    facts = (
        code.co_qualname,
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        repr(numbers),
        *map(joined, names),
        joined(constants),
    )
    reasons = (*(code.reason for code in inner.values()), *_reasons(code, instructions))
    loads = (*_loads(instructions), *(load for code in inner.values() for load in code.loads))
    return Code(joined(facts), tuple(dict.fromkeys(loads)), next(filter(None, reasons), ""))


def _pairs(instructions: list[dis.Instruction]) -> Iterator[tuple[dis.Instruction, str]]:
    """Each instruction with the operation after it."""
    return zip(instructions, [*(item.opname for item in instructions[1:]), ""], strict=True)


def _loads_set(instruction: dis.Instruction) -> bool:
    return instruction.opname == "LOAD_CONST" and isinstance(instruction.argval, frozenset)


def _reasons(code: types.CodeType, instructions: list[dis.Instruction]) -> Iterator[str]:
    """Why *code* may reach more than is written."""
    for item in instructions:
        operation = item.opname
        if operation in _WITHOUT_NAME or (item.opcode in dis.hasname and operation not in _BY_NAME):
            yield f"{code.co_qualname} reaches other names while it runs"
        elif operation in _SETS:
            yield f"{code.co_qualname} makes a set"
        elif operation == "IMPORT_NAME":
            if item.argval not in PURE_NAMES:
                yield f"{code.co_qualname} imports, or reaches other names, while it runs"
        elif item.opcode in dis.hasname and operation != "LOAD_GLOBAL" and reaches_more(item.argval):
            yield f"{code.co_qualname} uses {item.argval}"
        elif operation == "MATCH_CLASS" and any(map(reaches_more, _texts(code.co_consts))):
            yield f"{code.co_qualname} matches what Python keeps"


def _texts(constants: Any) -> Iterator[str]:
    for item in constants:
        if isinstance(item, str):
            yield item
        elif isinstance(item, tuple):
            yield from _texts(item)


def _loads(instructions: list[dis.Instruction]) -> Iterator[Load]:
    for index, item in enumerate(instructions):
        if item.opname == "LOAD_GLOBAL" or item.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF"):
            attributes: list[str] = []
            for after in instructions[index + 1 :]:
                if after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                    break
                attributes.append(after.argval)
            is_container = not attributes and instructions[index + 1 :][:1] and instructions[index + 1].opname == "CONTAINS_OP"
            yield Load(item.argval, item.opname == "LOAD_GLOBAL", tuple(attributes), bool(is_container))


# -- Python's own functions, which it makes for classes


#: Where functions are from that `dataclass`, `namedtuple`, `enum` and Triton's `aggregate` give to classes.
_MAKERS: tuple[types.ModuleType, ...] = (collections, dataclasses, enum, reprlib, core)


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes_in(constant)


def _functions_of(module: types.ModuleType) -> Iterator[types.FunctionType]:
    """The functions of *module* and of its classes that are written in it."""
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from (member for member in map(_unwrapped, vars(value).values()) if isinstance(member, types.FunctionType))
        elif isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            yield value


def _unwrapped(member: Any) -> Any:
    return member.__func__ if isinstance(member, staticmethod | classmethod) else member


_library: dict[int, types.CodeType] = {}


def is_library(function: types.FunctionType) -> bool:
    """Whether *function* is one that Python or Triton makes for classes, by its very code; it depends on what it closes over."""
    module = next((module for module in _MAKERS if function.__globals__ is vars(module)), None)
    if module is None:
        return False
    if not _library:
        found = (code for maker in _MAKERS for made in _functions_of(maker) for code in _codes_in(made.__code__))
        _library.update((id(code), code) for code in found)
    return id(function.__code__) in _library
