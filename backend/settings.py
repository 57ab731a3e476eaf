# SPDX-License-Identifier: MIT
"""What can be set: environment variables and kernel options. The tables here are the core's; `wings` has them whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from triton.backends.compiler import GPUTarget

from .errors import OptionError

#: How Triton knows this backend: the name of its folder, of its entry point and of `TRITON_DEFAULT_BACKEND`.
NAME = __package__.rpartition(".")[2]
PREFIX = NAME.upper() + "_"

#: Compute capabilities, times ten, for which Triton 3.9 and the two ptxas in its wheel make a cubin. Not 88: its ptxas for
#: targets below 90 is that of CUDA 12.9, whose PTX version LLVM refuses for sm_88 by ending the process.
CAPABILITIES = (75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121)

_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


def parse_flag(name: str, text: str) -> bool:
    """The truth value of the environment variable *name*."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise OptionError(name, text, f"one of {', '.join(_TRUE)} or one of {', '.join(_FALSE)}")


def parse_integer(name: str, text: str) -> int:
    """The value of the environment variable *name* as an integer."""
    try:
        return int(text)
    except ValueError:
        raise OptionError(name, text, "an integer") from None


def parse_group(name: str, text: str) -> int | str:
    """The value of the environment variable *name* as an integer, or the word auto."""
    try:
        return text if text == "auto" else parse_integer(name, text)
    except OptionError:
        raise OptionError(name, text, "auto or an integer") from None


def parse_target(name: str, target: str | GPUTarget) -> GPUTarget:
    """The target that *target* describes, such as 'cuda:90'; *name* is what the caller calls it."""
    text = f"{target.backend}:{target.arch}" if isinstance(target, GPUTarget) else target
    match = re.fullmatch(r"cuda:([1-9][0-9]*)", text) if isinstance(text, str) else None
    if match is None or int(match.group(1)) not in CAPABILITIES:
        allowed = ", ".join(map(str, CAPABILITIES))
        raise OptionError(name, text, f"cuda:<compute capability> with one of {allowed}; for example cuda:90")
    return GPUTarget("cuda", int(match.group(1)), 32)


class Option(NamedTuple):
    """One of our kernel options: `kernel[grid](..., name=value)`, or `GRAFT_<NAME>=value` for the whole process."""

    name: str
    default: Any
    expected: str
    is_valid: Callable[[Any], bool]
    parse: Callable[[str, str], Any]
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it for the process."""
        return PREFIX + self.name.upper()

    def check(self, value: Any, blamed: str | None = None) -> Any:
        """*value* if it is allowed; raises `OptionError`, which blames *blamed* or the option, otherwise."""
        if not self.is_valid(value):
            raise OptionError(blamed or self.name, value, self.expected)
        return value

    def for_process(self) -> Any:
        """The value that the environment gives, or the default."""
        text = os.environ.get(self.variable)
        if not text:
            return self.default
        return self.check(self.parse(self.variable, text), blamed=self.variable)


#: The kernel options of the core.
OPTIONS = {
    option.name: option
    for option in (
        Option(
            "version_tiles", True, "True or False", lambda v: isinstance(v, bool), parse_flag,
            "do without boundary masks where a whole tile or vector is in bounds (passes graft-version-tiles, graft-peel-loops "
            "and graft-split-masks)",
        ),
        Option(
            "swizzle_programs", "auto", "auto or an integer from 0 to 1024",
            lambda v: v == "auto" or (isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 1024), parse_group,
            "walk the grid of a matrix product in groups of so many rows, auto to choose, 0 for not (pass graft-swizzle-programs)",
        ),
        Option(
            "version_tiles_max_ops", 512, "an integer from 0 to 65536",
            lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 65536, parse_integer,
            "the largest number of TTIR operations that version_tiles may duplicate in one place",
        ),
        Option(
            "exact_bits", False, "True or False", lambda v: isinstance(v, bool), parse_flag,
            "version_tiles leaves kernels alone in which it could change a bit of a result: those with reductions, dot "
            "products, or both products and sums of floating-point numbers",
        ),
    )
}  # fmt: skip

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
