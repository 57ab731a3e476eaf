# SPDX-License-Identifier: MIT
"""Writes the table of options in README.md anew, out of the tables that the backend has. Needs Triton with the backend in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
HEAD = "| option | default | what it does |\n|---|---|---|\n"


def rows() -> str:
    """The rows of the table, one for each option."""
    from triton.backends.graft import wings

    return "".join(f"| `{name}` | `{_literal(option.default)}` | {option.help} |\n" for name, option in wings.options().items())


def updated(text: str) -> str:
    """*text*, a README, with the table as it is to be. Raises `ValueError` if there is none."""
    before, head, rest = text.partition(HEAD)
    if not head:
        raise ValueError("there is no table of options")
    return before + head + rows() + rest[rest.index("\n\n") + 1 :]


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def main() -> int:
    README.write_text(updated(README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
