# SPDX-License-Identifier: MIT
"""Components of the key as people read them: values as they are written in Python, digests shortened."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: What differs because another component does, or all those that begin so; the first that fits counts.
FOLLOWS = {
    "target": (
        "option.arch",
        "option.deprecated_fp8_dot_operand_dtypes",
        "option.max_num_imprecise_acc_default",
        "option.supported_fp8_dtypes",
        "tool.ptxas",
    ),
    "environment.DISABLE_PTXAS_OPT": ("knob.disable_ptxas_opt",),
    "environment.LLVM_EXTRACT_DI_LOCAL_VARIABLES": ("knob.extract_di_local_variables",),
    "environment.TRITON_DISABLE_LINE_INFO": ("knob.disable_line_info", "source.text"),
    "environment.TRITON_ENABLE_ASAN": ("knob.enable_asan",),
    "environment.USE_IR_LOC": ("knob.use_ir_loc",),
    "knob.disable_line_info": ("source.text",),
    "argument": ("source.text",),
    "compiler.frozen": ("compiler",),
    "compiler.triton": ("compiler.python",),
}

#: What components are in words, by the beginnings of their names. The order is that in which they are told.
WORDS = {
    "argument": "other arguments",
    "option": "other options",
    "target": "another target",
    "environment": "other environment variables",
    "knob": "other knobs of Triton's",
    "source": "other code: the kernel's source has changed, or something that it reads",
    "file": "another content of a file that an option names",
    "override": "what TRITON_KERNEL_OVERRIDE puts in the place of a stage",
    "compiler.frozen": "another frozen key",
    "compiler.triton": "another Triton",
    "compiler.python": "other Python files of Triton or graft",
    "compiler.passes": "other passes",
    "compiler": "another compiler",
    "tool": "another ptxas",
    "": "something else",
}

Difference = tuple[str, str | None, str | None]

_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_SEQUENCE = re.compile(r"(tuple|list)\((.*)\)", re.S)


def _value(text: str) -> str:
    """What `Encoder` has written as *text*, as Python writes it; empty if it is no plain value."""
    if text in ("n", "b0", "b1"):
        return {"n": "None", "b0": "False", "b1": "True"}[text]
    if re.fullmatch(r"i-?(\d+|0x[0-9a-f]+)", text):
        return str(int(text[1:], 0))
    if re.fullmatch(r"f-?0x[01]\.[0-9a-f]+p[+-]\d+", text):
        return repr(float.fromhex(text[1:]))
    if found := _SEQUENCE.fullmatch(text):
        items = [show_value(item) for item in _items(found[2])]
        return f"({', '.join(items)}{',' * (len(items) == 1)})" if found[1] == "tuple" else f"[{', '.join(items)}]"
    return ""


def show_value(text: str) -> str:
    """The value that `Encoder` has written as *text*: a text is one here, where others are values too."""
    return repr(text[1:]) if text.startswith("s") else _value(text) or text


def _items(text: str) -> Iterator[str]:
    """What stands in *text*, each with its length before it."""
    while found := re.match(r"(\d+):", text):
        start, end = found.end(), found.end() + int(found[1])
        yield text[start:end]
        text = text[end:]


def component(name: str, text: str | None) -> str:
    """The value *text* of the component *name*, or the lack of it."""
    if text is None:
        return "nothing"
    if name.partition(".")[0] in ("option", "knob"):
        return show_value(text)
    if name == "target":
        return text.removesuffix(":32")
    return text or "''"


def arranged(differing: list[Difference]) -> list[tuple[Difference, list[Difference]]]:
    """What is *differing*, by name with the values of both sides: what is a cause, and what follows from it."""
    causes: dict[str, str] = {}
    for cause, others in FOLLOWS.items():
        if found := [name for name, _, _ in differing if _begins(name, cause)]:
            follow = {name for name, _, _ in differing if name not in found and any(_begins(name, other) for other in others)}
            causes = dict.fromkeys(follow, found[-1]) | causes
    return [
        (each, [other for other in differing if causes.get(other[0]) == each[0]]) for each in differing if each[0] not in causes
    ]


def kind(name: str) -> str:
    """The key in `WORDS` of the component *name*."""
    return next(begin for begin in WORDS if not begin or _begins(name, begin))


def _begins(name: str, begin: str) -> bool:
    return name == begin or name.startswith(f"{begin}.")


def lines(differing: list[Difference], now: str = "now") -> list[str]:
    """Lines that say what is *differing*, by name with its values there and *now*; what follows from another stands under it."""

    def told(name: str, *values: str | None) -> str:
        was, is_now = (_DIGEST.sub(r"\1…", component(name, value)) for value in values)
        return f"{name}: {was} there, {is_now} {now}"

    shown = []
    for cause, others in arranged(differing):
        shown.append(f"  {told(*cause)}")
        shown += [f"    and so {told(*other)}" for other in others]
    return shown
