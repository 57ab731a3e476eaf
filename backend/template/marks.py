# SPDX-License-Identifier: MIT
"""Files of ours that are templates as they stand: in comments they say what belongs to which wing.

A line `# % if "launch" in wings` begins such a part and `# % endif` ends it; in Markdown these are `<!--% if … %-->` and
`<!--% endif %-->`. What stands between is Jinja's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import TemplateError

#: The files that have marks. The others may have what looks like one.
MARKED = ("CONTRIBUTING.md", "Makefile", "cmake/pass_docs.py", "docs/passes.md", "pyproject.toml", "setup.py")


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
    odd = {
        "variable_start_string": "\0{",
        "variable_end_string": "\0}",
        "comment_start_string": "\0#",
        "comment_end_string": "#\0",
    }
    scripts = jinja(line_statement_prefix="# %", block_start_string="\0%", block_end_string="%\0", **odd)
    manuals = jinja(block_start_string="<!--%", block_end_string="%-->", trim_blocks=True, **odd)
    kept = frozenset(wings)

    def rendered(path: str, content: bytes) -> bytes:
        if path not in MARKED:
            return content
        environment = manuals if path in ("CONTRIBUTING.md", "docs/passes.md", "cmake/pass_docs.py") else scripts
        return environment.from_string(content.decode()).render(wings=kept).encode()

    return {path: rendered(path, content) for path, content in files.items()}
