# SPDX-License-Identifier: MIT
"""Renders templates. Names of files are templates too, and a file ends in `.jinja` if its content is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import marks
from .names import Names

_SUFFIX = ".jinja"


def render(templates: Mapping[str, bytes], names: Names, **more: Any) -> dict[str, bytes]:
    """The files that *templates*, given by their paths, make, by their own.

    All know the forms of the name, and the title, which is the name of the distribution; *more* are what only these know. Raises
    `TemplateError` without Jinja, and what Jinja raises for a variable that nobody gave.
    """
    known = {"lower": names.lower, "camel": names.camel, "upper": names.upper, "title": f"triton-{names.kebab}", **more}
    environment = marks.jinja(trim_blocks=True, lstrip_blocks=True)
    made = {}
    for path, content in templates.items():
        name = environment.from_string(path).render(known)
        if name.endswith(_SUFFIX):
            content = environment.from_string(content.decode()).render(known).encode()  # noqa: PLW2901
        made[name.removesuffix(_SUFFIX)] = content
    return made
