# SPDX-License-Identifier: MIT
"""What the backend finds on this machine, and what it makes of the environment: `graft doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable

import triton

from .. import __version__, plugin, wings
from ..errors import GraftError
from ..settings import PREFIX

#: Triton's variables that decide on kernels, or on where they are kept.
_TRITONS = (
    "TRITON_ALWAYS_COMPILE",
    "TRITON_CACHE_DIR",
    "TRITON_CACHE_MANAGER",
    "TRITON_DEFAULT_BACKEND",
    "TRITON_KERNEL_OVERRIDE",
)


def report() -> dict[str, dict[str, str]]:
    """What there is to know, by section and name. An error in finding something out is what is said of it."""
    sections: dict[str, dict[str, str]] = {
        "versions": {"triton-graft": __version__, "Triton": triton.__version__},
        "built parts": {
            "passes": "usable" if plugin.available() else "cannot be used",
            "wings": ", ".join(wings.present()) or "none",
        },
        "environment": {},
    }
    for wing in wings.present().values():
        for section, facts in wing.report().items():
            sections.setdefault(section, {}).update({name: _said(fact) for name, fact in facts.items()})
    environment = sections.pop("environment")
    return sections | {"environment": _environment() | environment}


def format_report(sections: dict[str, dict[str, str]]) -> str:
    """*sections* as text."""
    lines = []
    for section, facts in sections.items():
        lines += [f"{section}:", *(f"  {name:24} {value}" for name, value in facts.items()), ""]
    return "\n".join(lines[:-1])


def _said(fact: str | Callable[[], str]) -> str:
    """*fact*, or what it finds out, or the error that it meets."""
    try:
        return fact if isinstance(fact, str) else fact()
    except (GraftError, ImportError, OSError, RuntimeError) as error:
        return f"error: {error}"


def _environment() -> dict[str, str]:
    """The variables that are set and count here."""
    ours = [*wings.variables(), *(option.variable for option in wings.options().values())]
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in ours]
    known = {name: os.environ[name] for name in (*ours, *_TRITONS) if name in os.environ}
    return known | {name: f"{os.environ[name]} (no such variable)" for name in unknown}
