# SPDX-License-Identifier: MIT
"""What `graft doctor` says of the cache."""

from __future__ import annotations

import functools
import os

from triton import knobs

from ..settings import CAPABILITIES, PREFIX
from ..wings import Fact, Notice
from . import identity, inputs, store

#: What raises an error where a variable has a text that is not allowed.
_CHECKS = {PREFIX + "CACHE": store.requires_hits, PREFIX + "CACHE_LIMIT": store.limit_for_process}

_NOT_WRITABLE = "no: kernels are kept until the process ends; TRITON_CACHE_DIR names another folder"


def sections() -> dict[str, dict[str, Fact]]:
    """What the key is made of, what the cache folder allows, and the variables that the key counts."""
    tools = {arch: identity.tools(arch) for arch in (CAPABILITIES[0], CAPABILITIES[-1])}
    unsettled = identity.unsettled()
    return {
        "cache key": {
            "compiler": _compiler,
            **{name: text or "none" for name, text in inputs.compiler().components.items()},
            **{f"ptxas for {arch}": found["ptxas"] for arch, found in tools.items()},
        },
        "cache": {
            "folder": knobs.cache.dir,
            "can be written": "yes" if _is_writable(knobs.cache.dir) else Notice(_NOT_WRITABLE),
            "manager": _manager,
        },
        "unsettled files of the compiler": {
            path: Notice(f"{how}: it counts by its content") for path, how in unsettled.items()
        },
        "environment": {
            **{name: os.environ[name] for name in inputs.ENVIRONMENT if name in os.environ},
            **{name: functools.partial(_checked, name) for name in _CHECKS if name in os.environ},
        },
    }


def _checked(variable: str) -> str:
    _CHECKS[variable]()
    return os.environ[variable]


def _compiler() -> str:
    frozen = inputs.frozen_key()
    if frozen is None:
        return "identified by content"
    return Notice(f"frozen as {frozen!r}: changes of the compiler are not noticed")


def _manager() -> str:
    manager = knobs.cache.manager_class
    return "graft's" if manager is None else f"{manager.__module__}:{manager.__qualname__}"


def _is_writable(folder: str) -> bool:
    """Whether files can be made in *folder*, or it can be made."""
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK)
