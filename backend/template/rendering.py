# SPDX-License-Identifier: MIT
"""Renders a folder of templates. Names of files are templates too, and a file ends in `.jinja` if its content is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import TemplateError
from .names import Names

_SUFFIX = ".jinja"


def variables(names: Names) -> dict[str, str]:
    """What every template knows: the forms of the name, and the title, which is the name of the distribution."""
    return {
        "lower": names.lower,
        "camel": names.camel,
        "upper": names.upper,
        "kebab": names.kebab,
        "title": f"triton-{names.kebab}",
    }


def render(folder: Path, names: Names, **more: Any) -> dict[str, bytes]:
    """The files that the templates in *folder* make, by their paths; *more* are variables that only these templates know.

    Raises `TemplateError` without jinja2, and what jinja2 raises for a variable that nobody gave.
    """
    environment, known = _environment(), variables(names) | more
    made = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = environment.from_string(path.relative_to(folder).as_posix()).render(known)
        content = path.read_bytes()
        if name.endswith(_SUFFIX):
            content = environment.from_string(content.decode()).render(known).encode()
        made[name.removesuffix(_SUFFIX)] = content
    return made


def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        raise TemplateError("writing a new backend needs jinja2, which is not here; install it: pip install jinja2") from None
    return jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
