#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`graft new` in a checkout that was never built, without Triton: python tools/new_backend.py NAME

Needs what `pip install 'triton-graft[new]'` installs: click, jinja2, ruff and clang-format.
"""

import importlib
import sys
import types
from pathlib import Path

ROOT = Path(__file__).parents[1]


def load(module: str) -> types.ModuleType:
    """A module of `backend/` that needs no Triton; importing the package itself would need it."""
    package = types.ModuleType("unbuilt")
    package.__path__ = [str(ROOT / "backend")]
    sys.modules.setdefault(package.__name__, package)
    return importlib.import_module(f"{package.__name__}.{module}")


def main() -> None:
    try:
        command = load("template.cli")
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("Error: this needs click: pip install 'triton-graft[new]'")
    try:
        command.new(prog_name="new_backend.py", standalone_mode=True)
    except load("errors").GraftError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, load("errors").OptionError) else 1)


if __name__ == "__main__":
    main()
