# SPDX-License-Identifier: MIT
"""What the backend finds on this machine, and what it makes of the environment: `graft doctor`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from functools import partial

import triton

from .. import __version__, plugin, settings, wings
from ..console import Block, Facts, Line, count
from ..errors import GraftError, GraftWarning, did_you_mean
from ..library import check_library
from ..settings import PREFIX
from ..wings import Fact, Notice, Problem

#: Triton's variables that decide on kernels, or on where they are kept.
_TRITONS = (
    "TRITON_ALWAYS_COMPILE",
    "TRITON_CACHE_DIR",
    "TRITON_CACHE_MANAGER",
    "TRITON_DEFAULT_BACKEND",
    "TRITON_KERNEL_OVERRIDE",
)

Sections = dict[str, dict[str, str]]


def report() -> Sections:
    """What there is to know, by section and name: a `Problem` or `Notice` where all is not well. An error in finding something out
    is what is said of it."""
    sections: Sections = {
        "versions": {"triton-graft": __version__, "Triton": triton.__version__},
        "built parts": {"passes": _said(_passes), "wings": ", ".join(wings.present()) or "none"},
        "environment": {},
    }
    for wing in wings.present().values():
        for section, facts in wing.report().items():
            sections.setdefault(section, {}).update({name: _said(fact) for name, fact in facts.items()})
    environment = sections.pop("environment")
    return sections | {"environment": _environment() | environment}


def problems(sections: Sections) -> dict[str, str]:
    """What cannot be used, by name."""
    return {name: fact for facts in sections.values() for name, fact in facts.items() if isinstance(fact, Problem)}


def blocks(sections: Sections) -> list[Block]:
    """What `report` returns, to be printed: what is wrong first."""
    wrong = problems(sections)
    notices = {
        name: fact
        for facts in sections.values()
        for name, fact in facts.items()
        if isinstance(fact, Notice) and not isinstance(fact, Problem)
    }
    made: list[Block] = []
    if wrong:
        made += [Facts(f"{count(len(wrong), 'thing')} cannot be used", wrong, "bad"), Line()]
    if notices:
        made += [Facts(f"{count(len(notices), 'thing')} to know", notices, "notice"), Line()]
    if not made:
        made = [Line("all is well: what is there can be used", "good"), Line()]
    for section, facts in sections.items():
        well = {name: fact for name, fact in facts.items() if not isinstance(fact, Notice)}
        made += [Facts(section, well), Line()] if well else []
    return made[:-1]


def _said(fact: Fact) -> str:
    """*fact*, or what it finds out, or the error that it meets."""
    try:
        return fact if isinstance(fact, str) else fact()
    except (GraftError, ImportError, OSError, RuntimeError) as error:
        return Problem(f"error: {error}")


def _passes() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GraftWarning)  # it says the same
        if plugin.available():
            return "usable"
    check_library(plugin.LIBRARY)
    return Problem("cannot be used")


def _environment() -> dict[str, str]:
    """The variables that are set and count here."""
    checks: Mapping[str, Callable[[], object]] = {
        **dict.fromkeys([*wings.variables(), *_TRITONS], lambda: None),
        PREFIX + "TARGET": settings.target_for_process,
        **{option.variable: option.for_process for option in wings.options().values()},
    }
    known = {name: _said(partial(_checked, name, checks[name])) for name in checks if name in os.environ}
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in checks]
    return known | {name: Notice(f"{os.environ[name]} (no such variable{did_you_mean(name, checks)})") for name in unknown}


def _checked(variable: str, check: Callable[[], object]) -> str:
    """The text of the environment *variable*, if *check* raises no error for it."""
    check()
    return os.environ[variable]
