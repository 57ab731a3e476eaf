# SPDX-License-Identifier: MIT
"""The files that a benchmark writes."""

from __future__ import annotations

import json
from pathlib import Path

from ..files import write_file
from .documents import Document, format_json


def write(document: Document, json_path: Path | None, plot: Path | None) -> None:
    """Writes *document* to the files that are given."""
    text = format_json(document)
    if json_path:
        write_file(json_path, text.encode())
    if plot:
        draw(json.loads(text), plot)


def draw(document: Document, path: Path, dark: bool = False) -> None:
    """Draws *document*, as it is read from its file, to *path*. Raises `GraftError` if there is nothing to draw."""
    from . import plots

    write_file(path, plots.draw(document, dark).save(path.suffix))
