# SPDX-License-Identifier: MIT
"""Renders a folder of templates. Names of files are templates too, and a file ends in `.jinja` if its content is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import marks
from .names import Names

_SUFFIX = ".jinja"


def render(folder: Path, names: Names, **more: Any) -> dict[str, bytes]:
    """The files that the templates in *folder* make, by their paths.

    All know the forms of the name, and the title, which is the name of the distribution; *more* are what only these know. Raises
    `TemplateError` without Jinja, and what Jinja raises for a variable that nobody gave.
    """
    known = {"lower": names.lower, "camel": names.camel, "upper": names.upper, "title": f"triton-{names.kebab}", **more}
    environment = marks.jinja(trim_blocks=True, lstrip_blocks=True)
    made = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = environment.from_string(path.relative_to(folder).as_posix()).render(known)
        content = path.read_bytes()
        if name.endswith(_SUFFIX):
            content = environment.from_string(content.decode()).render(known).encode()
        made[name.removesuffix(_SUFFIX)] = content
    return made
