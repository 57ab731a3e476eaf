# SPDX-License-Identifier: MIT
"""What `graft doctor` says of the cache."""

from __future__ import annotations

import os

from triton import knobs

from ..settings import CAPABILITIES
from ..wings import Fact
from . import identity, inputs


def sections() -> dict[str, dict[str, Fact]]:
    """What the key is made of, what the cache folder allows, and the variables that the key counts."""
    tools = {arch: identity.tools(arch) for arch in (CAPABILITIES[0], CAPABILITIES[-1])}
    unsettled = identity.unsettled()
    return {
        "cache key": {
            "compiler": _compiler,
            **{name: text[:80] or "none" for name, text in inputs.compiler().components.items()},
            **{f"ptxas for {arch}": found["ptxas"][:16] for arch, found in tools.items()},
        },
        "cache": {
            "folder": knobs.cache.dir,
            "can be written": "yes" if _is_writable(knobs.cache.dir) else "no: kernels are kept until the process ends",
            "manager": _manager,
        },
        **({"unsettled files of the compiler": unsettled} if unsettled else {}),
        "environment": {name: os.environ[name] for name in inputs.ENVIRONMENT if name in os.environ},
    }


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
