# SPDX-License-Identifier: MIT
"""Whose driver the tests of a side run on: how it is named, made, and kept the active one.

Run as a program, this makes the driver that `--backend` or `--driver` of the command names and prints what it is, or why it cannot be made.
"""

from __future__ import annotations

import importlib
import json
import operator
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import triton
from triton.backends import backends

from .. import hooks
from ..errors import GraftError, OptionError, did_you_mean

#: Triton's own backends.
IN_TREE = ("nvidia", "amd")

#: What stands for the driver where Triton interprets the kernels itself.
INTERPRETER = "Triton's interpreter"

_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Choice:
    """A driver: that of the installed *backend*, or what `module:attr` (*maker*) makes. Without both, the in-tree one with a device.

    Where kernels are *interpreted*, the driver only says that no other one is active.
    """

    backend: str = ""
    maker: str = ""
    interpreted: bool = False

    def check(self, backend_flag: str, maker_flag: str) -> None:
        """Raises `OptionError`, which blames the flags, for a backend that is not installed or a maker that names no place."""
        if self.backend and self.backend not in backends:
            expected = f"an installed backend: {', '.join(sorted(backends))}"
            raise OptionError(backend_flag, self.backend, expected + did_you_mean(self.backend, backends))
        if self.maker and not _PLACE.fullmatch(self.maker):
            raise OptionError(maker_flag, self.maker, "module:attr, which is called without arguments and returns a driver")


@dataclass(frozen=True)
class Described:
    """What a driver is: its class, its target, and the backend that Triton is to choose by itself, if there is one."""

    driver: str
    target: str
    backend: str


def make(choice: Choice) -> Any:
    """The driver of *choice*. Raises `GraftError` if the in-tree ones find no device, and whatever its class raises."""
    if choice.maker:
        module, _, name = choice.maker.partition(":")
        return operator.attrgetter(name)(importlib.import_module(module))()
    return backends[choice.backend or _in_tree()].driver()


def describe(choice: Choice) -> Described:
    """What the driver of *choice* is, which is made for that."""
    driver = make(choice)
    target = driver.get_current_target()
    backend = choice.backend or ("" if choice.maker else _in_tree())
    return Described(class_name(driver), f"{target.backend}:{target.arch}", backend)


def class_name(driver: object) -> str:
    """The class of *driver*, by its whole name."""
    return f"{type(driver).__module__}.{type(driver).__qualname__}"


def _in_tree() -> str:
    """The in-tree backend that finds a device, whoever is to be the active one."""
    for name in IN_TREE:
        if name in backends and (hooks.has_device() if name == "nvidia" else backends[name].driver.is_active()):
            return name
    raise GraftError(
        f"no in-tree driver ({', '.join(IN_TREE)}) finds a device here; name another with --baseline-driver, take the results of "
        "another machine with --baseline, or do without with --no-baseline"
    )


class Active:
    """Keeps *driver* Triton's active one in this process."""

    def __init__(self, driver: Any):
        self._driver, self._config = driver, triton.runtime.driver
        self.restore()

    def stray(self) -> str:
        """What is active in the place of the driver; empty if a driver of its class is."""
        if any(config is not self._config for config in (triton.runtime.driver, _module().driver)):
            return "a reloaded triton.runtime.driver"
        now = vars(self._config).get("_active")
        return "" if type(now) is type(self._driver) else "none" if now is None else class_name(now)

    def restore(self) -> None:
        """Makes it the active one again, also where a test reloaded the module that holds it."""
        triton.runtime.driver = _module().driver = self._config
        if vars(self._config).get("_active") is not self._driver:
            self._config.set_active(self._driver)


def _module() -> Any:
    """The module whose name in its package is that of the object in it."""
    return sys.modules["triton.runtime.driver"]


def main(arguments: Sequence[str]) -> int:
    """Prints what the driver is, as JSON; exit status 1 and the reason if it cannot be made."""
    backend, maker = arguments
    try:
        print(json.dumps(asdict(describe(Choice(backend, maker)))))
    except Exception as error:
        print(f"{type(error).__name__}: {error}" if not isinstance(error, GraftError) else error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
