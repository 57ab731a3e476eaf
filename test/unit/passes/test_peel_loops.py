# SPDX-License-Identifier: MIT
"""What graft-peel-loops promises, checked by evaluating the loops that it writes and the numbers between which they run."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from sweeps import sampled
from triton.backends.graft import opt
from ttir_eval import Function, Value, evaluate_lines, read_functions, same_up_to_names, wrap
from ttir_writer import Writer

FUNCTIONS_PER_SEED = 200
TRIALS_PER_FUNCTION = 6
TRIALS_AT_EXTREMES = 12

#: Of a loop with at most so many iterations each is looked at; of a longer one, those at its ends and some at random.
ITERATIONS = 8

MOST = (1 << 31) - 1

#: Of loops and of what is extended to the type of a bound.
NARROW = (8, 16, 32)

LOOP = re.compile(r"(%\w+)(?::\d+)? = scf\.for (%\w+) = (%\w+) to (%\w+) step (%\w+) iter_args\((.*)\) -> .* : i\d+ \{")
ACCESS = re.compile(r"(?:%\w+ = tt\.load %\w+|tt\.store %\w+, %\w+)(?:, (%\w+)(?:, %\w+)?)?(?: \{.*\})? : .*")


# -- Random loops


class Comparison(NamedTuple):
    """A part of a mask, on one side of which the argument *bound* is added (*sign* 1) or subtracted (-1)."""

    part: str
    index: str
    limit: str
    bound: str
    sign: int


@dataclass
class Case(Writer):
    """A loop from the first argument, or 0, to the second, whose lines are `lines`; it counts its arguments up or down."""

    starts_at_zero: bool = False
    step: int = 1
    #: The bits of what it counts.
    width: int = 32
    #: By how much the loop's arguments, which begin with arguments of the function, grow in each iteration.
    counters: dict[str, int] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    #: The mask of each pair of a load and a store.
    masks: list[str] = field(default_factory=list)

    def scalar(self, operation: str, *operands: str, width: int = 32) -> str:
        """An operation on scalars, with its operands in this order."""
        return self.emit(f"arith.{operation} {', '.join(operands)} : i{width}")

    def one_of(self, *numbers: int) -> str:
        """A constant."""
        return self.emit(f"arith.constant {self.rng.choice(numbers)} : i32")

    def widened(self, scalar: str) -> str:
        return self.emit(f"arith.extsi {scalar} : i32 to i64")

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def changing(self) -> str:
        """A scalar that changes with the iteration: what the loop counts, perhaps times and plus something."""
        value = self.rng.choice(("%iv", "%iv", *self.counters))
        if self.chance(0.4):
            factor = self.one_of(2, 3, 16, 64, -1, -2, 1 << 20)
            value = self.scalar("muli", value, factor if self.chance(0.7) else self.argument(32))
        if self.chance(0.3):
            other = self.one_of(1, -7, 1000, MOST)
            value = self.scalar(self.rng.choice(("addi", "subi")), value, self.rng.choice((other, "%iv", self.argument(32))))
        return value

    def index(self, changes: bool) -> tuple[str, int]:
        """A range with something added, subtracted and multiplied, and its width."""
        value, width = self.emit(f"tt.make_range {{end = {self.lanes} : i32, start = 0 : i32}} : {self.tensor(32)}"), 32
        if changes:
            value = self.binary(self.rng.choice(("addi", "addi", "subi")), value, self.splat(self.changing(), 32), 32)
        if self.chance(0.3):
            value = self.binary("addi", value, self.splat(self.argument(32), 32), 32)
        if self.chance(0.3):
            value, width = self.emit(f"arith.extsi {value} : {self.tensor(32)} to {self.tensor(64)}"), 64
        if self.chance(0.2):
            value = self.binary("muli", value, self.constant(self.rng.choice((2, 3, -1)), width), width)
        return value, width

    def limit(self, bound: str, changes: bool, width: int) -> tuple[str, int]:
        """What an index is compared with: the argument *bound*, and what it is multiplied by in it, 1 or -1."""
        if not changes:
            return self.widened(bound) if width == 64 else bound, 1
        name, operands, sign = self.rng.choice(("addi", "subi", "subi")), [bound, self.changing()], 1
        if name == "subi" and self.chance(0.2):
            operands, sign = operands[::-1], -1
        if width == 64 and self.chance(0.5):
            return self.scalar(name, *map(self.widened, operands), width=64), sign
        value = self.scalar(name, *operands)
        return self.widened(value) if width == 64 else value, sign

    def compare(self) -> str:
        """An index below or above a limit; one of the two changes with the iteration, or both do."""
        where = self.rng.choice(("index", "limit", "limit", "both"))
        index, width = self.index(where != "limit")
        bound = self.argument(32)
        scalar, sign = self.limit(bound, where != "index", width)
        limit = self.splat(scalar, width)
        part = self.binary(f"cmpi {self.rng.choice(('slt', 'sle', 'sgt', 'sge'))},", index, limit, width)
        self.comparisons.append(Comparison(part, index, limit, bound, sign))
        return part

    def number_of(self, width: int, depth: int = 2) -> str:
        """A scalar of *width* bits: arithmetic on what the loop counts and on arguments, extended here and there."""
        if depth and self.chance(0.8):
            operands = (self.number_of(width, depth - 1) for _ in "ab")
            return self.scalar(self.rng.choice(("addi", "subi", "muli")), *operands, width=width)
        if width > min(NARROW) and (width > max(NARROW) or self.chance(0.8)):
            # Of half the bits, most often: sums and products then come to the very end of their type.
            bits = width // 2 if self.chance(0.8) else self.rng.choice([bits for bits in NARROW if bits < width])
            operand = self.changing_or_not(bits) if self.chance(0.8) else self.number_of(bits, depth)
            return self.emit(f"arith.extsi {operand} : i{bits} to i{width}")
        return self.changing_or_not(width)

    def changing_or_not(self, width: int) -> str:
        """What the loop counts, if it has *width* bits, or an argument."""
        if width == self.width and self.chance(0.4):
            return self.rng.choice(("%iv", *self.counters))
        return self.argument(width)

    def compare_at_extremes(self) -> str:
        """A range below or above a scalar of any make."""
        width = self.rng.choice((32, 64))
        index = self.emit(f"tt.make_range {{end = {self.lanes} : i32, start = 0 : i32}} : {self.tensor(32)}")
        if width == 64:
            index = self.emit(f"arith.extsi {index} : {self.tensor(32)} to {self.tensor(64)}")
        number = self.number_of(32)
        limit = self.splat(self.widened(number) if width == 64 else number, width)
        part = self.emit(f"arith.cmpi {self.rng.choice(('slt', 'sle', 'sgt', 'sge'))}, {index}, {limit} : {self.tensor(width)}")
        self.comparisons.append(Comparison(part, index, limit, "", 0))
        return part

    def conjunction(self, parts: list[str]) -> str:
        mask, *others = parts
        for part in others:
            mask = self.binary("andi", mask, part, 1)
        return mask

    @property
    def text(self) -> str:
        """The function, in MLIR's syntax."""
        kind = f"i{self.width}"
        types = ", ".join([kind] * len(self.counters))
        arguments = ", ".join(f"{name} = %a{at + 2}" for at, name in enumerate(self.counters))
        accesses = [
            re.sub(r"%x\b", f"%x{at}", line)
            for at, mask in enumerate(self.masks)
            for line in self.accesses(f", {mask}", ", %value")
        ]
        steps = [f"{name}by = arith.constant {grows} : {kind}" for name, grows in self.counters.items()]
        sums = [f"{name}next = arith.addi {name}, {name}by : {kind}" for name in self.counters]
        return self.function([
            f"%step = arith.constant {self.step} : {kind}",
            f"%zero = arith.constant 0 : {kind}",
            *steps,
            f"%counted:{len(self.counters)} = scf.for %iv = {'%zero' if self.starts_at_zero else '%a0'} to %a1 step %step "
            f"iter_args({arguments}) -> ({types}) : {kind} {{",
            *self.lines, *accesses, *sums,
            f"scf.yield {', '.join(f'{name}next' for name in self.counters)} : {types}",
            "} {tt.num_stages = 3 : i32}",
        ])  # fmt: skip


def make_case(name: str, rng: random.Random) -> Case:
    """A random loop: masks of one to three parts, for one access or two, some with a part that is the same throughout."""
    case = Case(name, rng.choice((4, 8)), rng, starts_at_zero=rng.random() < 0.3)
    case.step = rng.choice((1, 1, 2, 16, 64, 100, 1 << 20, 1 << 24))
    _lower, _upper = case.argument(32), case.argument(32)
    for at in range(rng.choice((1, 2))):
        case.counters[f"%counter{at}"] = rng.choice((1, -1, 7, 64, -64, 1 << 24, -(1 << 24)))
        case.argument(32)
    for _ in range(rng.choice((1, 1, 2))):
        parts = [case.compare() for _ in range(rng.choice((1, 1, 2, 3)))]
        if case.chance(0.2):
            parts.append(case.splat(case.argument(1), 1))
        case.masks.append(case.conjunction(parts))
        if case.chance(0.2):
            case.masks.append(parts[0])
    return case


def make_extreme_case(name: str, rng: random.Random) -> Case:
    """A random loop over numbers of any type, compared with what is computed from numbers of any other."""
    case = Case(name, 8, rng, starts_at_zero=rng.random() < 0.1, width=rng.choice(NARROW))
    case.step = rng.choice((1, 1, 2, 16, 100))
    for _lower_and_upper in "ab":
        case.argument(case.width)
    case.counters["%counter"] = rng.choice((1, -1, 7, 64, -128))
    case.argument(case.width)
    case.masks.append(case.conjunction([case.compare_at_extremes() for _ in range(rng.choice((1, 1, 2)))]))
    return case


# -- What a loop does


class Loop(NamedTuple):
    """A printed loop: the names of its parts, and its lines without the braces around them."""

    result: str
    variable: str
    lower: str
    upper: str
    step: str
    #: The loop's arguments, with what they begin with.
    arguments: dict[str, str]
    lines: list[str]

    @property
    def results(self) -> list[str]:
        """What its arguments are in the end."""
        if len(self.arguments) == 1:
            return [self.result]
        return [f"{self.result}#{at}" for at in range(len(self.arguments))]

    @property
    def masks(self) -> list[str | None]:
        """The mask of each load and store; None for one that has none."""
        found = (ACCESS.fullmatch(line) for line in self.lines)
        return [access[1] for access in found if access]

    def evaluate(self, case: Case, outside: Mapping[str, Value], number: int) -> dict[str, Value]:
        """All values in the iteration *number*, where those from *outside* the loop are given."""

        def counted(first: str, grows: int) -> Value:
            value, half = outside[first].signed()[0] + number * grows, 1 << (case.width - 1)
            return Value(case.width, wrap([value] * case.lanes, case.width), -half <= value < half)

        counters = zip(self.arguments.items(), case.counters.values(), strict=True)
        values = {name: counted(first, grows) for (name, first), grows in counters}
        return evaluate_lines(self.lines, {**outside, self.variable: counted(self.lower, case.step), **values}, case.lanes)


def read_loops(function: Function) -> list[Loop]:
    """The loops of *function*, none of which is in another one."""
    loops = []
    for at, line in enumerate(function.lines):
        if found := LOOP.fullmatch(line):
            end = next(other for other in range(at, len(function.lines)) if function.lines[other].startswith("}"))
            arguments = dict(pair.split(" = ") for pair in found[6].split(", "))
            loops.append(Loop(*found.groups()[:5], arguments, function.lines[at + 1 : end]))
    return loops


def count_of(lower: int, upper: int, step: int) -> int:
    """How many iterations a loop has."""
    return max(0, -(-(upper - lower) // step))


def choose_arguments(case: Case, before: Function) -> dict[str, int]:
    """Arguments around which a mask changes, most often in the last iterations."""
    rng = case.rng
    arguments = {
        name: rng.randint(-50, 2000) % (1 << width) if rng.random() < 0.6 else case.number(width)
        for name, width in case.arguments.items()
    }
    lower = 0 if case.starts_at_zero else Value(32, (arguments["%a0"],)).signed()[0]
    upper = lower + rng.choice((0, 1, 2, 3, 5, 17, 100)) * case.step - rng.randrange(case.step)
    if rng.random() < 0.9:
        arguments["%a1"] = min(upper, MOST) % (1 << 32)
    [loop] = read_loops(before)
    for comparison in case.comparisons:
        if rng.random() < 0.1:
            continue
        arguments[comparison.bound] = 0
        outside = before.evaluate(arguments, case.lanes)
        count = count_of(lower, outside["%a1"].signed()[0], case.step)
        iteration = rng.choice((count - 1, count - 1, count - 1, count - 2, 0, rng.randrange(max(1, count))))
        values = loop.evaluate(case, outside, max(0, iteration))
        index, rest = values[comparison.index].signed(), values[comparison.limit].signed()[0]
        beside = rng.choice((min(index), max(index))) + rng.choice((-1, 0, 0, 1, 1))
        arguments[comparison.bound] = comparison.sign * (beside - rest) % (1 << 32)
    return arguments


def choose_extremes(case: Case) -> dict[str, int]:
    """Arguments at the ends of their types, and a loop of a few iterations near one, none of which leaves its type."""
    rng = case.rng
    ends = {width: (-(1 << (width - 1)), (1 << (width - 1)) - 1) for width in NARROW}

    def extreme(width: int) -> int:
        least, most = ends[width]
        return rng.choice((least, least, least + 1, most, most - 1, -1, 0, 1, rng.randint(least, most)))

    arguments = {name: extreme(width) % (1 << width) for name, width in case.arguments.items()}
    if rng.random() < 0.3:
        arguments = {name: 1 << (width - 1) for name, width in case.arguments.items()}
    least, most = ends[case.width]
    count = rng.choice((0, 1, 1, 2, 3, most // case.step))
    lower = 0 if case.starts_at_zero else min(rng.choice((least, extreme(case.width))), most - count * case.step)
    upper = lower + count * case.step - (rng.randrange(case.step) if count else rng.choice((0, lower - least)))
    return arguments | {"%a0": max(lower, least) % (1 << case.width), "%a1": upper % (1 << case.width)}


@dataclass
class Trial:
    """One run of a loop before and after the pass."""

    case: Case
    before: Function
    after: Function
    arguments: dict[str, int]

    def __post_init__(self):
        case = self.case
        renamed = dict(zip(self.after.arguments, self.arguments.values(), strict=True))
        self.outside = self.before.evaluate(self.arguments, case.lanes)
        self.outside_after = self.after.evaluate(renamed, case.lanes)
        [self.loop], [self.whole, self.rest] = read_loops(self.before), read_loops(self.after)
        self.lower, self.upper = (self.outside[name].signed()[0] for name in (self.loop.lower, self.loop.upper))
        self.middle = self.outside_after[self.whole.upper].signed()[0]
        self.count = count_of(self.lower, self.upper, case.step)
        #: How many iterations run without masks.
        self.whole_count = count_of(self.lower, self.middle, case.step)

    def check(self) -> None:
        """All that the pass promises of a run."""
        try:
            self.check_middle()
            self.check_whole()
            self.check_precise()
        except AssertionError as error:
            report = f"{self.arguments}, iterations from {self.lower} over {self.middle} to {self.upper}"
            raise AssertionError(f"{error}: {report}, in\n{self.case.text}\n" + "\n".join(self.after.lines)) from None

    def check_middle(self) -> None:
        """The first loop ends where an iteration of the original begins, or where the original ends."""
        if self.count == 0:
            assert self.middle == self.lower, "runs although the original does not"
        else:
            assert self.lower <= self.middle <= self.upper, "outside the original"
            assert self.middle == self.upper or (self.middle - self.lower) % self.case.step == 0, "between two iterations"

    def check_whole(self) -> None:
        """In the first loop, what is left of each mask is the mask, to the lane and with wrap-around."""
        for number in self.some_of(self.whole_count):
            values = self.loop.evaluate(self.case, self.outside, number)
            values_after = self.whole.evaluate(self.case, self.outside_after, number)
            for mask, left in zip(self.loop.masks, self.whole.masks, strict=True):
                lanes = values_after[left].lanes if left else (1,) * self.case.lanes
                assert values[mask].lanes == lanes, f"a mask that was removed is not true in iteration {number}"

    def check_precise(self) -> None:
        """Where nothing wraps around, all iterations are in the first loop, or all but the last, if they are whole."""
        if self.count and self.is_whole(0) and self.is_whole(self.count - 1):
            assert self.whole_count == self.count, "all iterations are whole"
        elif self.count > 1 and self.is_whole(0) and self.is_whole(self.count - 2):
            assert self.whole_count == self.count - 1, "all iterations but the last are whole"

    def is_whole(self, number: int) -> bool:
        """Whether all comparisons are true in all lanes of iteration *number*, and none of their numbers wraps around."""
        values = self.loop.evaluate(self.case, self.outside, number)
        parts = [values[comparison.part] for comparison in self.case.comparisons]
        return all(all(part.lanes) and part.exact_signed for part in parts)

    def some_of(self, count: int) -> list[int]:
        """Numbers of iterations below *count*: all, if there are few, otherwise those at the ends and some at random."""
        if count <= ITERATIONS:
            return list(range(count))
        return [0, 1, count - 2, count - 1, *(self.case.rng.randrange(count) for _ in range(ITERATIONS - 4))]


def run_pass(folder, text: str) -> str:
    """*text* after the pass, for CTAs of one thread, so that small tiles have something to gain."""
    path = folder / "cases.mlir"
    path.write_text(text)
    return opt.run(path, ["-graft-peel-loops=threads=1"], False)


def passed(folder, rng: random.Random, make=make_case) -> list[tuple[Case, Function, Function]]:
    """Random cases that *make* makes, each with its function before and after the pass."""
    cases = [make(f"f{number}", rng) for number in range(FUNCTIONS_PER_SEED)]
    text = "".join(case.text for case in cases)
    before, after = read_functions(text), read_functions(run_pass(folder, text))
    return [(case, before[case.name], after[case.name]) for case in cases]


@pytest.mark.parametrize("seed", sampled(3, range(3)))
def test_iterations_without_masks_are_whole_and_all_that_do_not_wrap_but_the_last(seed, tmp_path):
    peeled = complete = partial = 0
    for case, before, after in passed(tmp_path, random.Random(seed)):
        if len(read_loops(after)) == 1:
            continue
        peeled += 1
        for _ in range(TRIALS_PER_FUNCTION):
            trial = Trial(case, before, after, choose_arguments(case, before))
            trial.check()
            complete += 0 < trial.count == trial.whole_count
            partial += 0 < trial.whole_count < trial.count
    # Otherwise the trials above would prove nothing.
    assert peeled > FUNCTIONS_PER_SEED / 2
    assert min(complete, partial) > peeled / 8


@pytest.mark.parametrize("seed", sampled(3, range(3)))
def test_numbers_at_the_ends_of_their_types_are_no_exception(seed, tmp_path):
    """Regression: a product of the smallest numbers of i16 is 2^31, and was taken for a number of 32 bits."""
    peeled = whole = 0
    for case, before, after in passed(tmp_path, random.Random(f"extreme {seed}"), make_extreme_case):
        if len(read_loops(after)) == 1:
            continue
        peeled += 1
        for _ in range(TRIALS_AT_EXTREMES):
            trial = Trial(case, before, after, choose_extremes(case))
            trial.check()
            whole += trial.whole_count > 0
    assert peeled > FUNCTIONS_PER_SEED / 5
    assert whole > peeled


def test_the_second_loop_is_the_original_and_goes_on_where_the_first_ends(tmp_path):
    for case, before, after in passed(tmp_path, random.Random("second")):
        [loop], [*first, last] = read_loops(before), read_loops(after)
        assert same_up_to_names(loop.lines, last.lines), case.text
        for whole in first:
            assert (last.lower, last.step) == (whole.upper, whole.step), case.text
            assert list(last.arguments.values()) == whole.results, case.text
