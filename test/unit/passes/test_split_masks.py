# SPDX-License-Identifier: MIT
"""What graft-split-masks promises, checked by evaluating the masks that it writes."""

import random
import re
from dataclasses import dataclass

import pytest
from sweeps import sampled
from triton.backends.graft import opt
from ttir_eval import Function, Value, evaluate_lines, read_functions, same_up_to_names
from ttir_writer import Writer

FUNCTIONS_PER_SEED = 300
TRIALS_PER_FUNCTION = 16

#: Of the loops that some of the masks are in.
STEP = 64

UPPER = ("slt", "sle", "ult", "ule")
MIRRORED = {"slt": "sgt", "sle": "sge", "ult": "ugt", "ule": "uge"}

LOAD = re.compile(r"(%\w+) = tt\.load %\w+, (%\w+), (%\w+) : .*")
LOOP = re.compile(r"^scf\.for (%\w+) = ", re.M)
STORE = re.compile(r"tt\.store %\w+, (%\w+), (%\w+) : .*")


@dataclass
class Case(Writer):
    """A load and a store of elements of `element` bits, under a mask that bounds the only tile of its axis."""

    element: int = 8
    #: The argument that bounds the tile, None for a constant, and the width of what is compared.
    bound: str | None = None
    width: int = 32
    mask: str = ""
    #: What is added to the range: a constant, or in a loop the induction variable and an argument, all multiples of a vector.
    offset: int = 0
    start: str | None = None

    @property
    def vector(self) -> int:
        """How many elements a thread moves at once without the mask, in a CTA of one: 16 bytes."""
        return min(128 // self.element, self.lanes)

    @property
    def text(self) -> str:
        """The function, in MLIR's syntax."""
        lines = [*self.lines, *self.accesses(f", {self.mask}", ", %value", self.element)]
        if self.start:
            head = ["%zero = arith.constant 0 : i32", f"%step = arith.constant {STEP} : i32"]
            lines = [*head, f"scf.for %iv = %zero to {self.start} step %step  : i32 {{", *lines, "}"]
        text = self.function(lines, self.element)
        return text.replace(f"{self.start}: i32", f"{self.start}: i32 {{tt.divisibility = {STEP} : i32}}")

    def index(self) -> str:
        """The lanes, with a multiple of a vector added, and with 64 bits if that is the width."""
        value = self.emit(f"tt.make_range {{end = {self.lanes} : i32, start = 0 : i32}} : {self.tensor(32)}")
        if self.start:
            value = self.binary("addi", value, self.splat(self.start, 32), 32)
            value = self.binary("addi", value, self.splat("%iv", 32), 32)
        elif self.offset:
            value = self.binary("addi", value, self.constant(self.offset, 32), 32)
        return self.extended(value) if self.width == 64 else value

    def limit(self) -> str:
        """The bound in every lane: a constant, or an argument, perhaps with something added."""
        if self.rng.random() < 0.1:
            return self.constant(self.rng.choice((1, 3, self.vector, self.vector + 1, self.lanes - 1)), self.width)
        widens = self.width == 64 and self.rng.random() < 0.5
        self.bound = self.argument(32 if widens else self.width)
        limit = self.splat(self.bound, 32 if widens else self.width)
        limit = self.extended(limit) if widens else limit
        if self.rng.random() < 0.3:
            limit = self.binary("addi", limit, self.constant(self.rng.choice((1, -1, 7, -self.lanes)), self.width), self.width)
        return limit

    def choose_arguments(self) -> dict[str, int]:
        """Numbers around which the mask changes; the induction variable is one of them."""
        numbers = {name: self.rng.getrandbits(1) for name in self.arguments}
        first = self.offset
        if self.start:
            numbers[self.start], numbers["%iv"] = (
                STEP * self.rng.choice((0, 1, 5, -1, (1 << 25) - 1)) % (1 << 32) for _ in "ab"
            )
            first = (numbers[self.start] + numbers["%iv"]) % (1 << 32)
        if self.bound:
            numbers[self.bound] = self.limiting_number(first)
        return numbers

    def limiting_number(self, first: int) -> int:
        """A bound for the lanes from *first* on: in the tile, around multiples of a vector, or near an end of its type."""
        width, rng = self.arguments[self.bound], self.rng
        corner = rng.choice((0, first, first, first + self.lanes, 1 << (width - 1), (1 << width) - 1))
        near = rng.choice((0, rng.randint(-self.lanes, self.lanes), self.vector * rng.randint(-4, 4) + rng.randint(-1, 1)))
        return (corner + near) % (1 << width)


def make_case(name: str, rng: random.Random) -> Case:
    """A random mask: one bound, written from either side, and sometimes a part that is the same in every lane."""
    case = Case(name, rng.choice((8, 16, 32, 64)), rng, element=rng.choice((8, 16, 32)), width=rng.choice((32, 64)))
    case.offset = rng.choice((0, 0, case.vector, 16 * case.vector))
    if rng.random() < 0.4:
        case.start = case.argument(32)
    index, limit, predicate = case.index(), case.limit(), rng.choice(UPPER)
    if rng.random() < 0.3:
        index, limit, predicate = limit, index, MIRRORED[predicate]
    case.mask = case.emit(f"arith.cmpi {predicate}, {index}, {limit} : {case.tensor(case.width)}")
    if rng.random() < 0.2:
        case.mask = case.binary("andi", case.mask, case.splat(case.argument(1), 1), 1)
    return case


def run_pass(folder, text: str) -> str:
    """*text* after the pass, for CTAs of one thread, so that small tiles have something to gain."""
    path = folder / "cases.mlir"
    path.write_text(text)
    return opt.run(path, ["-graft-split-masks=threads=1"], False)


def take_apart(function: Function) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """The result, mask and `other` of each load, and the value and mask of each store."""
    loads = [found.groups() for line in function.lines if (found := LOAD.fullmatch(line))]
    stores = [found.groups() for line in function.lines if (found := STORE.fullmatch(line))]
    return loads, stores


def evaluate(case: Case, function: Function, arguments: dict[str, int]) -> dict[str, Value]:
    """All values of *function*, in the iteration that the last argument, `%iv`, is of if there is a loop."""
    widths = function.arguments | dict.fromkeys(LOOP.findall("\n".join(function.lines)), 32)
    values = {
        name: Value(width, (number,) * case.lanes)
        for (name, width), number in zip(widths.items(), arguments.values(), strict=True)
    }
    return evaluate_lines(function.lines, values, case.lanes)


def check_masks(case: Case, expected: tuple[int, ...], first: tuple[int, ...], second: tuple[int, ...]) -> None:
    """Each lane of the mask *expected* is in one of the two, and the first has whole vectors only."""
    assert not any(a and b for a, b in zip(first, second, strict=True)), "an element is moved twice"
    assert tuple(a | b for a, b in zip(first, second, strict=True)) == expected, "together they are not the mask"
    vectors = (first[at : at + case.vector] for at in range(0, case.lanes, case.vector))
    assert all(len(set(vector)) == 1 for vector in vectors), f"a vector of {case.vector} is not whole"


def check_trial(case: Case, before: Function, after: Function, arguments: dict[str, int]) -> tuple[bool, bool]:
    """Checks the masks for *arguments*; says whether any lane is in a whole vector, and whether any is in the rest."""
    expected = evaluate(case, before, arguments)[case.mask].lanes
    values = evaluate(case, after, arguments)
    loads, stores = take_apart(after)
    for masks in [mask for _, mask, _ in loads], [mask for _, mask in stores]:
        first, second = (values[mask].lanes for mask in masks)
        check_masks(case, expected, first, second)
    return any(first), any(second)


@pytest.mark.parametrize("seed", sampled(3, range(3)))
def test_whole_vectors_and_the_rest_are_together_the_mask_and_have_nothing_in_common(seed, tmp_path):
    rng = random.Random(seed)
    cases = [make_case(f"f{number}", rng) for number in range(FUNCTIONS_PER_SEED)]
    text = "".join(case.text for case in cases)
    functions, functions_after = read_functions(text), read_functions(run_pass(tmp_path, text))
    split = vectors = rests = 0
    for case in cases:
        before, after = functions[case.name], functions_after[case.name]
        loads, stores = take_apart(after)
        if len(loads) == 1:
            assert same_up_to_names(before.lines, after.lines)
            continue
        split += 1
        [(whole, _, _), (value, _, other)] = loads
        assert (other, [stored for stored, _ in stores]) == (whole, [value, value]), after.lines
        for _ in range(TRIALS_PER_FUNCTION):
            arguments = case.choose_arguments()
            try:
                has_vectors, has_rest = check_trial(case, before, after, arguments)
            except AssertionError as error:
                lines = "\n".join(after.lines)
                raise AssertionError(f"{error}: seed {seed}, {arguments}, in\n{case.text}\n{lines}") from None
            vectors += has_vectors
            rests += has_rest
    # Otherwise the trials above would prove nothing.
    assert split > FUNCTIONS_PER_SEED / 2
    assert min(vectors, rests) > split
