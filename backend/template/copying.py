# SPDX-License-Identifier: MIT
"""Files of this repository under another name."""

from __future__ import annotations

from collections.abc import Mapping

from .names import Names


def renamed(files: Mapping[str, bytes], names: Names) -> dict[str, bytes]:
    """*files* with our name replaced by *names*, in paths and contents."""
    forms = (("triton-graft", f"triton-{names.kebab}"), ("graft-", f"{names.kebab}-"), ("GRAFT", names.upper), ("Graft", names.camel), ("graft", names.lower))  # fmt: skip

    def rename(text: str) -> str:
        for old, new in forms:
            text = text.replace(old, new)
        return text

    return {rename(path): rename(content.decode()).encode() for path, content in files.items()}
