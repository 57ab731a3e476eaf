# SPDX-License-Identifier: MIT
"""The read-set of a kernel: what the front end looked up while it made the kernel's TTIR, and how to check it later.

A kernel depends on more than its source: on globals, closure cells, attributes of modules and classes, other functions, and on
what those look up. Which of them, only the front end knows, as it follows branches whose conditions are compile-time values.
So while ours is active its code generator is one that notes each look-up (`recording`), with the value as `encoding` writes it.

Whoever has the same function with the same constants, and finds the same at each of these look-ups, gets the same TTIR. What
cannot be shown to be so leaves the kernel without a read-set, with the reason, and then its TTIR has to be made to know its key.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from triton.runtime.jit import JITFunction

from .encoding import FAILURES, VERSION, Encoder, UnprovableError, finds_own, is_language, joined
from .reads import ATTRIBUTE

#: The attribute of a kernel's source that has its read-set.
REMEMBERED = "_graft_read_set"


class Read(NamedTuple):
    """One look-up: where, as the number of an object that was met before or the name of a language module, what, and the result."""

    base: int | str
    name: str
    #: As `shortened` has it.
    found: str


class Root(NamedTuple):
    """What a kernel is compiled from: the function, its constants by path, and whether lines count."""

    function: JITFunction
    constants: tuple[tuple[tuple, Any], ...]
    lines: bool

    def begin(self) -> tuple[Encoder, str]:
        """An encoder that has met the function and the constants, and what it wrote of them. Raises `UnprovableError`."""
        encoder = Encoder(self.lines)
        try:
            # Its defaults are not read here: Triton binds them before, and they are among the constants.
            texts = [VERSION, encoder.function(self.function, ())]
            for path, value in self.constants:
                texts += (repr(path), encoder.text(value))
        except UnprovableError:
            raise
        except FAILURES as error:
            raise UnprovableError(f"it cannot be written ({error})") from None
        return encoder, joined(texts)


def shortened(text: str) -> str:
    """What stands for *text* in a read-set: a short text itself, a digest for another."""
    if len(text) <= _SHORT:
        return text
    return "#" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


#: No shorter than a digest, and long enough for the names of the language's own functions.
_SHORT = 80


def check(encoder: Encoder, reads: Iterable[Read]) -> bool:
    """Whether each of *reads* gives again what it gave, to *encoder* as its root has just begun it."""
    objects = encoder.objects
    try:
        for base, name, found in reads:
            where = objects[base] if type(base) is int and base >= 0 else _named(base)
            if not finds_own(where, name, found) and shortened(encoder.look_up(where, name)) != found:
                return False
    except FAILURES:
        return False
    return True


def _named(base: object) -> Any:
    """The module of the language that is called so. Raises `UnprovableError`."""
    if type(base) is not str or base not in sys.modules or not is_language(base):
        raise UnprovableError(f"there is no {base!r} to look into")
    return sys.modules[base]


# -- In this process


class Remembered(NamedTuple):
    """The read-set of a kernel of this process; of one that has none, what could be noted of it."""

    root: Root
    #: What was written of the root.
    text: str
    reads: tuple[Read, ...]
    watched: tuple[tuple, ...]


def remember(source: Any, remembered: Remembered) -> None:
    """Has *source*, what a kernel is compiled from, say what was read for it."""
    setattr(source, REMEMBERED, remembered)


def attach(compiled: Any) -> Any:
    """Has *compiled*, if its source has a read-set, say by which objects it is current; returns it."""
    remembered = getattr(compiled.src, REMEMBERED, None)
    if remembered is not None:
        setattr(compiled, ATTRIBUTE, remembered.watched)
    return compiled


def still_holds(compiled: Any) -> bool:
    """Whether *compiled* is what its function would give now, though objects that it read may have been replaced."""
    remembered: Remembered = getattr(compiled.src, REMEMBERED)
    try:
        encoder, text = remembered.root.begin()
    except UnprovableError:
        return False
    if text != remembered.text or not check(encoder, remembered.reads):
        return False
    setattr(compiled, ATTRIBUTE, tuple(encoder.watched))
    return True
