# SPDX-License-Identifier: MIT
"""What a benchmark writes as JSON: what was measured, and what it has to be read with.

Every file has these keys, and then those of its benchmark:

    schema      of the file; raised when the structure of any changes
    benchmark   launch, kernels, startup or key
    command     that measures the same
    facts       of the machine, by name
    options     of the run
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import OptionError
from .options import Options

SCHEMA = 2

Document = dict[str, Any]


def make(benchmark: str, facts: Mapping[str, str], options: Options, body: Mapping[str, Any]) -> Document:
    """What *benchmark* found, *body*, with what every file says."""
    head = {"schema": SCHEMA, "benchmark": benchmark, "command": options.command(benchmark), "facts": dict(facts)}
    return {**head, "options": options.settings(), **body}


def format_json(document: Document) -> str:
    """*document* with a line break at the end, and a line for each list of numbers."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return re.sub(r"\[\n\s+([-+.\deE,\s]+?)\n\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def read(flag: str, text: str) -> Document:
    """The document in the file *text*. Raises `OptionError`, which blames *flag*, if there is none."""
    expected = f"a file that a benchmark wrote for --json, of schema {SCHEMA}"
    try:
        found = json.loads(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise OptionError(flag, text, f"{expected} ({error})") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or "benchmark" not in found:
        raise OptionError(flag, text, expected)
    return found
