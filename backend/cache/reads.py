# SPDX-License-Identifier: MIT
"""Python values that the front end read for a kernel, and whether they are still the same objects.

A `CompiledKernel` may say in its attribute `_graft_reads` which Python values the front end read for it: a tuple of triples
(namespace, name, value), each of which holds as long as it is still so:
- a dict and a name: `namespace.get(name)` is *value*, or the name is not there and *value* is `ABSENT`;
- a dict, None and a number: it has that many items;
- a cell and None: what is in the cell is *value*, or nothing is and *value* is `ABSENT`;
- a dict or list, None and a tuple: its items, of a dict each key and what is there, are these, in this order;
- a function and None: its code, its defaults and those by name are the three in *value*;
- a class, None and a tuple: its class and its bases (`__mro__`) are the two in *value*;
- a property, a static or class method, None and a tuple: what it was made with is in *value*;
- anything, None and a class: it is of this class;
- *value* is `UNSTABLE`: never, as it can change and stay the same object.

The native launcher checks the same (lib/Launcher/Reads.cpp). Nothing here needs the extension.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

#: Where the native launcher and everybody else looks for the triples.
ATTRIBUTE = "_graft_reads"


class _Sentinel:
    """One of its kind, equal to nothing else."""

    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return self._name


#: Stands for the value of what is not there.
ABSENT = _Sentinel("ABSENT")
#: Stands for a value whose identity does not tell whether it has changed.
UNSTABLE = _Sentinel("UNSTABLE")


def hold(reads: tuple) -> bool:
    """Whether all *reads* hold; what is not understood does not. Each launch that goes Triton's way asks, so it is one loop."""
    for read in reads:
        if type(read) is not tuple or len(read) != 3:
            return False
        namespace, name, value = read
        if type(namespace) is dict and type(name) is str:
            if namespace.get(name, ABSENT) is not value:  # no namespace has UNSTABLE
                return False
        elif name is not None or value is UNSTABLE or not _is_as(namespace, value):
            return False
    return True


def _is_as(thing: Any, value: Any) -> bool:
    """Whether *thing* is still as *value* says."""
    if isinstance(thing, CellType):
        try:
            return thing.cell_contents is value
        except ValueError:
            return value is ABSENT
    if type(thing) is dict and type(value) is int:
        return len(thing) == value
    if type(value) is tuple:
        now = _parts(thing)
        return now is not None and len(now) == len(value) and all(map(operator.is_, now, value))
    return isinstance(value, type) and type(thing) is value


def _parts(thing: Any) -> Any:
    """What there is to compare of *thing*; None if it is of no kind that is known."""
    if type(thing) is list:
        return thing
    if type(thing) is dict:
        return [part for item in thing.items() for part in item]
    if isinstance(thing, FunctionType):
        return thing.__code__, thing.__defaults__, thing.__kwdefaults__
    return (type(thing), thing.__mro__) if isinstance(thing, type) else descriptor_parts(thing)


#: What each kind of descriptor is made with. Calling its `__init__` once more puts something else there.
_PARTS: dict[type, Callable[[Any], tuple]] = {
    property: operator.attrgetter("fget", "fset", "fdel"),
    staticmethod: lambda made: (made.__func__,),
    classmethod: lambda made: (made.__func__,),
}


def descriptor_parts(thing: Any) -> Any:
    """What *thing* was made with, if it is of just one of these classes; else None."""
    parts = _PARTS.get(type(thing))
    return None if parts is None else parts(thing)
