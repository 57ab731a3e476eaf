# SPDX-License-Identifier: MIT
"""Which floating-point operations PTX has, each with all that its operands are made of.

Two compilations of a kernel that round the same numbers in the same way have the same set of these. Addresses, masks, integers,
constants and what comes from memory or from several blocks count as `x`: what a kernel reads, and how wide, does not matter here. A
product that became part of a sum does.
"""

import hashlib
import re

_INSTRUCTION = re.compile(r"^[ \t]*(@!?%\w+[ \t]+)?([a-z][\w.:]*)[ \t]+([^;\n]*);", re.MULTILINE)
_REGISTER = re.compile(r"%[a-z]+\d+")
#: Instructions that take several registers for one, or one for several, or choose, or change the sign: their result is made of what they take.
_PASSING = re.compile(
    r"(mov|neg|selp|prmt|shl|shr|and|or|cvt|shfl\.sync|bfe|bfi)\b(?!\.rn\.f|\.f\d+\.[su]|\.[su]\d+|\.rn\.bf16\.[su])"
)
_ARITHMETIC = re.compile(
    r"(fma|mul|add|sub|abs|min|max|div|ex2|lg2|sqrt|rsqrt|rcp|sin|cos|tanh)(?:\.\w+)*?\.(f16|bf16|f16x2|bf16x2|f32|f32x2|f64)\b"
)
_COMMUTATIVE = ("mul", "add", "min", "max")


def _definitions(ptx: str) -> dict[str, tuple[str, list[str]] | None]:
    """By register, the instruction that writes it and the registers that this reads; None where several do."""
    found: dict[str, tuple[str, list[str]] | None] = {}
    for predicate, name, operands in _INSTRUCTION.findall(ptx):
        if name.startswith(("st.", "bra", "red.", "bar.", "ret", "setp")):
            continue
        target, _, rest = operands.partition("}") if operands.startswith("{") else operands.partition(",")
        for register in _REGISTER.findall(target.partition("|")[0]):
            found[register] = None if register in found or predicate else (name, rest.split(","))
    return found


def float_operations(ptx: str) -> set[str]:
    """The floating-point operations of *ptx*, as texts: operation, type and operands. Long operands are their digests."""
    definitions = _definitions(ptx)
    known: dict[str, str] = {}

    def made_of(register: str) -> list[str]:
        """The registers that have to be known before *register*."""
        name, operands = definitions.get(register) or ("", [])
        if _ARITHMETIC.match(name) or _PASSING.match(name):
            return [inner for operand in operands for inner in _REGISTER.findall(operand)]
        return []

    def describe(register: str) -> str:
        name, operands = definitions.get(register) or ("", [])
        inner = [known.get(inner, "x") for operand in operands for inner in (_REGISTER.findall(operand) or ("",))]
        if arithmetic := _ARITHMETIC.match(name):
            kind, dtype = arithmetic[1], arithmetic[2].removesuffix("x2")
            if kind in _COMMUTATIVE:
                inner = sorted(inner)
            elif kind == "fma":
                inner = [*sorted(inner[:2]), inner[2]]
            text = f"{kind}.{dtype}({', '.join(inner)})"
            return text if len(text) < 100 else f"{kind}.{dtype}#{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        made = {text for text in inner if text != "x"} if _PASSING.match(name) else set()
        return " | ".join(sorted(made)) or "x"

    for first in definitions:
        pending = [first]
        while pending:
            missing = [register for register in made_of(pending[-1]) if register not in known]
            if missing:
                pending += missing
            else:
                register = pending.pop()
                known[register] = describe(register)
    return {known[register] for register, made in definitions.items() if made and _ARITHMETIC.match(made[0])}
