# SPDX-License-Identifier: MIT
"""Source and IR as pieces of text with the colours that they get. Needs Pygments."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

from pygments.lexer import Lexer, RegexLexer
from pygments.lexers.asm import LlvmLexer
from pygments.lexers.ptx import PtxLexer
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String, Text, Token, _TokenType


class Piece(NamedTuple):
    """A *text* and its *kind*, a class in the page's style; empty for what has no colour."""

    kind: str
    text: str


class MlirLexer(RegexLexer):
    """MLIR's text, as far as colours need it."""

    name = "MLIR"
    tokens: ClassVar = {
        "root": [
            (r'"(?:[^"\\\n]|\\.)*"', String),
            (r"//.*", Comment),
            (r"%[\w$.]+(?:[:#]\d+)?", Name.Variable),
            (r"@[\w$.]+", Name.Function),
            (r"![\w.]+", Keyword.Type),
            (r"[#^][\w.]+", Name.Label),
            (r"(?<![\w.])(?:\d+x)*(?:tensor|index|none|[su]?i\d+|bf16|tf32|f\d+\w*)\b", Keyword.Type),
            (r"0x[0-9A-F]+\b|\d+x|-?\b\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b", Number),
            (r"[a-z_]\w*(?:\.\w+)+", Keyword),
            (r"\b(?:module|attributes|dense|true|false|else|to|step|iter_args)\b", Keyword),
            (r"\w+|\s+|.", Text),
        ]
    }


#: For each language, by the stages' names.
_LEXERS: dict[str, type[Lexer]] = {"python": PythonLexer, "llir": LlvmLexer, "ptx": PtxLexer}

#: The colours, each with the tokens that have it; the first that fits counts.
_KINDS = (
    ("c", Comment), ("s", String), ("s", Token.Literal.String), ("n", Number), ("t", Keyword.Type), ("t", Name.Builtin), ("k", Keyword),
    ("k", Token.Operator.Word), ("f", Name.Function), ("f", Name.Decorator), ("l", Name.Label), ("v", Name.Variable),
)  # fmt: skip


def coloured(language: str, lines: Iterable[str]) -> list[list[Piece]]:
    """The pieces of *lines* in *language*: `python`, or the name of a stage."""
    lexer = _LEXERS.get(language, MlirLexer)(stripnl=False, ensurenl=False)
    text = "\n".join(lines)
    found: list[list[Piece]] = [[]]
    for kind, group in itertools.groupby(_split(lexer.get_tokens(text)), key=lambda piece: piece.kind):
        for index, part in enumerate("".join(piece.text for piece in group).split("\n")):
            if index:
                found.append([])
            if part:
                found[-1].append(Piece(kind, part))
    return found


def _split(tokens: Iterable[tuple[_TokenType, str]]) -> Iterator[Piece]:
    for token, text in tokens:
        yield Piece(next((kind for kind, group in _KINDS if token in group), ""), text)
