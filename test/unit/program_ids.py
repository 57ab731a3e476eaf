# SPDX-License-Identifier: MIT
"""Which ids the programs of a kernel work with, read from its TTIR: the scalar operations in front, as a function of Python's."""

import re
from collections.abc import Callable, Iterable, Mapping

#: Operations on numbers, as Python writes them. What the sign of a number could change is refused where one is negative.
OPERATORS = {
    "arith.addi": "exact({} + {})",
    "arith.subi": "exact({} - {})",
    "arith.muli": "exact({} * {})",
    "arith.divsi": "quotient({}, {})",
    "arith.divui": "positive({}) // positive({})",
    "arith.remui": "positive({}) % positive({})",
    "arith.minui": "min(positive({}), positive({}))",
    "arith.maxsi": "max({}, {})",
    "arith.cmpi ule,": "positive({}) <= positive({})",
    "arith.ori": "{} or {}",
    "arith.select": "{1} if {0} else {2}",
    "arith.extui": "positive({})",
    "arith.extsi": "{}",
    "arith.trunci": "{} % 2**32",
    "arith.andi": "{} & {}",
}
SOURCES = {
    "tt.get_num_programs x": "columns", "tt.get_num_programs y": "rows", "tt.get_program_id x": "x", "tt.get_program_id y": "y",
}  # fmt: skip


def exact(number: int) -> int:
    """*number*, which 64-bit arithmetic must not have made another."""
    assert -(2**63) <= number < 2**63
    return number


def positive(number: int) -> int:
    """*number*, which is the same as a signed and as an unsigned one."""
    assert number >= 0
    return number


def quotient(a: int, b: int) -> int:
    """The quotient rounded towards zero; by 0 it is nothing that is used."""
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def python_of(operation: str, values: Mapping[str, str]) -> str | None:
    """*operation* as a Python expression; None for one that has no part in the ids."""
    if (source := operation.partition(" :")[0]) in SOURCES:
        return SOURCES[source]
    if constant := re.fullmatch(r"arith\.constant (-?\d+) : i\d+", operation):
        return constant[1]
    code = next((code for name, code in OPERATORS.items() if operation.startswith(f"{name} ")), None)
    operands = [values.get(operand) for operand in re.findall(r"%\w+", operation)]
    return None if code is None or None in operands else code.format(*operands)


def read_ids(text: str, arguments: Mapping[str, str], stored_to: Iterable[str]) -> Callable[..., int | tuple[int, ...]]:
    """What the kernel in *text* stores to its pointer arguments *stored_to*, as a function of a program, its grid and numbers.

    *arguments* has the name of its integer arguments in the function, which are `n` and `k`, by their names in the text.
    """
    values = dict(arguments)
    lines = ["def ids(x, columns, y=0, rows=1, n=0, k=0):"]
    for name, operation in re.findall(r"^    (%\S+) = (.*)$", text, re.M):
        code = python_of(operation.partition(" loc(")[0], values)
        if code is not None:
            values[name] = f"v{len(values)}"
            lines.append(f"    {values[name]} = {code}")
    stores = [value for to in stored_to for value in re.findall(rf"^    tt\.store {to}, (%\S+) :", text, re.M)]
    lines.append(f"    return {', '.join(values[value] for value in stores)}")
    namespace = {"exact": exact, "positive": positive, "quotient": quotient}
    exec("\n".join(lines), namespace)
    return namespace["ids"]
