# SPDX-License-Identifier: MIT
"""Components of the key as people read them: values as they are written in Python, digests shortened."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: What differs because another component does.
FOLLOWS = {
    "target": (
        "option.arch",
        "option.deprecated_fp8_dot_operand_dtypes",
        "option.max_num_imprecise_acc_default",
        "option.supported_fp8_dtypes",
        "tool.ptxas",
    )
}

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
    return _DIGEST.sub(r"\1…", text) or "''"


def lines(differing: list[tuple[str, str | None, str | None]], now: str = "now") -> list[str]:
    """Lines that say what is *differing*, by name with its values there and *now*; what follows from another stands under it."""

    def told(name: str, was: str | None, is_now: str | None) -> str:
        return f"{name}: {component(name, was)} there, {component(name, is_now)} {now}"

    names = {name for name, _, _ in differing}
    causes = {name: cause for cause, others in FOLLOWS.items() if cause in names for name in others}
    shown = []
    for each in differing:
        if each[0] not in causes:
            shown.append(f"  {told(*each)}")
            shown += [f"    and so {told(*other)}" for other in differing if causes.get(other[0]) == each[0]]
    return shown
