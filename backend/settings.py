# SPDX-License-Identifier: MIT
"""What can be set: environment variables and kernel options. The tables here are the core's; `wings` has them whole."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple, Protocol

from triton.backends.compiler import GPUTarget

from .errors import OptionError

#: How Triton knows this backend: the name of its folder, of its entry point and of `TRITON_DEFAULT_BACKEND`.
NAME = __package__.rpartition(".")[2]
PREFIX = NAME.upper() + "_"

#: Compute capabilities, times ten, for which Triton 3.9 and the two ptxas in its wheel make a cubin. Not 88: its ptxas for
#: targets below 90 is that of CUDA 12.9, whose PTX version LLVM refuses for sm_88 by ending the process.
CAPABILITIES = (75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121)

TRUE, FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


def parse_flag(name: str, text: str) -> bool:
    """The truth value of the environment variable *name*."""
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise OptionError(name, text, f"one of {', '.join(TRUE)} or one of {', '.join(FALSE)}")


def parse_target(name: str, target: str | GPUTarget) -> GPUTarget:
    """The target that *target* describes, such as 'cuda:90'; *name* is what the caller calls it."""
    text = f"{target.backend}:{target.arch}" if isinstance(target, GPUTarget) else target
    match = re.fullmatch(r"cuda:([1-9][0-9]*)", text) if isinstance(text, str) else None
    if match is None or int(match.group(1)) not in CAPABILITIES:
        allowed = ", ".join(map(str, CAPABILITIES))
        raise OptionError(name, text, f"cuda:<compute capability> with one of {allowed}; for example cuda:90")
    return GPUTarget("cuda", int(match.group(1)), 32)


class Kind(Protocol):
    """What values an option may have."""

    @property
    def expected(self) -> str:
        """They in words, for messages."""

    def is_valid(self, value: Any) -> bool:
        """Whether *value* is one."""

    def parse(self, name: str, text: str) -> Any:
        """The value that *text* stands for in the environment variable *name*. Raises `OptionError`; what it returns may be invalid."""


class Flag:
    """True or False."""

    expected = "True or False"

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, bool)

    def parse(self, name: str, text: str) -> bool:
        return parse_flag(name, text)


class Integer:
    """An integer from *least* to *most*, or *word* if there is one."""

    def __init__(self, least: int, most: int, word: str = ""):
        self.least, self.most, self.word = least, most, word
        self._or = f"{word} or " if word else ""
        self.expected = f"{self._or}an integer from {least} to {most}"

    def is_valid(self, value: Any) -> bool:
        if isinstance(value, str):
            return bool(self.word) and value == self.word
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def parse(self, name: str, text: str) -> int | str:
        if self.word and text == self.word:
            return text
        try:
            return int(text)
        except ValueError:
            raise OptionError(name, text, f"{self._or}an integer") from None


class Option(NamedTuple):
    """One of our kernel options: `kernel[grid](..., name=value)`, or `GRAFT_<NAME>=value` for the whole process."""

    name: str
    default: Any
    kind: Kind
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it for the process."""
        return PREFIX + self.name.upper()

    def check(self, value: Any, blamed: str | None = None) -> Any:
        """*value* if it is allowed; raises `OptionError`, which blames *blamed* or the option, otherwise."""
        if not self.kind.is_valid(value):
            raise OptionError(blamed or self.name, value, self.kind.expected)
        return value

    def for_process(self) -> Any:
        """The value that the environment gives, or the default."""
        text = os.environ.get(self.variable)
        if not text:
            return self.default
        return self.check(self.kind.parse(self.variable, text), blamed=self.variable)


#: The kernel options of the core, which come behind those of the wings (`wings.options`).
OPTIONS: tuple[Option, ...] = ()

#: Environment variables of the core other than those of its options, each with what it does.
VARIABLES = {
    PREFIX + "TARGET": "compile only, for this target (cuda:<compute capability>); needs no CUDA device",
    PREFIX + "SITES": "a file to which passes add a line for each place that they rewrite; graft bisect reads it",
}


def flag_for_process(name: str, default: bool) -> bool:
    """The truth value of the environment variable of ours that ends in *name*."""
    text = os.environ.get(PREFIX + name)
    return parse_flag(PREFIX + name, text) if text else default


def target_for_process() -> GPUTarget | None:
    """The target that `GRAFT_TARGET` asks to compile for, if it is set."""
    variable = PREFIX + "TARGET"
    text = os.environ.get(variable)
    return parse_target(variable, text) if text else None


def is_default_backend() -> bool:
    """Whether `TRITON_DEFAULT_BACKEND` names this backend."""
    return os.environ.get("TRITON_DEFAULT_BACKEND") == NAME
