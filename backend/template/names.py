# SPDX-License-Identifier: MIT
"""The names of a backend in the forms that its files need."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError

#: Words of C++ 20 that a namespace or an identifier cannot be. C++ working draft N4861, [lex.key] and [lex.digraph].
_CPP_WORDS = frozenset(
    (
        "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch",
        "char", "char8_t", "char16_t", "char32_t", "class", "co_await", "co_return", "co_yield", "compl", "concept",
        "const", "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do",
        "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend",
        "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
        "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires",
        "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template",
        "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using",
        "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    )
)  # fmt: skip
#: Names that Triton, its build or its plugins have for something else.
_TRITON_WORDS = frozenset(
    (
        "triton", "nvidia", "amd", "cuda", "hip", "ir", "llvm", "mlir", "gluon", "proton", "interpreter", "passes",
        "backends", "compiler", "driver", "std",
    )
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 32


@dataclass(frozen=True)
class Names:
    """The name of a backend, `lower`, and what is made of it: for `a_b` these are `AB`, `A_B`, and `a-b`."""

    lower: str

    @property
    def camel(self) -> str:
        """For classes and CMake targets."""
        return "".join(part.capitalize() for part in self.lower.split("_"))

    @property
    def upper(self) -> str:
        """For macros and environment variables."""
        return self.lower.upper()

    @property
    def kebab(self) -> str:
        """For distributions, commands and passes."""
        return self.lower.replace("_", "-")


#: Our own name.
OWN = Names("graft")


def forms(names: Names) -> list[tuple[str, str]]:
    """Each form of our name with that of *names*, in the order in which they are replaced."""
    return [
        (f"triton-{OWN.kebab}", f"triton-{names.kebab}"),
        # What mlir-tblgen makes of the name of a pass's class.
        (f"GEN_PASS_DEF_{OWN.camel.upper()}", f"GEN_PASS_DEF_{names.camel.upper()}"),
        (OWN.lower, names.lower),
        (OWN.camel, names.camel),
        (OWN.upper, names.upper),
    ]


def renamed(files: Mapping[str, bytes], names: Names) -> dict[str, bytes]:
    """*files* in which our name, in all its forms, is that of *names*, in paths and contents."""
    replaced = forms(names)

    def other(text: str) -> str:
        for own, new in replaced:
            text = text.replace(own, new)
        return text

    return {other(path): other(content.decode()).encode() for path, content in files.items()}


def parse_name(name: str) -> Names:
    """The forms of *name*. Raises `OptionError` for one that Python, C++ or Triton cannot take, or that is taken."""
    given = parse_form(name)
    check_word(name)
    if name in _TRITON_WORDS:
        raise OptionError("NAME", name, "a name that Triton does not use already")
    taken = _taken_by(name)
    if taken:
        raise OptionError("NAME", name, f"a name that is not taken; {taken} has it")
    return given


def check_word(name: str) -> None:
    """Raises `OptionError` for a *name* that Python or C++ has for something else."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _CPP_WORDS:
        raise OptionError("NAME", name, "a name that is not a keyword of Python or C++")


def parse_form(name: str) -> Names:
    """The forms of *name*. Raises `OptionError` for one that is not made of words."""
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise OptionError(
            "NAME", name, f"lower-case words of letters and digits, joined by single underscores, at most {_LONGEST} characters"
        )
    return Names(name)


def _taken_by(name: str) -> str | None:
    """The backend installed here that is called *name*, if there is one."""
    try:
        found = importlib.util.find_spec(f"triton.backends.{name}")
    except (ImportError, ValueError):  # no Triton here
        return None
    if found is None:
        return None
    where = found.origin or next(iter(found.submodule_search_locations or ()), "")
    return f"the backend in {Path(where).parent if where.endswith('.py') else where}"
