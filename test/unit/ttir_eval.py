# SPDX-License-Identifier: MIT
"""An interpreter for the few TTIR operations that a mask and its condition are made of.

It reads the text that MLIR prints. A scalar and a tensor are both a list of lanes, which are numbers modulo 2^width in
[0, 2^width); a scalar is the same in each. Beside its lanes a value carries whether it was computed without wrapping
around, taken as signed and as unsigned numbers: under that proviso the pass promises to find every whole tile.
"""

import itertools
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

NAME = r"%[\w#-]+"
OPERATION = re.compile(rf"\s*({NAME}) = ([\w.]+) ?(.*)")
ARGUMENT = re.compile(r"(%\w+): i(\d+)\b")
SPLAT = re.compile(rf"({NAME}) : i\d+ -> tensor<\d+xi(\d+)>")
RANGE = re.compile(r"\{end = (\d+) : i32, start = (\d+) : i32\}")
CONSTANT = re.compile(r"(?:dense<)?(-?\d+|true|false)>?(?: : (?:tensor<\d+x)?i(\d+)>?)?")
EXTENSION = re.compile(rf"({NAME}) : \S+ to (?:tensor<\d+x)?i(\d+)>?")
BINARY = re.compile(rf"({NAME}), ({NAME}) : (?:tensor<\d+x)?i(\d+)>?")
CHOICE = re.compile(rf"({NAME}), ({NAME}), ({NAME}) : \S+")
COMPARISON = re.compile(rf"(\w+), ({NAME}), ({NAME}) : ")

ARITHMETIC = {"arith.addi": operator.add, "arith.subi": operator.sub, "arith.muli": operator.mul, "arith.xori": operator.xor}


def divide_towards_zero(a: int, b: int) -> int:
    """The quotient as `arith.divsi` rounds it, unlike `//`."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


#: Operations that take their operands as signed or as unsigned numbers; no result is outside what the operands' type holds.
SIGNED: dict[str, Callable[[int, int], int]] = {
    "arith.divsi": divide_towards_zero,
    "arith.maxsi": max,
    "arith.minsi": min,
    "arith.shrsi": operator.rshift,
}
UNSIGNED: dict[str, Callable[[int, int], int]] = {
    "arith.divui": operator.floordiv,
    "arith.maxui": max,
    "arith.shrui": operator.rshift,
}
RELATIONS = {"eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}


@dataclass(frozen=True)
class Value:
    """Numbers of *width* bits, one for each lane."""

    width: int
    lanes: tuple[int, ...]
    #: Whether no operation on the way here wrapped around, read as signed and as unsigned arithmetic.
    exact_signed: bool = True
    exact_unsigned: bool = True

    def signed(self) -> list[int]:
        """The lanes as signed numbers."""
        half, full = 1 << (self.width - 1), 1 << self.width
        return [lane - full if lane >= half else lane for lane in self.lanes]


def wrap(numbers: Iterable[int], width: int) -> tuple[int, ...]:
    """*numbers* modulo 2^width."""
    mask = (1 << width) - 1
    return tuple(number & mask for number in numbers)


def binary(function: Callable[[int, int], int], a: Value, b: Value) -> Value:
    """A sum, difference, product, conjunction or what differs."""
    low, high = -(1 << (a.width - 1)), 1 << (a.width - 1)
    signed = list(map(function, a.signed(), b.signed()))
    unsigned = list(map(function, a.lanes, b.lanes))
    return Value(
        a.width,
        wrap(unsigned, a.width),
        a.exact_signed and b.exact_signed and low <= min(signed) and max(signed) < high,
        a.exact_unsigned and b.exact_unsigned and min(unsigned) >= 0 and max(unsigned) < 2 * high,
    )


def extend(value: Value, width: int, signed: bool) -> Value:
    """*value* with *width* bits."""
    if not signed:
        return Value(width, value.lanes, value.exact_unsigned, value.exact_unsigned)
    lanes = value.signed()
    # As unsigned numbers, lanes on both sides of zero are not one interval any more.
    one_sided = min(lanes) >= 0 or max(lanes) < 0
    return Value(width, wrap(lanes, width), value.exact_signed, value.exact_signed and one_sided)


def compare(predicate: str, a: Value, b: Value) -> Value:
    """A tensor of i1; it is exact in both readings if its operands are in the reading that the predicate takes."""
    relation = RELATIONS[predicate[-2:]]
    if predicate[0] == "s":
        exact = a.exact_signed and b.exact_signed
        return Value(1, tuple(map(int, map(relation, a.signed(), b.signed()))), exact, exact)
    exact = a.exact_unsigned and b.exact_unsigned
    return Value(1, tuple(map(int, map(relation, a.lanes, b.lanes))), exact, exact)


def match(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    """The groups of *pattern* in *text*, which has to match."""
    found = pattern.fullmatch(text) if pattern is not COMPARISON else pattern.match(text)
    assert found, f"cannot read: {text}"
    return found.groups()


def evaluate_operation(name: str, operands: str, values: Mapping[str, Value], lanes: int) -> Value:
    """The result of operation *name* with the printed *operands*."""
    if name == "arith.constant":
        number, bits = match(CONSTANT, operands)
        width = int(bits or 1)
        return Value(width, wrap([int(number == "true" if number.isalpha() else number)] * lanes, width))
    if name == "tt.splat":
        source, _ = match(SPLAT, operands)
        return values[source]
    if name == "tt.make_range":
        end, start = map(int, match(RANGE, operands.partition(" : tensor")[0]))
        assert end - start == lanes
        return Value(32, tuple(range(start, end)))
    if name in ("arith.extsi", "arith.extui"):
        source, bits = match(EXTENSION, operands)
        return extend(values[source], int(bits), signed=name == "arith.extsi")
    if name == "arith.trunci":
        source, bits = match(EXTENSION, operands)
        return Value(int(bits), wrap(values[source].lanes, int(bits)))
    if name == "arith.select":
        condition, a, b = (values[operand] for operand in match(CHOICE, operands))
        chosen = (yes if which else no for which, yes, no in zip(condition.lanes, a.lanes, b.lanes, strict=True))
        return Value(a.width, tuple(chosen))
    if name == "arith.cmpi":
        predicate, lhs, rhs = match(COMPARISON, operands)
        return compare(predicate, values[lhs], values[rhs])
    lhs, rhs, _ = match(BINARY, operands)
    if name == "arith.andi":
        a, b = values[lhs], values[rhs]
        exact = a.exact_signed and b.exact_signed
        return Value(a.width, tuple(map(operator.and_, a.lanes, b.lanes)), exact, exact)
    if name in SIGNED:
        a, b = values[lhs], values[rhs]
        exact = a.exact_signed and b.exact_signed
        return Value(a.width, wrap(map(SIGNED[name], a.signed(), b.signed()), a.width), exact, exact)
    if name in UNSIGNED:
        a, b = values[lhs], values[rhs]
        exact = a.exact_unsigned and b.exact_unsigned
        return Value(a.width, tuple(map(UNSIGNED[name], a.lanes, b.lanes)), exact, exact)
    return binary(ARITHMETIC[name], values[lhs], values[rhs])


KNOWN = {
    *ARITHMETIC, *SIGNED, *UNSIGNED, "arith.constant", "arith.andi", "arith.cmpi", "arith.extsi", "arith.extui", "arith.select",
    "arith.trunci", "tt.splat", "tt.make_range",
}  # fmt: skip


def is_known(line: str) -> bool:
    """Whether *line* is an operation that is known here, unlike a load, a store or `scf.if`."""
    found = OPERATION.fullmatch(line)
    return bool(found) and found[2] in KNOWN


def evaluate_lines(lines: Iterable[str], values: Mapping[str, Value], lanes: int) -> dict[str, Value]:
    """*values* and the results of those of *lines* that are known; no other may have a region."""
    known = dict(values)
    for line in filter(is_known, lines):
        name, operation, operands = match(OPERATION, line)
        known[name] = evaluate_operation(operation, operands, known, lanes)
    return known


@dataclass(frozen=True)
class Function:
    """A printed `tt.func`: its integer arguments with their widths, and its lines without the braces around them."""

    name: str
    arguments: dict[str, int]
    lines: list[str]

    def evaluate(self, arguments: Mapping[str, int], lanes: int) -> dict[str, Value]:
        """All values up to the first operation that is not known."""
        values = {name: Value(width, wrap([arguments[name]] * lanes, width)) for name, width in self.arguments.items()}
        return evaluate_lines(itertools.takewhile(is_known, self.lines), values, lanes)


def read_functions(text: str) -> dict[str, Function]:
    """The functions of a printed module, by name."""
    functions = {}
    for part in text.split("tt.func ")[1:]:
        head, *lines = part.splitlines()
        name = re.search(r"@(\w+)", head)
        assert name
        body = [line.strip() for line in lines]
        functions[name[1]] = Function(
            name[1], {arg: int(width) for arg, width in ARGUMENT.findall(head)}, body[: body.index("tt.return") + 1]
        )
    return functions


def same_up_to_names(a: list[str], b: list[str]) -> bool:
    """Whether two lists of lines are the same text but for a one-to-one renaming of SSA values."""
    if [re.sub(NAME, "%", line) for line in a] != [re.sub(NAME, "%", line) for line in b]:
        return False
    pairs = set(zip(re.findall(NAME, "\n".join(a)), re.findall(NAME, "\n".join(b)), strict=True))
    return len(pairs) == len({left for left, _ in pairs}) == len({right for _, right in pairs})
