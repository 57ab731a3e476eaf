# SPDX-License-Identifier: MIT
"""Packages whose names are imported when they are asked for."""

from importlib import import_module


def find(package: str, modules: dict[str, tuple[str, ...]], name: str) -> object:
    """The attribute *name* of the *package* whose *modules* have these names. Raises `AttributeError` if none has it."""
    for module, names in modules.items():
        if name in names:
            return getattr(import_module(f".{module}", package), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
