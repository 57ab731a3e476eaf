# SPDX-License-Identifier: MIT
"""What the backend finds on this machine, and what it makes of the environment: `graft doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable

import triton
from triton import knobs

from . import __version__, passes
from .cache import identity, inputs
from .errors import GraftError
from .settings import CAPABILITIES, OPTIONS, PREFIX, VARIABLES


def report() -> dict[str, dict[str, str]]:
    """What there is to know, by section and name. An error in finding something out is what is said of it."""
    tools = {arch: identity.tools(arch) for arch in (CAPABILITIES[0], CAPABILITIES[-1])}
    return {
        "versions": {"triton-graft": __version__, "Triton": triton.__version__},
        "built parts": {
            "passes": _said(lambda: "usable" if passes.available() else "cannot be used"),
            "native launcher": _said(_launcher),
        },
        "cache key": {
            "compiler": _said(_compiler),
            **{name: text[:80] or "none" for name, text in inputs.compiler().components.items()},
            **{f"ptxas for {arch}": found["ptxas"][:16] for arch, found in tools.items()},
        },
        "cache": {
            "folder": knobs.cache.dir,
            "can be written": "yes" if _is_writable(knobs.cache.dir) else "no: kernels are kept until the process ends",
            "manager": _said(_manager),
        },
        **({"unsettled files of the compiler": identity.unsettled()} if identity.unsettled() else {}),
        "environment": _environment(),
    }


def format_report(sections: dict[str, dict[str, str]]) -> str:
    """*sections* as text."""
    lines = []
    for section, facts in sections.items():
        lines += [f"{section}:", *(f"  {name:24} {value}" for name, value in facts.items()), ""]
    return "\n".join(lines[:-1])


def _said(find: Callable[[], str]) -> str:
    try:
        return find()
    except (GraftError, ImportError, OSError, RuntimeError) as error:
        return f"error: {error}"


def _launcher() -> str:
    from .launch import _launcher

    return f"usable ({os.path.basename(_launcher.__file__ or '')})"


def _compiler() -> str:
    frozen = inputs.frozen_key()
    return "identified by content" if frozen is None else f"frozen as {frozen!r}: changes of the compiler are not noticed"


def _manager() -> str:
    manager = knobs.cache.manager_class
    return "graft's" if manager is None else f"{manager.__module__}:{manager.__qualname__}"


def _is_writable(folder: str) -> bool:
    """Whether files can be made in *folder*, or it can be made."""
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK)


def _environment() -> dict[str, str]:
    """The variables that are set and count here."""
    ours = [*VARIABLES, *(option.variable for option in OPTIONS.values())]
    tritons = [
        *inputs.ENVIRONMENT,
        "TRITON_CACHE_DIR",
        "TRITON_CACHE_MANAGER",
        "TRITON_KERNEL_OVERRIDE",
        "TRITON_ALWAYS_COMPILE",
    ]
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in ours]
    known = {name: os.environ[name] for name in (*ours, *tritons) if name in os.environ}
    return known | {name: f"{os.environ[name]} (no such variable)" for name in unknown}
