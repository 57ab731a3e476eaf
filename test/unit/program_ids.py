# SPDX-License-Identifier: MIT
"""Which ids the programs of a kernel work with, read from its TTIR: the scalar operations in front, as a function of Python's."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

#: Operations on numbers, as Python writes them. What the sign of a number could change is refused where one is negative.
OPERATORS = {
    "arith.addi": "exact({} + {}, WIDTH)",
    "arith.subi": "exact({} - {}, WIDTH)",
    "arith.muli": "exact({} * {}, WIDTH)",
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


def exact(number: int, width: int) -> int:
    """*number*, which arithmetic of *width* bits must not have made another; 32 bits hold unsigned numbers too."""
    assert -(2 ** (width - 1)) <= number < (2**32 if width == 32 else 2**63), number
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
    operands = [values.get(operand) for operand in re.findall(r"%[\w#]+", operation)]
    if code is None or None in operands:
        return None
    return code.replace("WIDTH", operation.rpartition(" : i")[2]).format(*operands)


def write_python(lines: Iterator[str], values: dict[str, str], indent: str) -> Iterator[str]:
    """The *lines* of a block, to its end, as lines of Python; branches hand on what *values* says of their results."""
    for line in (re.sub(r" loc\(.*", "", line).strip() for line in lines):
        if line.startswith("}"):
            return
        if "yield" in values and (yielded := re.fullmatch(r"scf\.yield (.*) : .*", line)):
            yield from (
                f"{indent}{to} = {values[value]}" for to, value in zip(values["yield"], yielded[1].split(", "), strict=True)
            )
        elif branch := re.fullmatch(r"(%\w+):2 = scf\.if (%\w+) -> \(i32, i32\) {", line):
            results = [f"v{len(values)}_{at}" for at in range(2)]
            for opening in ("if " + values[branch[2]], "else"):
                yield f"{indent}{opening}:"
                yield from write_python(lines, values | {"yield": results}, indent + "    ")
            values |= {f"{branch[1]}#{at}": result for at, result in enumerate(results)}
        elif line.endswith("{"):
            list(write_python(lines, {}, ""))
        elif (named := re.fullmatch(r"(%\w+) = (.*)", line)) and (code := python_of(named[2], values)) is not None:
            values[named[1]] = f"v{len(values)}"
            yield f"{indent}{values[named[1]]} = {code}"


def read_ids(text: str, arguments: Mapping[str, str], stored_to: Iterable[str]) -> Callable[..., int | tuple[int, ...]]:
    """What the kernel in *text* stores to its pointer arguments *stored_to*, as a function of a program, its grid and numbers.

    *arguments* has the name of its integer arguments in the function, which are `n` and `k`, by their names in the text.
    """
    values: dict = dict(arguments)
    body = iter(text.partition("tt.func")[2].splitlines()[1:])
    lines = ["def ids(x, columns, y=0, rows=1, n=0, k=0):", *write_python(body, values, "    ")]
    stores = [value for to in stored_to for value in re.findall(rf"^    tt\.store {to}, (%[\w#]+) :", text, re.M)]
    lines.append(f"    return {', '.join(values[value] for value in stores)}")
    namespace = {"exact": exact, "positive": positive, "quotient": quotient}
    exec("\n".join(lines), namespace)
    return namespace["ids"]
