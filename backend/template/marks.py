# SPDX-License-Identifier: MIT
"""Files of ours that are templates as they stand: in comments they say what belongs to which wing.

A line `# % if "launch" in wings` begins such a part and `# % endif` ends it; in Markdown these are `<!--% if … %-->` and
`<!--% endif %-->`. What stands between is Jinja's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import TemplateError

#: The files that have marks. The others may have what looks like one.
MARKED = (
    "CONTRIBUTING.md",
    "Makefile",
    "cmake/pass_docs.py",
    "docs/bundles.md",
    "docs/cache.md",
    "docs/launcher.md",
    "docs/passes.md",
    "pyproject.toml",
    "setup.py",
    "test/unit/option_values.py",
    "test/unit/tools/wrong_inputs.py",
)


def jinja(**more: Any) -> Any:
    """Jinja's environment for text that has to come out as it went in. Raises `TemplateError` if Jinja is not installed."""
    try:
        import jinja2
    except ModuleNotFoundError:
        raise TemplateError("writing a project needs Jinja: pip install 'triton-graft[new]'") from None
    # Nothing is HTML here.
    return jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False, **more)


def render(files: Mapping[str, bytes], wings: Iterable[str]) -> dict[str, bytes]:
    """*files* without the parts that are marked as those of wings that are not in *wings*, and without the marks."""
    environment = jinja(
        block_start_string="<!--%", block_end_string="%-->", variable_start_string="\0{", variable_end_string="\0}",
        comment_start_string="\0#", comment_end_string="#\0", trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    kept = frozenset(wings)

    def rendered(content: bytes) -> bytes:
        # Not Jinja's own line statements: with those go the empty lines that follow.
        text = re.sub(r"^[ ]*# % (.*)$", r"<!--% \1 %-->", content.decode(), flags=re.M)
        return environment.from_string(text).render(wings=kept).encode()

    return {path: rendered(content) if path in MARKED else content for path, content in files.items()}
