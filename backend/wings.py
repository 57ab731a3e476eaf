# SPDX-License-Identifier: MIT
"""The wings: folders beside this file that add something to the core, and that can be taken away.

A wing is a folder with a module `wing`, whose `WING` says what it adds. The core asks those that are there and imports nothing else
of theirs. Whoever deletes a folder, and those that stand on it, has a backend without what it added. Whoever adds a wing writes a
subclass of `Wing` and a line in `STANDS_ON`.

`import triton` imports each `wing` module: it imports what it needs when it is asked.
"""

from __future__ import annotations

import enum
import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from . import settings
from .settings import Option
from .steps import STEPS, Step

#: The folders that can be taken away, each with those that it stands on, which come first.
STANDS_ON: dict[str, tuple[str, ...]] = {
    "passes": (),
    "runtime": (),
    "guard": ("passes", "runtime"),
    "cache": (),
    "launch": ("runtime", "cache"),
    "bundle": ("runtime", "cache", "launch"),
    "tools": ("guard", "bundle"),
    "bench": ("cache", "launch", "bundle"),
    "template": ("tools",),
    "conformance": (),
}


class State(enum.Flag):
    """When a hook is in place."""

    #: `TRITON_DEFAULT_BACKEND` named us when Triton was imported.
    DEFAULT = enum.auto()
    #: There is a driver of ours.
    PRESENT = enum.auto()
    #: Ours is the active driver.
    ACTIVE = enum.auto()
    #: There is no driver, and the target is ours by default.
    DRIVERLESS = enum.auto()
    #: Something has been compiled since ours became the active driver.
    COMPILING = enum.auto()


class Hook(NamedTuple):
    """One attribute of Triton's that we replace, and when."""

    where: str
    what: str
    why: str
    during: State
    #: Puts it in place and returns what undoes it, or None if Triton is not as expected.
    install: Callable[[], Callable[[], None] | None]


#: A text, or what finds it out and may raise one of our errors, `ImportError`, `OSError` or `RuntimeError`.
Fact = str | Callable[[], str]


class Notice(str):
    """A fact that `doctor` says first, since it may not be what is wanted; it says what to do."""


class Problem(Notice):
    """A fact that says what cannot be used and what to do. An error in finding out a fact is one, too."""


@dataclass(frozen=True)
class Wing:
    """What a folder adds to the core. All of it is optional."""

    #: By a name of its own; they are put in place in this order.
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    #: Kernel options, each of which becomes a field of `compiler.Options`.
    options: tuple[Option, ...] = ()
    #: Environment variables other than those of the options, each with what it does.
    variables: Mapping[str, str] = field(default_factory=dict)

    def steps(self) -> Iterable[Step]:
        """Passes that change kernels at the end of the TTIR stage, in the order in which they run."""
        return ()

    def init_device(self, driver: Any) -> bool:
        """Sets what *driver* needs to launch on a CUDA device. Returns whether it did."""
        return False

    def driver_made(self, driver: Any) -> None:
        """Called when *driver* is ready for use."""

    def driver_changed(self, driver: Any) -> None:
        """Called when the active *driver* gets other functions for the current device or stream."""

    def make_binder(self, kernel: Any) -> Callable[[], tuple] | None:
        """What makes the caches of *kernel* for a device, in the place of its own `create_binder`."""
        return None

    def add_stages(self, backend: Any, stages: dict[str, Callable], options: Any, capability: int) -> None:
        """Changes the *stages* in which *backend* compiles a kernel of Triton's language."""

    def identity(self, target: Any) -> str | None:
        """The identity of all that compiles for *target*: a text that changes when the results may."""
        return None

    def metadata(self) -> Mapping[str, Any]:
        """What is noted in the metadata of a kernel that was compiled."""
        return {}

    def describe(self, source: Any, options: Any) -> Mapping[str, Any] | None:
        """What is stored beside what *source* was compiled to with *options*."""
        return None

    def arguments(self, described: Any) -> Mapping[str, str] | None:
        """The arguments, by name, of a kernel of which `describe` gave what was *described*."""
        return None

    def report(self) -> Mapping[str, Mapping[str, Fact]]:
        """What `doctor` says of the wing on this machine, by section and name."""
        return {}

    def commands(self) -> Mapping[str, Iterable[Any]]:
        """The wing's commands (of click), by the heading under which the command line lists them."""
        return {}


@functools.cache
def present() -> Mapping[str, Wing]:
    """The wings that are there, by their folders' names."""
    here = Path(__file__).parent
    there = [name for name in STANDS_ON if (here / name / "wing.py").is_file()]
    return {name: importlib.import_module(f".{name}.wing", __package__).WING for name in there}


@functools.cache
def options() -> Mapping[str, Option]:
    """All our kernel options by their names. `compiler.Options` has a field for each."""
    ours = (option for wing in present().values() for option in wing.options)
    return {option.name: option for option in (*ours, *settings.OPTIONS)}


@functools.cache
def steps() -> tuple[Step, ...]:
    """The passes that change kernels, in the order in which they run: those of the wings, and then the core's."""
    return (*(step for wing in present().values() for step in wing.steps()), *STEPS)


def switched_off() -> dict[str, Any]:
    """The options with which no pass runs."""
    return {step.switch: False if isinstance(options()[step.switch].kind, settings.Flag) else 0 for step in steps()}


@functools.cache
def variables() -> Mapping[str, str]:
    """All our environment variables other than those of the options, each with what it does."""
    return settings.VARIABLES | dict(item for wing in present().values() for item in wing.variables.items())


def first(ask: Callable[[Wing], Any]) -> Any:
    """The first answer of a wing that is not None; None if there is none."""
    return next((answer for wing in present().values() if (answer := ask(wing)) is not None), None)
