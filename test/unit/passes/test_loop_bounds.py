# SPDX-License-Identifier: MIT
"""Bounds in loops that are carried on, have 64 bits or are the smaller of two: what the passes test for is evaluated."""

import random
import re
from dataclasses import dataclass

import pytest
from sweeps import sampled
from triton.backends.graft import opt
from ttir_eval import Function, Value, evaluate_lines, read_functions, wrap

LANES = 8
FUNCTIONS = 60
TRIALS = 40
RELATIONS = {"slt": lambda a, b: a < b, "sle": lambda a, b: a <= b}


@dataclass
class Case:
    """A loop over numbers of *counted* bits in steps of *step*, which adds *grows* to an index of *width* bits in each iteration."""

    name: str
    counted: int
    step: int
    width: int
    grows: int
    predicate: str
    #: Whether the bound is the smaller of two, and whether it shrinks with the iteration.
    is_smaller: bool
    shrinks: bool
    is_pipelined: bool

    @property
    def text(self) -> str:
        """The function, in MLIR's syntax."""
        index, counted = f"tensor<{LANES}xi{self.width}>", f"i{self.counted}"
        narrow = f"tensor<{LANES}xi32>"
        pointers = f"tensor<{LANES}x!tt.ptr<i8>>"
        bound = "%a2"
        lines = []
        if self.shrinks:
            lines.append(f"%left = arith.subi %a2, %iv : i{self.width}")
            bound = "%left"
        if self.is_smaller:
            lines.append(f"%least = arith.minsi {bound}, %a4 : i{self.width}")
            bound = "%least"
        extend = f"arith.extsi %range : {narrow} to {index}" if self.width == 64 else f"arith.addi %range, %zeros : {narrow}"
        return "\n".join([
            f"tt.func @{self.name}(%ptrs: {pointers} {{tt.contiguity = {LANES} : i32, tt.divisibility = 16 : i32}}, "
            f"%value: tensor<{LANES}xi8>, %a0: {counted}, %a1: {counted}, %a2: i{self.width}, %a3: i{self.width}, %a4: i{self.width}) {{",
            f"%step = arith.constant {self.step} : {counted}",
            f"%by = arith.constant dense<{self.grows}> : {index}",
            f"%zeros = arith.constant dense<0> : {narrow}",
            f"%range = tt.make_range {{end = {LANES} : i32, start = 0 : i32}} : {narrow}",
            f"%lanes = {extend}",
            f"%starts = tt.splat %a3 : i{self.width} -> {index}",
            f"%begin = arith.addi %lanes, %starts : {index}",
            f"%end = scf.for %iv = %a0 to %a1 step %step iter_args(%offs = %begin) -> ({index}) : {counted} {{",
            *lines,
            f"%bounds = tt.splat {bound} : i{self.width} -> {index}",
            f"%mask = arith.cmpi {self.predicate}, %offs, %bounds : {index}",
            f"tt.store %ptrs, %value, %mask : {pointers}",
            f"%next = arith.addi %offs, %by : {index}",
            f"scf.yield %next : {index}",
            "} {tt.num_stages = 3 : i32}" if self.is_pipelined else "}",
            "tt.return",
            "}\n",
        ])  # fmt: skip

    def mask(self, arguments: list[int], number: int) -> tuple[bool, bool]:
        """Whether all lanes are true in the iteration *number*, and whether no number there wraps around."""
        lower, _, bound, start, cap = arguments
        half = 1 << (self.width - 1)
        exact = [start + number * self.grows, start + number * self.grows + LANES - 1, number * self.grows]
        if self.shrinks:
            bound -= lower + number * self.step
            exact.append(bound)
        bound = signed(bound, self.width)
        if self.is_smaller:
            bound = min(bound, cap)
        lanes = (signed(start + lane + number * self.grows, self.width) for lane in range(LANES))
        return all(RELATIONS[self.predicate](lane, bound) for lane in lanes), all(-half <= value < half for value in exact)


def signed(number: int, width: int) -> int:
    """*number* modulo 2^width, in signed numbers."""
    return Value(width, wrap([number], width)).signed()[0]


def make_case(name: str, rng: random.Random, is_pipelined: bool) -> Case:
    counted, width = rng.choice((32, 64)), rng.choice((32, 64))
    step = rng.choice((1, 2, 3, 64, 1000))
    grows = rng.choice((step, step, 2 * step, 1, -1, 64, -64, 7, 1 << 20))
    shrinks = counted == width and rng.random() < 0.3
    return Case(name, counted, step, width, grows, rng.choice(("slt", "sle")), rng.random() < 0.3, shrinks, is_pipelined)


def choose(case: Case, rng: random.Random) -> tuple[list[int], int]:
    """Arguments near which the mask changes, or at the ends of their types, and how many iterations they make."""

    def number(width: int) -> int:
        corner = rng.choice((0, 0, 0, 1000, 1 << 40, -(1 << 40), 1 << 41, 1 << 31, 1 << (width - 1), (1 << (width - 1)) - 1))
        return signed(corner + rng.randint(-3 * LANES, 3 * LANES), width)

    lower = number(case.counted)
    count = rng.choice((0, 1, 2, 3, 17, 100))
    most = (1 << (case.counted - 1)) - 1
    upper = min(lower + count * case.step - (rng.randrange(case.step) if count else rng.choice((0, 5))), most)
    upper = max(upper, -most - 1)
    count = max(0, -(-(upper - lower) // case.step))
    start = number(case.width) if rng.random() < 0.4 else 0
    last = start + max(0, count - rng.choice((0, 1, 1, 2))) * case.grows + LANES
    bound = last + (lower + max(0, count - 1) * case.step if case.shrinks else 0) + rng.randint(-2, 2 * LANES)
    bound = signed(bound, case.width) if rng.random() < 0.8 else number(case.width)
    cap = signed(last + rng.randint(-2, 2 * LANES), case.width) if rng.random() < 0.8 else number(case.width)
    return [lower, upper, bound, start, cap], count


def passed(folder, cases: list[Case], name: str) -> dict[str, Function]:
    """The functions of *cases* after the pass *name*."""
    path = folder / "cases.mlir"
    path.write_text("".join(case.text for case in cases))
    return read_functions(opt.run(path, [f"-{name}=threads=1"], False))


def values_of(function: Function, arguments: list[int]) -> dict[str, Value]:
    """The values in front of the loop."""
    return function.evaluate(dict(zip(function.arguments, arguments, strict=True)), LANES)


@pytest.mark.parametrize("seed", sampled(3, range(3)))
def test_iterations_that_are_run_without_masks_are_whole(seed, tmp_path):
    rng = random.Random(f"peeled {seed}")
    cases = [make_case(f"f{number}", rng, True) for number in range(FUNCTIONS)]
    functions = passed(tmp_path, cases, "graft-peel-loops")
    peeled = whole = 0
    for case in cases:
        function = functions[case.name]
        [first, *rest] = re.findall(r"scf\.for %\w+ = %\w+ to (%\w+) ", "\n".join(function.lines))
        peeled += bool(rest)
        for _ in range(TRIALS if rest else 0):
            arguments, count = choose(case, rng)
            middle = values_of(function, arguments)[first].signed()[0]
            lower, upper = arguments[:2]
            ran = max(0, -(-(middle - lower) // case.step))
            report = f"{arguments}, {ran} of {count} in\n{case.text}\n" + "\n".join(function.lines)
            assert lower <= middle <= max(lower, upper) and (middle == upper or (middle - lower) % case.step == 0), report
            numbers = range(ran) if ran < 20 else (0, 1, ran // 2, ran - 2, ran - 1)
            assert all(case.mask(arguments, number)[0] for number in numbers), report
            near = all(abs(number) < 1 << 39 for number in arguments)
            if near and count and all(case.mask(arguments, number) == (True, True) for number in (0, count - 1)):
                assert ran == count, report
            whole += ran > 0
    assert peeled > FUNCTIONS / 2
    assert whole > peeled


@pytest.mark.parametrize("seed", sampled(3, range(3)))
def test_branches_in_a_loop_are_taken_where_the_tile_is_whole(seed, tmp_path):
    rng = random.Random(f"versioned {seed}")
    cases = [make_case(f"f{number}", rng, False) for number in range(FUNCTIONS)]
    functions = passed(tmp_path, cases, "graft-version-tiles")
    versioned = taken = 0
    for case in cases:
        lines = functions[case.name].lines
        at = next(at for at, line in enumerate(lines) if "scf.for" in line)
        variable = re.search(r"scf\.for (%\w+) ", lines[at])[1]
        branch = next((after for after, line in enumerate(lines) if "scf.if" in line), None)
        if branch is None:
            continue
        versioned += 1
        condition = re.search(r"scf\.if (%\w+) ", lines[branch])[1]
        for _ in range(TRIALS):
            arguments, count = choose(case, rng)
            outside = values_of(functions[case.name], arguments)
            for number in {0, count // 2, count - 1} & set(range(count)):
                passed_by = Value(case.counted, wrap([arguments[0] + number * case.step] * LANES, case.counted))
                scalars = [line for line in lines[at + 1 : branch] if "tensor" not in line]
                values = evaluate_lines(scalars, {**outside, variable: passed_by}, LANES)
                is_whole, is_exact = case.mask(arguments, number)
                report = f"{arguments}, iteration {number} in\n{case.text}\n" + "\n".join(lines)
                assert is_whole or not values[condition].lanes[0], report
                if is_whole and is_exact:
                    assert values[condition].lanes[0], report
                taken += values[condition].lanes[0]
    assert versioned > FUNCTIONS / 2
    assert taken > versioned
