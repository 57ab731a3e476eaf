# SPDX-License-Identifier: MIT
"""What the reference takes from the backend: its tables of options and variables, and docstrings as reStructuredText reads them."""

from __future__ import annotations

import json
import re
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from triton.backends.graft import wings
from triton.backends.graft.tools.highlighting import MlirLexer


class OptionTable(SphinxDirective):
    """A table of the kernel options."""

    def run(self) -> list[nodes.Node]:
        rows = [
            (f"`{option.name}`", f"`{_literal(option.default)}`", option.kind.expected, option.help)
            for option in wings.options().values()
        ]
        return _table(self, ("option", "default", "allowed", "what it does"), rows)


class VariableTable(SphinxDirective):
    """A table of the environment variables other than those of the options."""

    def run(self) -> list[nodes.Node]:
        rows = [(f"`{name}`", text) for name, text in wings.variables().items()]
        return _table(self, ("variable", "what it does"), rows)


def _table(directive: SphinxDirective, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[nodes.Node]:
    """A table in Markdown with *head* and *rows*, as nodes."""
    lines = [head, ("---",) * len(head), *rows]
    text = StringList([f"| {' | '.join(map(_escaped, line))} |" for line in lines], source="tables")
    container = nodes.container()
    directive.state.nested_parse(text, 0, container)
    return container.children


def _escaped(cell: str) -> str:
    """*cell* with what Markdown takes for a column or a tag as it stands."""
    return cell.replace("|", r"\|").replace("<", r"\<")


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def as_rest(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:  # noqa: PLR0913, PLR0917 - an event of Sphinx
    """Makes of what is indented in a docstring a block of code, as everybody reads it."""
    found: list[str] = []
    for number, line in enumerate(lines):
        begins = line.startswith("    ") and number and not lines[number - 1].strip() and not found[-1].startswith("    ")
        if begins and not _is_in_list(found):
            found += [".. code-block:: python", ""]
        found.append(line)
    lines[:] = found


def _is_in_list(lines: list[str]) -> bool:
    before = [line for line in lines if line.strip()]
    return bool(before) and before[-1].lstrip().startswith(("- ", "* ", ".. "))


_PICTURE = re.compile(
    r'<picture>\n.*srcset="(?P<dark>[^"]+)">\n  <img src="(?P<light>[^"]+)" width="\d+" alt="(?P<alt>[^"]+)">\n</picture>\n'
)


def show_pictures(app: Sphinx, name: str, content: list[str]) -> None:
    """Makes of what shows a picture on any page the two images between which the theme chooses."""
    both = r"![\g<alt>](\g<light>){.only-light}\n![\g<alt>](\g<dark>){.only-dark}\n"
    content[0] = _PICTURE.sub(both, content[0])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("graft-options", OptionTable)
    app.add_directive("graft-variables", VariableTable)
    app.add_lexer("mlir", MlirLexer)
    app.connect("source-read", show_pictures)
    app.connect("autodoc-process-docstring", as_rest)
    return {"parallel_read_safe": True}
